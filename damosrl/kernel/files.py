"""Files of a kernel, or of something that behaves like one: read, written, listed."""

import errno
import os
from pathlib import Path
from typing import Protocol

from damosrl.kernel.file_errors import file_error

MAX_READ_BYTES = 1 << 24
"""Longest file taken; the kernel's own text files are far shorter."""


class Files(Protocol):
    """What the client needs of a file system; `OsFiles`, `DryRunFiles` and a fake tree give it."""

    def read(self, path: Path) -> str:
        """Return a file's text as it is, the last newline included.

        Raises:
            FileError: The kernel refused; the error number is in ``number``.
        """
        ...

    def write(self, path: Path, text: str) -> None:
        """Write a file's text in one system call; the file must exist.

        Raises:
            FileError: The kernel refused; nothing was changed.
        """
        ...

    def exists(self, path: Path) -> bool:
        """Tell whether there is a file or a folder."""
        ...

    def names(self, path: Path) -> list[str]:
        """Return the sorted names in a folder.

        Raises:
            FileError: There is no such folder.
        """
        ...


class OsFiles:
    """The files of this machine.

    Example:
        >>> OsFiles().read(Path("/proc/self/comm")) != ""
        True
    """

    def read(self, path: Path) -> str:
        """See `Files.read`."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return _read_all(handle).decode(errors="replace")
            finally:
                os.close(handle)
        except OSError as error:
            raise file_error(path, error.errno or errno.EIO) from error

    def write(self, path: Path, text: str) -> None:
        """See `Files.write`."""
        data = text.encode()
        try:
            handle = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
            try:
                written = os.write(handle, data)
            finally:
                os.close(handle)
        except OSError as error:
            raise file_error(path, error.errno or errno.EIO, text) from error
        if written != len(data):
            raise file_error(path, errno.EIO, text)

    def exists(self, path: Path) -> bool:
        """See `Files.exists`."""
        return os.path.lexists(path)

    def names(self, path: Path) -> list[str]:
        """See `Files.names`."""
        try:
            return sorted(item.name for item in path.iterdir())
        except OSError as error:
            raise file_error(path, error.errno or errno.EIO) from error


def _read_all(handle: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while size <= MAX_READ_BYTES:
        part = os.read(handle, 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    raise OSError(errno.EFBIG, "longer than any file of the kernel")
