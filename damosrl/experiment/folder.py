"""The folder of a run: plain files, each written whole or not at all, never overwritten."""

import csv
import errno
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from damosrl.config import load_yaml
from damosrl.errors import DamosrlError, RunFolderError
from damosrl.experiment.provenance import versions

CONFIG = "config.yaml"
OVERRIDES = "overrides.yaml"
COMMAND = "command.txt"
VERSIONS = "versions.json"
DOCUMENT = "document.json"
SEARCH_JOURNAL = "search.journal"
BEFORE_RESULTS = frozenset({CONFIG, OVERRIDES, COMMAND, VERSIONS, DOCUMENT, SEARCH_JOURNAL})
"""Files that a run may have before anything has been found out."""

_OUT_OF_SPACE = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Writes the files of one run. The folder may be moved or renamed at any time.

    Each file is written beside its place and renamed into it, so that a reader, an interruption
    or a full disk never meets half a file.

    Args:
        path: The folder.

    Example:
        >>> def note(folder: RunFolder) -> None:
        ...     folder.write_json("summary.json", {"scores": {}})
    """

    path: Path

    def file(self, name: str) -> Path:
        """Return the path of one file of the run."""
        return self.path / name

    def write_text(self, name: str, text: str) -> None:
        """Write a text file whole.

        Raises:
            RunFolderError: The disk is full or the folder cannot be written.
        """
        self.write_bytes(name, text.encode("utf-8"))

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file whole.

        Raises:
            RunFolderError: The disk is full or the folder cannot be written.
        """
        with writing(self.path):
            handle, temporary = mkstemp(dir=self.path, prefix=f".{name}.")
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                Path(temporary).chmod(0o644)
                Path(temporary).replace(self.path / name)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file whole; errors as of `write_text`."""
        self.write_text(name, json.dumps(content, indent=2, allow_nan=False) + "\n")

    def write_yaml(self, name: str, content: Any) -> None:
        """Write a YAML file whole; errors as of `write_text`."""
        self.write_text(name, yaml.safe_dump(content, sort_keys=False, width=100))

    def write_rows(
        self, name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Write a CSV file whole: a header, then one line per row; a missing value is empty."""
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.write_text(name, text.getvalue())

    def write_lines(self, name: str, items: Sequence[Mapping[str, Any]]) -> None:
        """Write a JSON Lines file whole; errors as of `write_text`."""
        self.write_text(name, "".join(json.dumps(item) + "\n" for item in items))

    def write_arrays(self, name: str, arrays: Mapping[str, NDArray[np.float64]]) -> None:
        """Write a NumPy archive whole; errors as of `write_text`."""
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]  # stubs confuse keywords
        self.write_bytes(name, stream.getvalue())

    def read_rows(self, name: str) -> list[dict[str, str]]:
        """Read a CSV file; nothing if it is missing.

        Raises:
            RunFolderError: It is damaged.
        """
        if not self.file(name).is_file():
            return []
        with self.intact(name), self.file(name).open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def read_lines(self, name: str) -> list[dict[str, Any]]:
        """Read a JSON Lines file; nothing if it is missing.

        Raises:
            RunFolderError: It is damaged.
        """
        if not self.file(name).is_file():
            return []
        with self.intact(name):
            return [json.loads(line) for line in self.file(name).read_text("utf-8").splitlines()]

    @contextmanager
    def intact(self, name: str) -> Iterator[None]:
        """Turn what a reader stumbles over into an error that names the file.

        Runs write whole files, so that a damaged one was damaged by something else.

        Raises:
            RunFolderError: Content is missing or of another kind.
        """
        try:
            yield
        except (csv.Error, KeyError, TypeError, ValueError) as error:
            raise RunFolderError(
                f"{self.file(name)} is damaged",
                got=f"{type(error).__name__}: {error}",
                allowed="the file as the run wrote it",
                fix="restore it, or start a new run",
            ) from error


@contextmanager
def new_folder(
    path: Path, config: Mapping[str, Any], overrides: Sequence[str], command: str
) -> Iterator[RunFolder]:
    """Make a new run folder and write down what is about to run.

    A run that is refused before its first result leaves nothing: the folder goes, and so do the
    parents that were made for it. Results are kept, and so is a run that the user stops.

    Args:
        path: Must not exist; missing parents are made.
        config: The complete settings, plain data.
        overrides: What the user gave, ``key=value``.
        command: The command line that repeats the run.

    Raises:
        RunFolderError: The folder exists, or cannot be made.
    """
    missing = [parent for parent in path.parents if not parent.exists()]
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir()
        except FileExistsError:
            raise folder_exists(path) from None
    try:
        folder = RunFolder(path)
        folder.write_yaml(CONFIG, dict(config))
        folder.write_yaml(OVERRIDES, list(overrides))
        folder.write_text(COMMAND, command + "\n")
        folder.write_json(VERSIONS, versions())
        yield folder
    except DamosrlError:
        if BEFORE_RESULTS.issuperset(entry.name for entry in path.glob("*")):
            _remove(path, missing)
        raise


def folder_exists(path: Path) -> RunFolderError:
    """Return the error for an output folder that exists, naming one that does not."""
    return RunFolderError(
        "the output folder exists; runs are never overwritten",
        got=path,
        allowed="a path that does not exist",
        fix=f"give out={_free_name(path)}",
    )


def reopen_folder(path: Path, finished_mark: str) -> tuple[RunFolder, dict[str, Any]]:
    """Open the folder of an interrupted run.

    Args:
        path: The folder.
        finished_mark: File that a finished run has.

    Returns:
        The folder and the settings it was started with.

    Raises:
        RunFolderError: There is no such run, or it is finished already.
        ConfigError: Its settings cannot be read.
    """
    if not (path / CONFIG).is_file():
        raise RunFolderError(
            "there is no run to resume",
            got=path,
            allowed=f"a run folder with {CONFIG}",
            fix="check the path",
        )
    if (path / finished_mark).exists():
        raise RunFolderError(
            "the run is finished; there is nothing to resume",
            got=path,
            fix=f"read its results, or start a new run with out={_free_name(path)}",
        )
    return RunFolder(path), load_yaml(path / CONFIG)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusals to write into errors that say what to do.

    Args:
        path: What is being written, for the message.

    Raises:
        RunFolderError: The disk is full, or the place cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _OUT_OF_SPACE:
            raise RunFolderError(
                "the disk is full; results so far are kept and readable",
                got=path,
                fix="make room, then resume the run",
            ) from error
        raise RunFolderError(
            "cannot write the run folder",
            got=f"{path} ({error.strerror})",
            allowed="a folder that you may write",
            fix="give out=DIR elsewhere",
        ) from error


def _remove(path: Path, parents: Sequence[Path]) -> None:
    """Remove a folder, and of the parents, nearest first, those that are empty then."""
    shutil.rmtree(path, ignore_errors=True)
    for parent in parents:
        if any(parent.iterdir()):
            return
        parent.rmdir()


def _free_name(path: Path) -> Path:
    """Return a path beside another one, or in it if it is no name but ``.``, ``..`` or ``/``."""
    stem = path / "run" if path.name in ("", "..") else path
    number = 2
    while stem.with_name(f"{stem.name}-{number}").exists():
        number += 1
    return stem.with_name(f"{stem.name}-{number}")
