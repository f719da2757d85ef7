"""The tiering environment on a fake kernel: the same spaces, reward code, limits and info."""

import errno
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import damosrl_envs  # noqa: F401  registers the environment
from damosrl.errors import ConfigError, KernelError
from damosrl.kernel.traced import packed
from damosrl.machine import Pressure, Source, Telemetry
from damosrl.testing.backend import GivenNumbers
from damosrl_envs.loop.loop import TaskLoop
from damosrl_envs.tiering.kind import KIND
from damosrl_tasks.tiering.knobs import KNOBS
from damosrl_tasks.tiering.monitor import summarise
from damosrl_tasks.tiering.quantities import OBSERVATION

FULL = np.array([1.0, 1.0, -0.5, -0.5, 0.5])


def test_spaces_and_info_keys_are_those_of_an_emulated_machine(kernel: Any, make_env: Any) -> None:
    """Whoever wrote a tuner for one runs it on the other."""
    emulated = gymnasium.make("damosrl/Tiering-v0", reward="psi").unwrapped
    real = make_env()
    assert real.observation_space == emulated.observation_space
    assert real.action_space == emulated.action_space
    infos = []
    for env in (emulated, real):
        _, first = env.reset(seed=1)
        kernel.trace()
        infos.append((first.keys(), env.step(FULL)[4]))
    (first_a, info_a), (first_b, info_b) = infos
    assert first_a == first_b
    assert info_a.keys() == info_b.keys()
    assert info_a["reward_terms"].keys() == info_b["reward_terms"].keys()
    assert info_a["mask"].all()


def test_a_step_acts_within_limits_and_takes_its_time(kernel: Any, make_env: Any) -> None:
    """The action passes the shield, reaches the kernel's files, and a second passes."""
    env = make_env()
    env.reset()
    kernel.trace()
    _, reward, _, _, info = env.step(FULL)
    quota = kernel.tree.read(kernel.roots.damon / "kdamonds/1/contexts/0/schemes/0/quotas/bytes")
    assert int(quota) == pytest.approx(info["knobs"][0], rel=0.01)
    assert (info["applied_action"] != FULL).any()
    assert kernel.clock.now_s == pytest.approx(101.0)
    assert reward == pytest.approx(sum(info["reward_terms"].values()))
    assert np.isnan(info["slowdown"])


def test_a_refused_action_is_taken_back(
    kernel: Any, make_env: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel goes on with the last one, which info and events say, and so does the shield."""
    env = make_env()
    env.reset()
    before = env.step(FULL)[4]
    with monkeypatch.context() as patch:
        patch.setattr(GivenNumbers, "commit", _refuse)
        refused = env.step(-FULL)[4]
        events = env.events()
    assert refused["refused"]
    np.testing.assert_array_equal(refused["applied_action"], before["applied_action"])
    np.testing.assert_array_equal(refused["knobs"], before["knobs"])
    assert {event["kind"] for event in events} == {"refused"}
    assert [event["applied"] for event in events] == pytest.approx(before["applied_action"])
    bytes_file = kernel.roots.damon / "kdamonds/1/contexts/0/schemes/0/quotas/bytes"
    assert int(kernel.tree.read(bytes_file)) == pytest.approx(before["knobs"][0], rel=0.01)
    after = env.step(-FULL)[4]
    assert not after["refused"]
    assert (after["applied_action"] != before["applied_action"]).any()


def test_closing_restores_the_tree(kernel: Any, make_env: Any) -> None:
    """After close nothing of ours is there, and the environment can begin anew."""
    env = make_env()
    env.reset()
    count = kernel.roots.damon / "kdamonds/nr_kdamonds"
    assert kernel.tree.read(count) == "2\n"
    env.close()
    assert kernel.tree.read(count) == "0\n"
    env.reset()
    assert kernel.tree.read(count) == "2\n"


def test_late_steps_are_counted(kernel: Any, make_env: Any) -> None:
    """A decision that took longer than its interval is an overrun."""
    env = make_env()
    env.reset()
    assert env.step(FULL)[4]["overruns_count"] == 0
    kernel.clock.now_s += 3.0
    assert env.step(FULL)[4]["overruns_count"] == 1


def test_what_a_kernel_cannot_do_is_refused(make_env: Any) -> None:
    """Ground truth, chosen workloads, warm quotas and batches do not exist on a kernel."""
    with pytest.raises(ConfigError, match="reward=psi"):
        make_env(reward="latency")
    env = make_env()
    with pytest.raises(ConfigError, match="workload cannot be chosen"):
        env.reset(options={"workloads": "zipf"})
    with pytest.raises(ConfigError, match="cannot be warmed"):
        env.reset(options={"quota_feedback": [0]})
    with pytest.raises(ConfigError, match="emulated"):
        _ = env.machine
    with pytest.raises(ConfigError, match="a kernel is one machine"):
        TaskLoop(2, KIND, KIND.settings({"machine": "kernel"}))
    with pytest.raises(ConfigError, match="state_dirr"):
        TaskLoop(1, KIND, KIND.settings({"machine": {"kind": "kernel", "state_dirr": "/x"}}))


def test_a_vanished_tree_is_an_error(kernel: Any, make_env: Any) -> None:
    """When a kdamond is gone the step says so, and closing still works."""
    env = make_env()
    env.reset()
    kernel.tree.end_kdamond(0)
    with pytest.raises(KernelError):
        env.step(FULL)


@pytest.mark.parametrize("source", list(Source))
def test_a_missing_source_changes_only_features_that_need_it(
    source: Source, kernel: Any, make_env: Any
) -> None:
    """Features declare their source: what declares another is the same without this one."""
    env = make_env()
    env.reset()
    kernel.trace()
    kernel.host.set_pressure(10, 10, (0.3, 0.2, 0.1), (0.3, 0.2, 0.1))
    env.step(FULL)
    task, told = env._loop.task, env._loop.world.telemetry()
    whole, parted = (
        task._features._observe(item, summarise(item), task.last_growth, KNOBS.defaults()[None])
        for item in (told, _without(told, source))
    )
    missing = {*told.missing, source}
    vocabulary = task._features.vocabulary
    known = vocabulary.observed(missing)
    np.testing.assert_array_equal(parted[0, known], whole[0, known])
    np.testing.assert_array_equal(parted[0, ~known], vocabulary.unknown[~known].astype(np.float32))
    assert set(np.array(OBSERVATION.names)[~known]) == {
        name for name, needed in vocabulary.sources.items() if needed in missing
    }


def _refuse(*_: object) -> None:
    raise OSError(errno.EINVAL, "refused")


def _without(told: Telemetry, source: Source) -> Telemetry:
    """Make a source's arrays unknown, as a machine without it gives them."""
    lost: dict[Source, dict[str, Any]] = {
        Source.MEMCGS: {"memcgs": None},
        Source.NODES: {
            "node_total_bytes": told.node_total_bytes * np.nan,
            "node_free_bytes": told.node_free_bytes * np.nan,
        },
        Source.SNAPSHOT: {"snapshot": packed([{}, {}])},
        Source.PRESSURE: {"pressure": Pressure(*(part * np.nan for part in told.pressure))},
        Source.RETURNED: {"returned_bytes": told.returned_bytes * np.nan},
        Source.KDAMOND_CPU: {"kdamond_cpu_us": told.kdamond_cpu_us * np.nan},
        Source.LATENCY: {"latency_ns": told.latency_ns * np.nan},
        Source.SWAP: _swap_without(told, "total_bytes", "used_bytes"),
        Source.SWAP_POOL: _swap_without(told, "pool_bytes"),
        Source.SWAPPING: _swap_without(told, "in_bytes", "out_bytes"),
        Source.REFAULTS: _swap_without(told, "refaulted_bytes"),
        Source.MEMCGS: {"memcgs": None},
    }
    missing = tuple({*told.missing, source})
    return replace(told, missing=missing, **lost[source])


def _swap_without(told: Telemetry, *names: str) -> dict[str, Any]:
    assert told.swap is not None
    return {"swap": told.swap._replace(**dict.fromkeys(names, np.array([np.nan])))}


def test_a_kernel_is_driven_without_compiler_and_torch() -> None:
    """What reads and changes a kernel loads neither numba nor torch nor gymnasium."""
    code = (
        "import damosrl.kernel.config, sys;"
        "print(*(name in sys.modules for name in ('numba', 'torch', 'gymnasium')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"] * 3


ABANDONED = """
import atexit, sys
from pathlib import Path
seen = []
atexit.register(lambda: print(seen[0].tree.read(seen[0].roots.damon / "kdamonds/nr_kdamonds")))
from damosrl_envs.tiering.env import TieringEnv
from tests.kernel.machine.conftest import TieringKernel
seen.append(TieringKernel(Path(sys.argv[1])))
env = TieringEnv(machine=seen[0].world())
env.reset()
print(seen[0].tree.read(seen[0].roots.damon / "kdamonds/nr_kdamonds"))
"""


def test_an_environment_that_nobody_closed_is_closed_at_the_interpreters_end(
    tmp_path: Path,
) -> None:
    """Commands are still given then, and the kernel is left as it was found."""
    done = subprocess.run(
        [sys.executable, "-c", ABANDONED, str(tmp_path / "state")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert (done.stdout.split(), done.stderr) == (["2", "0"], "")
