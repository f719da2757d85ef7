"""What a tree held before we changed it, kept in a file that outlives our process."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from damosrl.errors import KernelError
from damosrl.kernel.files import Files
from damosrl.kernel.roots import Roots
from damosrl.kernel.snapshot import Settings, read_if_there


@dataclass(frozen=True, slots=True)
class SavedState:
    """The state to go back to, and what is ours meanwhile.

    Args:
        root: The tree's ``admin`` folder.
        boot_id: Of the boot in which this was saved.
        pid: Process that controls the tree.
        settings: Every setting found, by path.
        running: Indices of kdamonds that ran when it was saved; always ones of ours.
        kdamonds: Process ids of kdamonds started since.
        starting: A start is in progress, so that a kdamond with an unknown id is ours too.
        earlier: State of a session of ours that was killed before this one began.
    """

    root: str
    boot_id: str
    pid: int
    settings: Settings
    running: tuple[int, ...] = ()
    kdamonds: tuple[int, ...] = ()
    starting: bool = False
    earlier: "SavedState | None" = None

    @property
    def origin(self) -> "SavedState":
        """The state before any session of ours."""
        return self.earlier.origin if self.earlier else self

    def taken_over(self) -> "SavedState":
        """Return this session's state with the killed sessions' place taken, if there are any."""
        if self.earlier is None:
            return self
        before = self.earlier.taken_over()
        return replace(
            before,
            pid=self.pid,
            kdamonds=tuple(sorted({*self.kdamonds, *before.kdamonds})),
            starting=self.starting or before.starting,
        )

    def owns(self, pid: int) -> bool:
        """Tell whether a kdamond was started by us."""
        mine = self.starting or pid in self.kdamonds
        return mine or (self.earlier is not None and self.earlier.owns(pid))


def boot_id(roots: Roots, files: Files) -> str:
    """Return the id of this boot, "" where procfs does not tell."""
    return (read_if_there(files, roots.procfs / "sys/kernel/random/boot_id") or "").strip()


def save(path: Path, state: SavedState) -> None:
    """Write a state in one piece, readable by its owner only.

    Raises:
        KernelError: The folder cannot be written, or the disk is full; an older file is as before.
    """
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(state), file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise KernelError(
            f"the state of {state.root} cannot be saved in {path.parent}",
            got=error.strerror,
            fix="make room there, or give another state folder; nothing was changed",
        ) from error


def load(path: Path) -> SavedState | None:
    """Read a state; None where there is none.

    Raises:
        KernelError: The file is damaged.
    """
    try:
        return _state(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise KernelError(
            f"the saved state {path} cannot be read",
            got=f"{type(error).__name__}: {error}",
            fix="set up DAMON by hand, then remove the file",
        ) from error


def _state(data: dict[str, Any]) -> SavedState:
    settings = {str(name): str(text) for name, text in data["settings"].items()}
    earlier = data.get("earlier")
    state = SavedState(**{**data, "settings": settings, "earlier": None})
    return replace(
        state,
        running=tuple(map(int, data["running"])),
        kdamonds=tuple(map(int, data["kdamonds"])),
        earlier=_state(earlier) if earlier else None,
    )
