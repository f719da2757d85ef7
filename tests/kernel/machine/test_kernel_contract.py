"""A kernel behind files keeps the machine contract, and a tuner's loop closes over it."""

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from damosrl.damon import Document
from damosrl.kernel.config import KernelConfig, kernel_machine
from damosrl.kernel.machine import KernelMachine
from damosrl.machine import Plan
from damosrl.registry import make_tuner
from damosrl.testing.emulated_kernel import EmulatedKernel
from damosrl.testing.machine_contract import CLAUSES, MachineCase
from damosrl_envs.loop.real import KernelWorld
from damosrl_envs.tiering.env import TieringEnv
from tests.testing.tiering import MIB, config, tiering, workload

QUOTA_BYTES = 16 * MIB
PLAN = Plan(tiering(), {})
REFUSED = Plan(Document(PLAN.template.kdamonds[:1]), {})
Make = Callable[[], KernelMachine]


class Lines:
    """The trace lines of an emulated kernel as a pipe."""

    def __init__(self, kernel: EmulatedKernel) -> None:
        self._kernel = kernel

    def read(self) -> bytes:
        """Return what has come."""
        return self._kernel.trace_lines()


def _fake(state_dir: Path) -> tuple[KernelConfig, EmulatedKernel]:
    settings = KernelConfig(
        sysfs_root="/fake/sys",
        procfs_root="/fake/proc",
        tracefs_root="/fake/trace",
        cgroup_root="/fake/cgroup",
        state_dir=str(state_dir),
        time_limit_s=600.0,  # the first command compiles the emulator
    )
    return settings, EmulatedKernel(config(), workload(), 5, settings.roots)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return a maker of equal kernels that run the plan; their sessions end with the test."""
    with ExitStack() as stack:
        numbers = itertools.count()

        def start() -> KernelMachine:
            settings, kernel = _fake(tmp_path / str(next(numbers)))
            machine = stack.enter_context(
                kernel_machine(settings, files=kernel.files, pipe=Lines(kernel), clock=kernel.clock)
            )
            machine.begin(PLAN.template)
            return machine

        yield start


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
def test_a_kernel_behind_files_keeps_the_contract(
    clause: Callable[[MachineCase], None], make: Make
) -> None:
    """What holds for emulated machines holds for one that is driven by its files."""
    clause(
        MachineCase(make, PLAN, (1, 0), REFUSED, QUOTA_BYTES, time_tolerance_s=0.2, settle_s=8.0)
    )


@pytest.mark.parametrize("name", ["pi", "consist"])
def test_a_tuner_closes_the_loop_over_files(name: str, tmp_path: Path) -> None:
    """PI promotes what is hot within a minute through sysfs alone; consist winds up first."""
    settings, kernel = _fake(tmp_path)
    tuner = make_tuner(name)
    world = KernelWorld(settings, files=kernel.files, pipe=Lines(kernel), clock=kernel.clock)
    env = TieringEnv(machine=world, steps=60, quota_loop=str(tuner.quota_loop))
    observation, _ = env.reset(seed=0)
    tuner.reset(env.task_spec, seed=0)
    told = {"promoted_bytes": 0.0, "demoted_bytes": 0.0}
    for _ in range(60):
        observation, reward, _, truncated, info = env.step(tuner.act(observation))
        assert math.isfinite(reward)
        assert not info["refused"]
        for key in told:
            told[key] += info[key]
    env.close()
    assert truncated
    assert (told["promoted_bytes"] > 100 * MIB) == (name == "pi")
    assert kernel.files.read(settings.roots.damon / "kdamonds/nr_kdamonds") == "0\n"
