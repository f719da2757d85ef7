"""A whole kernel made of files: DAMON's tree, a host, trace lines, and time that is told to pass.

It is what a `damosrl.kernel.machine.KernelMachine` needs, at once and without rights, so that its
steps can be tested and their cost be measured.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from damosrl.damon import Stats
from damosrl.kernel.config import KernelConfig, kernel_machine
from damosrl.kernel.machine import KernelMachine
from damosrl.kernel.roots import Roots
from damosrl.testing.backend import GivenNumbers
from damosrl.testing.fake_host import GIB, FakeHost
from damosrl.testing.fake_tracefs import aggregated_lines
from damosrl.testing.fake_tree import FakeTree

PAGE_BYTES = 4096


class VirtualClock:
    """Time that passes by sleeping, and by the work that a test pretends to have."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Return seconds."""
        return self.now_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now_s += seconds


class FakePipe:
    """Trace lines of all kdamonds, given once each."""

    def __init__(self) -> None:
        self.text = b""

    def read(self) -> bytes:
        """Return what has come."""
        text, self.text = self.text, b""
        return text


class FakeKernel:
    """All the parts of one fake kernel of two tiers, 1 GiB each.

    Args:
        state_dir: Folder of locks and saved states.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with FakeKernel(Path(folder)).machine() as machine:
        ...         [node.nid for node in machine.nodes]
        [0, 1]
    """

    def __init__(self, state_dir: Path) -> None:
        self.config = KernelConfig(
            sysfs_root="/fake/sys",
            procfs_root="/fake/proc",
            tracefs_root="/fake/trace",
            cgroup_root="/fake/cgroup",
            state_dir=str(state_dir),
            time_limit_s=0.5,
        )
        self.roots: Roots = self.config.roots
        self.backend = GivenNumbers()
        self.tree = FakeTree(self.roots, backend=self.backend)
        self.host = FakeHost(self.roots, self.tree.set_host)
        self.pipe = FakePipe()
        self.clock = VirtualClock()
        self.set_stats(0, 0)

    def set_stats(self, demoted: int, promoted: int) -> None:
        """Set what both schemes have moved, bytes."""
        self.backend.stats_of = {
            0: (Stats(1, 2 * demoted, 1, demoted),),
            1: (Stats(1, 2 * promoted, 1, promoted),),
        }
        self.backend.effective_of = {0: (GIB,), 1: (2 * GIB,)}

    def pids(self) -> list[int]:
        """Return the process ids of the kdamonds."""
        folder = self.roots.damon / "kdamonds"
        count = int(self.tree.read(folder / "nr_kdamonds"))
        return [int(self.tree.read(folder / str(index) / "pid")) for index in range(count)]

    def trace(self, time_s: float = 1.0, regions: int = 2) -> None:
        """Let every kdamond tell of the regions of its node, the lower half of which is hot.

        Args:
            time_s: When, by the tracer's clock.
            regions: Of each node, which they divide evenly.
        """
        size = GIB // regions // PAGE_BYTES * PAGE_BYTES
        for place, pid in enumerate(self.pids()):
            starts = [place * GIB + index * size for index in range(regions)]
            middle = place * GIB + GIB // 2
            rows = [(at, at + size, *((12, 3) if at < middle else (0, 40))) for at in starts]
            self.pipe.text += aggregated_lines(round(time_s * 1e6), rows, pid=pid)
            self.host.set_cpu_time(pid, 1000)

    def forget(self) -> None:
        """Drop the notes of what was written, asked and slept, which grow with every step."""
        for notes in (self.tree.writes, self.backend.asked, self.clock.slept):
            notes.clear()

    @contextmanager
    def machine(self) -> Iterator[KernelMachine]:
        """Open a session on this kernel."""
        with kernel_machine(
            self.config, files=self.tree, pipe=self.pipe, clock=self.clock
        ) as machine:
            yield machine
