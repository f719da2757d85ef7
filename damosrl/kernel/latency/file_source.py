"""A number in a file, as old as the file's last change."""

import os
import stat
import time
from pathlib import Path

from damosrl.errors import KernelError
from damosrl.kernel.latency.probe import LONGEST_TEXT_BYTES, Sample, number_of


class FileSource:
    """A file that somebody keeps writing a number into.

    A writer that truncates leaves it empty for a moment, which counts as nothing new; one that
    renames a finished file onto it never shows half a number.

    Args:
        path: The file; it may come later.

    Example:
        >>> FileSource(Path("/proc/self/comm")).path.name
        'comm'
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def poll(self) -> Sample | None:
        """See `Source.poll`."""
        try:
            # a pipe without a writer would keep its reader waiting
            handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                status = os.fstat(handle)
                if not stat.S_ISREG(status.st_mode):
                    raise KernelError(f"{self.path} is no plain file", fix="write a plain file")
                text = os.read(handle, LONGEST_TEXT_BYTES + 1)
            finally:
                os.close(handle)
        except OSError as error:
            raise KernelError(f"{self.path} cannot be read", got=error.strerror) from error
        value = number_of(text, self.path)
        # a change in the future is as little worth as one long past
        age_s = abs(time.time() - status.st_mtime_ns / 1e9)
        return None if value is None else Sample(value, age_s)

    def close(self) -> None:
        """See `Source.close`; nothing is held."""
