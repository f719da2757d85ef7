"""One controller per tree: a lock that ends with its process, however that ends."""

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from damosrl.errors import KernelBusyError, KernelError

STATE_DIR = Path("/run/damosrl")
"""Where locks and saved states lie unless another folder is given; emptied by a boot."""

REMEDIES = {
    errno.EACCES: "run as root",
    errno.EPERM: "run as root",
    errno.ENOSPC: "make room there",
}
"""What else helps, by what the system answers."""


def state_file(state_dir: Path, root: Path, ending: str) -> Path:
    """Return the file of a tree in the state folder, named by the tree's resolved path."""
    key = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
    return state_dir / f"{key}.{ending}"


@contextmanager
def tree_lock(state_dir: Path, root: Path) -> Iterator[None]:
    """Hold the only right to change a tree.

    Args:
        state_dir: Folder of locks, made where it is missing.
        root: The tree's ``admin`` folder.

    Raises:
        KernelBusyError: Another process holds it; the message has its pid.
        KernelError: The folder cannot be used.
    """
    path = state_file(state_dir, root, "lock")
    handle = _open(path)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(handle, 20, 0).decode(errors="replace").strip()
            raise KernelBusyError(
                f"{root} is controlled by another process of ours",
                got=f"pid {holder or 'unknown'}",
                fix="end it first",
            ) from error
        _sign(handle, path)
        yield
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error


def _sign(handle: int, path: Path) -> None:
    """Write our process id into the lock, for who finds it held."""
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> KernelError:
    remedy = REMEDIES.get(error.errno or 0)
    return KernelError(
        f"the lock {path} cannot be used",
        got=error.strerror,
        fix=f"{remedy}, or give another state folder" if remedy else "give another state folder",
    )
