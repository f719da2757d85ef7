"""Which process a number means: a later one of the same number is another one."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told from a later one of the same number by when it started.

    Args:
        pid: Process id.
        start_ticks: When it started, clock ticks since boot (field 22 of /proc/PID/stat).

    Example:
        >>> Process.of(os.getpid()).alive
        True
    """

    pid: int
    start_ticks: int

    @classmethod
    def of(cls, pid: int) -> "Process":
        """Describe a process that runs now; one that does not has started at -1."""
        return cls(pid, _start_ticks(pid))

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return self.start_ticks >= 0 and _start_ticks(self.pid) == self.start_ticks

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has ended; tell whether it has."""
        end = time.monotonic() + timeout_s
        while self.alive and time.monotonic() < end:
            time.sleep(0.03)
        return not self.alive

    def end(self) -> None:
        """Terminate it, at last by force."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.alive:
                os.kill(self.pid, number)
                self.wait(5.0)


def _start_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return -1
    return -1 if fields[0] in "ZX" else int(fields[19])
