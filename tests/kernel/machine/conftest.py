"""A kernel made of files whose time passes when it is told, and the tiering task on it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from damosrl.damon import Stats
from damosrl.kernel.config import KernelConfig
from damosrl.kernel.roots import Roots
from damosrl.testing.backend import GivenNumbers
from damosrl.testing.fake_host import FakeHost
from damosrl.testing.fake_tracefs import aggregated_lines
from damosrl.testing.fake_tree import FakeTree
from damosrl_envs.tiering.env import TieringEnv
from damosrl_envs.tiering.real import KernelWorld

GIB = 1 << 30


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
    """Trace lines of two kdamonds, given once each."""

    def __init__(self) -> None:
        self.text = b""

    def read(self) -> bytes:
        """Return what has come."""
        text, self.text = self.text, b""
        return text


class FakeKernel:
    """All the parts of one fake kernel.

    Args:
        state_dir: Folder of locks and saved states.
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

    def trace(self, time_s: float = 1.0) -> None:
        """Let every kdamond tell of two regions of its node."""
        for place, pid in enumerate(self.pids()):
            low = place * GIB
            rows = [(low, low + GIB // 2, 12, 3), (low + GIB // 2, low + GIB, 0, 40)]
            self.pipe.text += aggregated_lines(round(time_s * 1e6), rows, pid=pid)
            self.host.set_cpu_time(pid, 1000)

    def world(self) -> KernelWorld:
        """Return a world on this kernel."""
        return KernelWorld(self.config, files=self.tree, pipe=self.pipe, clock=self.clock)


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    """Return a fake kernel of two tiers."""
    return FakeKernel(tmp_path / "state")


MakeEnv = Callable[..., TieringEnv]


@pytest.fixture
def make_env(kernel: FakeKernel) -> Iterator[MakeEnv]:
    """Return a maker of environments on the fake kernel; they are closed at the end."""
    made: list[TieringEnv] = []

    def make(**settings: Any) -> TieringEnv:
        made.append(TieringEnv(machine=kernel.world(), **settings))
        return made[-1]

    yield make
    for env in made:
        env.close()
