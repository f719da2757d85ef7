"""Several tenants on a fake kernel: paths of control groups reach its files, and come back."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from damosrl.kernel.decode import document_of
from damosrl.kernel.host.memcgs import LISTS
from damosrl.kernel.snapshot import read_settings
from damosrl.machine import Source
from damosrl.testing.fake_kernel import FakeKernel
from damosrl_envs.loop.real import KernelWorld
from damosrl_envs.tenants.env import TenantsEnv

MIB = 2**20
GROUPS = ("/web", "/batch")


def _numa_stat(fast: int, slow: int) -> str:
    return "".join(f"{name} N0={fast * MIB // 4} N1={slow * MIB // 4}\n" for name in LISTS)


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    """Return a fake kernel of two tiers on which the tenants' groups exist."""
    fake = FakeKernel(tmp_path / "state")
    for path, (fast, slow) in zip(GROUPS, ((512, 256), (128, 640)), strict=True):
        place = f"{fake.roots.cgroupfs}{path}/memory.numa_stat"
        fake.tree.set_host(place, _numa_stat(fast, slow))
    return fake


@pytest.fixture
def world(kernel: FakeKernel) -> KernelWorld:
    """Return a world on that kernel."""
    return KernelWorld(
        kernel.config, files=kernel.tree, pipe=kernel.pipe, clock=kernel.clock, memcgs=GROUPS
    )


@pytest.fixture
def env(world: KernelWorld) -> Iterator[TenantsEnv]:
    """Return the environment on that kernel."""
    made = TenantsEnv(machine=world, reward="psi")
    yield made
    made.close()


def test_paths_and_goals_reach_the_kernels_files(kernel: FakeKernel, env: TenantsEnv) -> None:
    """Each tenant's schemes carry its path in filter and goal, and its share as the target."""
    env.reset(seed=1)
    kernel.trace()
    env.step(env.task_spec.action(web_share=60.0, batch_share=30.0))
    root = kernel.roots.damon / "kdamonds"
    for place, (path, used, free) in enumerate((("/web", 6020, 4000), ("/batch", 3020, 7000))):
        up = root / f"1/contexts/0/schemes/{place}"
        down = root / f"0/contexts/0/schemes/{place + 1}"
        for scheme, metric, target in (
            (up, "node_memcg_used_bp", used),
            (down, "node_memcg_free_bp", free),
        ):
            goal = scheme / "quotas/goals/0"
            assert kernel.tree.read(goal / "target_metric").strip() == metric
            assert kernel.tree.read(goal / "path").strip() == path
            assert int(kernel.tree.read(goal / "target_value")) == target
            assert kernel.tree.read(scheme / "ops_filters/0/memcg_path").strip() == path


def test_the_document_reads_back_equal(
    kernel: FakeKernel, env: TenantsEnv, world: KernelWorld
) -> None:
    """What is in the tree decodes to the document that was committed."""
    env.reset(seed=1)
    kernel.trace()
    env.step(env.task_spec.action(web_share=60.0))
    assert document_of(read_settings(kernel.tree, kernel.roots.damon)) == world.machine.document


def test_the_groups_memory_is_observed(kernel: FakeKernel, env: TenantsEnv) -> None:
    """Shares of node 0 come from memory.numa_stat of each group."""
    env.reset(seed=1)
    kernel.trace()
    observation, _, _, _, info = env.step(env.task_spec.action())
    assert env.task_spec.value(observation, "web_fast") == pytest.approx(0.5, abs=1e-3)
    assert env.task_spec.value(observation, "batch_in_fast") == pytest.approx(1 / 6, abs=1e-3)
    assert info["web_fast_ratio"] == pytest.approx(0.5, abs=1e-3)
    assert np.isnan(info["web_slowdown"])
    known = dict(zip(env.task_spec.observation.names, info["mask"], strict=True))
    assert [name for name, is_known in known.items() if not is_known] == ["ping_pong"]


def test_a_group_that_is_not_there_is_masked(
    kernel: FakeKernel, env: TenantsEnv, world: KernelWorld
) -> None:
    """Without one group's file the tenants' memory is unknown, and said to be missing."""
    kernel.tree.set_host(f"{kernel.roots.cgroupfs}/batch/memory.numa_stat", "gone")
    env.reset(seed=1)
    kernel.trace()
    observation, _, _, _, info = env.step(env.task_spec.action())
    known = dict(zip(env.task_spec.observation.names, info["mask"], strict=True))
    assert not known["web_fast"]
    assert known["last_web_share"]
    assert env.task_spec.value(observation, "web_fast") == 0.0
    assert Source.MEMCGS in world.telemetry().missing
