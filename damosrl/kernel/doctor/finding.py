"""What a check looks at, and what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from damosrl.kernel.files import Files
from damosrl.kernel.host.tables import read_if_there
from damosrl.kernel.lock import STATE_DIR
from damosrl.kernel.roots import Roots


class State(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and will surprise."""
    MISSING = "missing"
    BUSY = "busy"
    """It is there, and somebody else has it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of a check.

    Args:
        state: How the thing is.
        found: What was seen.
        why: Why that matters; "" where nothing follows from it.
        fix: The command, or the words, that mend it; "" where nothing has to be mended.
    """

    state: State
    found: str
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as its files tell it.

    Args:
        roots: Where its kernel's file systems are.
        files: How they are read; nothing is ever written.
        state_dir: Folder of our locks and saved states.

    Example:
        >>> from damosrl.kernel.files import OsFiles
        >>> Machine(Roots(), OsFiles()).text(Path("/proc/self/comm")) is not None
        True
    """

    roots: Roots
    files: Files
    state_dir: Path = STATE_DIR

    def text(self, path: Path) -> str | None:
        """Return a file's text without outer blanks; None where it is absent or refused."""
        text = read_if_there(self.files, path)
        return None if text is None else text.strip()

    def names(self, path: Path) -> list[str]:
        """Return the names in a folder; none where it is absent."""
        return self.files.names(path) if self.files.exists(path) else []


Look = Callable[[Machine], Finding]
"""A check."""
