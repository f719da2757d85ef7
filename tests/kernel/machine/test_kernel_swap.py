"""Proactive reclaim on a kernel sees what the kernel tells of swap, and knows what it does not."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from damosrl.emulator.presets import machine_config
from damosrl.emulator.workload.source import workload_source
from damosrl.kernel.config import KernelConfig
from damosrl.testing.emulated_daemon import EmulatedPipe
from damosrl.testing.emulated_kernel import EmulatedKernel
from damosrl.testing.fake_host import FakeHost
from damosrl_envs.loop.real import KernelWorld
from damosrl_envs.reclaim.env import ReclaimEnv

EAGER = {"reclaim_quota": 512.0 * 2**20, "cold_age": 2.0, "psi_target": 10.0}
OF_SWAP = ("resident_share", "saved_share", "swap_use", "compression", "swap_in", "swap_out")


class SwappingKernel:
    """An emulated kernel with zram, and the environment of reclaim on it."""

    def __init__(self, state_dir: Path) -> None:
        settings = KernelConfig(
            sysfs_root="/fake/sys",
            procfs_root="/fake/proc",
            tracefs_root="/fake/trace",
            cgroup_root="/fake/cgroup",
            state_dir=str(state_dir),
            time_limit_s=600.0,
        )
        workload = workload_source("cold_tail").draw(np.random.default_rng(1))
        machine = machine_config("ample_zram")
        self.kernel = EmulatedKernel(machine, workload, 1, settings.roots)
        world = KernelWorld(
            settings,
            files=self.kernel.files,
            pipe=EmulatedPipe(self.kernel),
            clock=self.kernel.clock,
        )
        self.env = ReclaimEnv(machine=world)

    def features(self, steps: int) -> dict[str, float | None]:
        """Page out eagerly for some steps; return what is known then, by name."""
        spec = self.env.task_spec
        for _ in range(steps):
            observation, *_, info = self.env.step(spec.action(**EAGER))
        return {
            name: spec.value(observation, name) if known else None
            for name, known in zip(spec.observation.names, info["mask"], strict=True)
        }


@pytest.fixture
def swapping(tmp_path: Path) -> Iterator[SwappingKernel]:
    """Return a kernel on which an episode has begun."""
    made = SwappingKernel(tmp_path / "state")
    made.env.reset()
    yield made
    made.env.close()


def test_swap_features_are_those_of_the_machine(swapping: SwappingKernel) -> None:
    """Through meminfo, mm_stat and vmstat come the numbers of the machine behind the files."""
    told = swapping.features(steps=3)
    truth = swapping.kernel.machine.machines.telemetry()
    assert truth.swap is not None
    swap = {name: float(values[0]) for name, values in truth.swap._asdict().items()}
    resident = float((truth.node_total_bytes - truth.node_free_bytes).sum())
    everything = resident + swap["used_bytes"]
    saved = swap["used_bytes"] - swap["pool_bytes"]
    assert swap["used_bytes"] > 0.0
    assert told["swap_use"] == pytest.approx(swap["used_bytes"] / swap["total_bytes"], abs=1e-3)
    assert told["resident_share"] == pytest.approx(resident / everything, abs=1e-3)
    assert told["saved_share"] == pytest.approx(saved / everything, abs=1e-3)
    assert told["compression"] == pytest.approx(2.63, rel=1e-3)
    assert (told["swap_out"] or 0.0) > (told["swap_in"] or 0.0) > 0.0
    assert told["refaults"] is not None


def test_what_no_file_tells_is_masked_and_nothing_else(
    swapping: SwappingKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the device's statistics only what needs the pool is unknown."""
    host = swapping.kernel.host

    def without_statistics(place: str, size_bytes: int, used_bytes: int, pool_bytes: int) -> None:
        FakeHost.add_swap(host, place, size_bytes, used_bytes, pool_bytes)
        host.put(Path("/fake/sys/block/zram0/mm_stat"), "unreadable\n")

    monkeypatch.setattr(host, "add_swap", without_statistics)
    told = swapping.features(steps=1)
    unknown = {name for name in OF_SWAP if told[name] is None}
    assert unknown == {"saved_share", "compression"}
