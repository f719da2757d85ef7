"""The daemon on an emulated kernel: it does the work, and nothing grows over time."""

import ctypes
import gc
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from damosrl.daemon.decision import Mode
from damosrl.testing.daemon_process import RESIDENT_EVERY
from damosrl.testing.emulated_daemon import EmulatedDaemon, emulated_daemon
from tests.daemon.served import write_bundle
from tests.testing.tiering import config, workload

HOUR_STEPS = 3600
DAY_STEPS = 24 * HOUR_STEPS


def handles() -> int:
    """Return how many files this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  Path would open one more


def used() -> tuple[int, int, int]:
    """Return how many blocks of memory, handles and threads this process has."""
    gc.collect()
    return sys.getallocatedblocks(), handles(), threading.active_count()


def resident_kib() -> int:
    """Return the resident memory of this process without what the allocator keeps for later.

    The emulator's compiled code is in this process too, and its arrays leave holes in the heap.
    """
    ctypes.CDLL(None).malloc_trim(0)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def test_a_daemon_brings_the_hot_memory_to_the_fast_node(tmp_path: Path) -> None:
    """A daemon brings the hot memory to the fast node."""
    bundle = write_bundle(tmp_path / "pi.damosrl")
    with emulated_daemon(
        bundle, config(), workload(), seed=3, state_dir=tmp_path / "state"
    ) as daemon:
        daemon.step()
        before = daemon.slowdown
        decisions = [daemon.step() for _ in range(300)]
        assert {decision.mode for decision in decisions} == {Mode.ACTIVE}
        assert daemon.slowdown < 1.0 + 0.5 * (before - 1.0)


def test_a_shadow_leaves_the_memory_where_it_is(tmp_path: Path) -> None:
    """A shadow leaves the memory where it is."""
    bundle = write_bundle(tmp_path / "pi.damosrl")
    with emulated_daemon(
        bundle, config(), workload(), seed=3, state_dir=tmp_path / "state", mode=Mode.SHADOW
    ) as daemon:
        decisions = [daemon.step() for _ in range(100)]
        assert decisions[-1].features["promoted"] == 0.0
        assert not any(decision.committed for decision in decisions)


def test_equal_daemons_on_equal_kernels_decide_equally(tmp_path: Path) -> None:
    """Equal daemons on equal kernels decide equally."""
    bundle = write_bundle(tmp_path / "pi.damosrl")

    def run(name: str) -> list[dict[str, float | None]]:
        with emulated_daemon(
            bundle, config(), workload(), seed=3, state_dir=tmp_path / name
        ) as daemon:
            return [daemon.step().features for _ in range(30)]

    assert run("first") == run("second")


def test_neither_memory_nor_handles_nor_threads_grow(tmp_path: Path) -> None:
    """Neither memory nor handles nor threads grow."""
    bundle = write_bundle(tmp_path / "pi.damosrl")
    with emulated_daemon(
        bundle, config(), workload(), seed=3, state_dir=tmp_path / "state"
    ) as daemon:
        _steps(daemon, 400)
        before = used()
        _steps(daemon, 400)
        blocks, *others = (now - then for now, then in zip(used(), before, strict=True))
        assert blocks < 1500
        assert others == [0, 0]


@pytest.mark.slow
def test_a_day_of_decisions_leaves_memory_flat(tmp_path: Path) -> None:
    """A day of decisions leaves memory flat."""
    bundle = write_bundle(tmp_path / "pi.damosrl", interval_s=1.0)
    with emulated_daemon(
        bundle, config(), workload(), seed=3, state_dir=tmp_path / "state"
    ) as daemon:
        _steps(daemon, HOUR_STEPS)
        before = (resident_kib(), *used())
        _steps(daemon, DAY_STEPS - HOUR_STEPS)
        kib, blocks, *others = (
            now - then for now, then in zip((resident_kib(), *used()), before, strict=True)
        )
        assert kib < 1024
        assert blocks < 5000
        assert others == [0, 0]


def _steps(daemon: EmulatedDaemon, count: int) -> None:
    for _ in range(count):
        daemon.step()


@pytest.mark.slow
def test_a_day_of_decisions_leaves_the_memory_of_the_daemon_alone_flat(tmp_path: Path) -> None:
    """In a process without an emulator, resident memory after an hour and after a day is one."""
    bundle = write_bundle(tmp_path / "pi.damosrl", interval_s=1.0)
    words = ["-m", "damosrl.testing.daemon_process", str(bundle), str(DAY_STEPS), "200"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    resident = json.loads(done.stdout)["resident_kib"]
    assert max(resident) - resident[HOUR_STEPS // RESIDENT_EVERY] < 1024
