"""The status file: what the daemon is doing now, for `damosrl daemon status` and other programs."""

import os
import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

import msgspec

from damosrl.daemon.decision import Decision
from damosrl.daemon.tally import Counters
from damosrl.daemon.whole_file import replace_file
from damosrl.process import Process

STATUS_NAME = "daemon.status.json"
"""Below the state folder."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Phase(StrEnum):
    """Where in its life the daemon is."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"
    """It restored what it had found, and ended in order."""


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stays the same while a process drives by one bundle.

    Args:
        pid: Process id.
        start_ticks: Start of that process, which tells it from a later one of the same number.
        boot_id: The boot in which it runs, "" if the kernel does not tell.
        started: Coordinated universal time, ISO 8601.
        bundle: Path of the bundle.
        bundle_sha256: Its content hash.
        interval_s: Decision interval.
        journal: Folder of the journal.
    """

    pid: int
    start_ticks: int
    boot_id: str
    started: str
    bundle: str
    bundle_sha256: str
    interval_s: float
    journal: str

    @classmethod
    def here(cls, *, bundle: Path, sha256: str, interval_s: float, journal: Path) -> Self:
        """Describe this process, which starts now."""
        return cls(
            pid=os.getpid(),
            start_ticks=Process.of(os.getpid()).start_ticks,
            boot_id=this_boot(),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            bundle=str(bundle),
            bundle_sha256=sha256,
            interval_s=interval_s,
            journal=str(journal),
        )


class Status(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Content of the status file.

    Args:
        identity: Who wrote it.
        phase: Where in its life it is.
        written_s: When, in seconds since the boot, sleep included (CLOCK_BOOTTIME).
        counters: What was counted since the start.
        last: The last decision; None before the first one.
    """

    identity: Identity
    phase: Phase
    written_s: float
    counters: Counters
    last: Decision | None


class StatusFile:
    """Writes the status file, whole and readable by its owner only.

    A file that cannot be written is counted in `failures`; decisions go on.

    Args:
        path: The file.
        identity: Who writes; assign another one after a reload.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / STATUS_NAME
        ...     who = Identity.here(
        ...         bundle=Path("b"), sha256="00", interval_s=1.0, journal=Path(folder)
        ...     )
        ...     StatusFile(path, who).write(Phase.STARTING, Counters(), None)
        ...     read_status(path).phase
        <Phase.STARTING: 'starting'>
    """

    def __init__(self, path: Path, identity: Identity) -> None:
        self._path = path
        self._encoder = msgspec.json.Encoder()
        self.identity = identity
        self.failures = 0
        """Writes that did not succeed, since the start."""

    def write(self, phase: Phase, counters: Counters, last: Decision | None) -> None:
        """Replace the file; never raises for the disk's sake."""
        status = Status(
            identity=self.identity,
            phase=phase,
            written_s=since_boot_s(),
            counters=counters,
            last=last,
        )
        try:
            replace_file(self._path, self._encoder.encode(status))
        except OSError:
            self.failures += 1


def read_status(path: Path) -> Status:
    """Read a status file.

    Raises:
        OSError: There is none, or it may not be read.
        msgspec.DecodeError: It is damaged, or of another version.
        UnicodeDecodeError: It is damaged.
    """
    return msgspec.json.decode(path.read_bytes(), type=Status)


def since_boot_s() -> float:
    """Return the time since the boot; no clock jump and no suspend falsifies an age in it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def this_boot() -> str:
    """Return the id of this boot, "" if the kernel does not tell."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
