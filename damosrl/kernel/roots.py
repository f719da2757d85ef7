"""Where the kernel's file systems are; never assumed, always passed."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Roots:
    """Mount points of the kernel's file systems; a fake tree or a guest has its own.

    Args:
        sysfs: sysfs.
        procfs: procfs.
        tracefs: tracefs.
        cgroupfs: The control group hierarchy, version 2.

    Example:
        >>> Roots(sysfs=Path("/tmp/tree/sys")).damon
        PosixPath('/tmp/tree/sys/kernel/mm/damon/admin')
    """

    sysfs: Path = Path("/sys")
    procfs: Path = Path("/proc")
    tracefs: Path = Path("/sys/kernel/tracing")
    cgroupfs: Path = Path("/sys/fs/cgroup")

    @property
    def damon(self) -> Path:
        """The folder of DAMON's sysfs interface."""
        return self.sysfs / "kernel/mm/damon/admin"

    @property
    def is_real(self) -> bool:
        """Whether this is the running kernel's own sysfs."""
        return self.sysfs.resolve() == Path("/sys")
