"""From the words of the command line to typed settings and a folder."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from damosrl.config import typed
from damosrl.errors import ConfigError
from damosrl.experiment.compose import compose
from damosrl.experiment.folder import RunFolder, folder_exists, new_folder, reopen_folder
from damosrl.experiment.provenance import command_line
from damosrl.experiment.settings import WorldSettings, kept

S = TypeVar("S", bound=WorldSettings)

WITH_RESUME = ("resume", "jobs")
"""Settings that may be given when a run goes on; all others are in its folder."""
RESULTS = Path("results")


@dataclass(frozen=True)
class Launch(Generic[S]):
    """A run about to start, or to go on.

    Args:
        command: Name of the command.
        settings: What it is asked for.
        words: As the user gave them.
        path: The folder.
        resumed: Whether the folder exists.
    """

    command: str
    settings: S
    words: tuple[str, ...]
    path: Path
    resumed: bool = False

    @property
    def started(self) -> bool:
        """Whether there is a folder that the run can go on from."""
        return self.path.is_dir()

    def folder(self) -> AbstractContextManager[RunFolder]:
        """Return the folder, made on entering unless the run goes on; see `new_folder`.

        Raises:
            RunFolderError: It exists, or cannot be made.
        """
        if self.resumed:
            return nullcontext(RunFolder(self.path))
        words = [word for word in self.words if not word.startswith("out=")]
        command = command_line(self.command, [*words, f"out={self.path}"])
        return new_folder(self.path, kept(self.settings), words, command)


def prepare_launch(
    command: str, kind: type[S], words: Sequence[str], finished_mark: str
) -> Launch[S]:
    """Read settings; nothing is written yet.

    Args:
        command: Name of the command, and of its file in the configuration tree.
        kind: Schema of its settings.
        words: ``key=value`` words.
        finished_mark: File that a finished run of this command has.

    Raises:
        ConfigError: A setting is wrong.
        RunFolderError: The folder to write exists, or the one to resume does not.
    """
    values = compose(command, words)
    if values.get("resume"):
        return _resume(command, kind, words, finished_mark, values)
    settings = typed(kind, values, command)
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    path = Path(settings.out) if settings.out else RESULTS / f"{command}-{stamp}"
    if path.exists():
        raise folder_exists(path)  # before time is spent
    return Launch(command, settings, tuple(words), path)


def _resume(
    command: str, kind: type[S], words: Sequence[str], finished_mark: str, values: dict[str, object]
) -> Launch[S]:
    others = [word for word in words if word.split("=", maxsplit=1)[0] not in WITH_RESUME]
    if others:
        raise ConfigError(
            "a resumed run keeps its settings",
            got=", ".join(others),
            allowed=", ".join(f"{name}=..." for name in WITH_RESUME),
            fix="leave the others out, or start a new run",
        )
    path = Path(str(values["resume"]))
    _, stored = reopen_folder(path, finished_mark)
    settings = typed(kind, stored, f"{path / 'config.yaml'}")
    if any(word.startswith("jobs=") for word in words):
        settings = replace(settings, jobs=typed(kind, values, command).jobs)
    return Launch(command, settings, tuple(words), path, resumed=True)
