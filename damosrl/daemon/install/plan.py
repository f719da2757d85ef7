"""What an installation does to each file, decided before anything is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from damosrl.daemon.install.sealed import is_unchanged, sealed
from damosrl.daemon.whole_file import replace_file
from damosrl.errors import ConfigError

NEW, OLD = ".damosrl-new", ".damosrl-old"
"""Beside a file that was changed by hand: ours if it is kept, theirs if it is not."""


class Deed(StrEnum):
    """What happens to a file."""

    CREATE = "create"
    REPLACE = "replace"
    """It is as an earlier installation left it."""
    LEAVE = "leave"
    """It is already what it is to be."""
    KEEP = "keep"
    """It was changed by hand; ours is written beside it."""
    OVERWRITE = "overwrite"
    """It was changed by hand; that version is kept beside ours."""
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Content:
    """A file of an installation.

    Args:
        name: Path below the root.
        text: What is in it, without its seal.
        mode: Permission bits.
    """

    name: str
    text: str
    mode: int


@dataclass(frozen=True, slots=True)
class Step:
    """One file and what happens to it."""

    path: Path
    deed: Deed
    text: str
    mode: int

    def do(self) -> None:
        """Do it.

        Raises:
            ConfigError: The file system refuses; files of earlier steps stay as they are now.
        """
        try:
            self._do()
        except OSError as error:
            raise ConfigError(
                f"{self.path} cannot be written",
                got=error.strerror,
                fix="run as root, or give another --root",
            ) from error

    def _do(self) -> None:
        path = self.path
        if self.deed is Deed.LEAVE:
            return
        if self.deed is Deed.REMOVE:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if self.deed is Deed.OVERWRITE:
            path.rename(path.with_name(path.name + OLD))
        if self.deed is Deed.KEEP:
            path = path.with_name(path.name + NEW)
        replace_file(path, self.text.encode(), self.mode)


def installing(root: Path, contents: Iterable[Content], *, force: bool) -> list[Step]:
    """Plan to write files; nothing is changed yet.

    Args:
        root: Root of the system that is installed to.
        contents: The files.
        force: Whether files that were changed by hand are replaced.

    Raises:
        ConfigError: A file would lie outside the root, or cannot be looked at.
    """
    steps = []
    for content in contents:
        path = _inside(root, content.name)
        text = sealed(content.text)
        steps.append(Step(path, _deed(path, text, force), text, content.mode))
    return steps


def removing(root: Path, names: Sequence[str], *, force: bool) -> list[Step]:
    """Plan to remove what was installed; files that were changed by hand stay without ``force``.

    Raises:
        ConfigError: A file would lie outside the root, or cannot be looked at.
    """
    steps = []
    for path in (_inside(root, name) for name in names):
        found = _found(path)
        if found is not None or path.is_symlink():
            ours = force or (found is not None and is_unchanged(found))
            steps.append(Step(path, Deed.REMOVE if ours else Deed.LEAVE, "", 0))
    return steps


def _deed(path: Path, text: str, force: bool) -> Deed:
    found = _found(path)
    if found is None and not path.is_symlink():
        return Deed.CREATE
    if found == text:
        return Deed.LEAVE
    if found is not None and is_unchanged(found):
        return Deed.REPLACE
    return Deed.OVERWRITE if force else Deed.KEEP


def _found(path: Path) -> str | None:
    """Return what is in a file; None if there is none, or only a link."""
    if path.is_symlink():
        return None
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read", got=error.strerror, fix="run as root, or mend it by hand"
        ) from error


def _inside(root: Path, name: str) -> Path:
    """Return a path below the root; refuse one that a link leads out of it."""
    path = root / name
    if not path.parent.resolve().is_relative_to(root.resolve()):
        raise ConfigError(
            f"{path.parent} leads out of {root}",
            got=path.parent.resolve(),
            fix="make that link relative, or install inside that system with --root /",
        )
    return path
