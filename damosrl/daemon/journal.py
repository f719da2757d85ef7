"""The log of decisions: JSON lines, bounded on the disk, and never in the way of a decision."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from damosrl.daemon.decision import Decision
from damosrl.daemon.journal_files import CURRENT, closed_files, next_closed
from damosrl.daemon.whole_file import OWNER_ONLY
from damosrl.errors import ConfigError

MIN_BYTES = 4096
"""A decision takes one to three kilobytes."""
MAX_BYTES = 8 * 2**20
"""Of one file, unless told otherwise: about two hours at one decision per second."""
KEEP = 8
"""Files, unless told otherwise."""


class Journal:
    """Writes one line per decision; ``keep * max_bytes`` is the most that it ever occupies.

    The newest lines are in ``decisions.jsonl``; a full file becomes ``decisions.000001.jsonl`` and
    so on, and the oldest are removed. A line that cannot be written (full disk, no folder, longer
    than a file may be) is dropped and counted; the next is tried anew. A line that was half
    written, by a full disk or by a crash, is taken back or closed before another follows it.

    Args:
        folder: Where the files lie; made (0700) where it is missing. Files are 0600.
        max_bytes: Most bytes of one file.
        keep: Most files, the current one included.

    Raises:
        ConfigError: A bound is too small.

    Example:
        >>> import tempfile
        >>> from damosrl.daemon.journal_reader import read_decisions
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     journal = Journal(Path(folder))
        ...     list(read_decisions(Path(folder)))
        []
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES, keep: int = KEEP) -> None:
        if max_bytes < MIN_BYTES:
            raise ConfigError(
                "a file of the journal is too small", got=max_bytes, allowed=">= 4096"
            )
        if keep < 1:
            raise ConfigError("the journal keeps no file", got=keep, allowed=">= 1")
        self._folder = folder
        self._max_bytes = max_bytes
        self._keep = keep
        self._handle: int | None = None
        self._encoder = msgspec.json.Encoder()
        self.dropped = 0
        """Lines that are missing, since the start."""
        self.trouble = ""
        """Why the last line is missing; "" if it is not."""

    def write(self, decision: Decision) -> bool:
        """Append a decision; tell whether it was written. Never raises for the disk's sake."""
        line = self._encoder.encode(decision) + b"\n"
        try:
            self._append(line)
        except OSError as error:
            self.close()
            self.dropped += 1
            self.trouble = error.strerror or type(error).__name__
            return False
        self.trouble = ""
        return True

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._handle is not None:
            with suppress(OSError):
                os.close(self._handle)
            self._handle = None

    def _append(self, line: bytes) -> None:
        handle, size = self._opened()
        data = _closing(handle, size) + line
        if len(line) + 1 > self._max_bytes:
            raise OSError(0, "a decision is longer than a file of the journal may be")
        if size + len(data) > self._max_bytes:
            self._rotate()
            handle, size = self._opened()
            data = line
        if os.write(handle, data) != len(data):
            with suppress(OSError):
                os.ftruncate(handle, size)
            raise OSError(0, "the disk is full")

    def _opened(self) -> tuple[int, int]:
        """Return the current file and its size; open it if it is not, or if it was removed."""
        if self._handle is not None:
            found = os.fstat(self._handle)
            if found.st_nlink:
                return self._handle, found.st_size
            self.close()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._handle = os.open(self._folder / CURRENT, flags, OWNER_ONLY)
        os.fchmod(self._handle, OWNER_ONLY)
        self._prune(self._keep - 1)
        return self._handle, os.fstat(self._handle).st_size

    def _rotate(self) -> None:
        """Close the current file for good, and make room for a new one."""
        self.close()
        (self._folder / CURRENT).rename(next_closed(self._folder))
        self._prune(self._keep - 1)

    def _prune(self, keep: int) -> None:
        """Remove the oldest closed files until number and bytes are within their bounds.

        Files of an earlier configuration may be larger than ours may be.
        """
        room = keep * self._max_bytes
        for number, path in enumerate(reversed(closed_files(self._folder)), start=1):
            room -= path.stat().st_size
            if number > keep or room < 0:
                path.unlink()


def _closing(handle: int, size: int) -> bytes:
    """Return the newline that a torn last line lacks."""
    return b"" if size == 0 or os.pread(handle, 1, size - 1) == b"\n" else b"\n"
