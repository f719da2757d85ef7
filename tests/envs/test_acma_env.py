"""The ACMA environment: Gymnasium's rules, its knobs, its score, its fall-backs."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import damosrl_envs  # noqa: F401  registers
from damosrl.acma.state import INTENDED, OFF, POSTED, QUOTAS
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.experiment.plugins import task_workload
from damosrl.machine import QuotaLoop
from damosrl_tasks.acma.config import AcmaConfig, acma_config
from damosrl_tasks.acma.knobs import host_knobs, knob_set
from damosrl_tasks.acma.reward import MEASURES, reward_config

ID = "damosrl/Acma-v0"


def make(size: int = 2, **keywords: Any) -> Any:
    """Build a vector environment."""
    return gymnasium.make_vec(ID, num_envs=size, **{"steps": 20, **keywords})


def test_gymnasium_finds_no_fault() -> None:
    """The scalar environment passes Gymnasium's own checker."""
    check_env(gymnasium.make(ID, steps=20).unwrapped, skip_render_check=True)


def test_equal_seeds_give_equal_episodes() -> None:
    """Two environments with one seed see and earn the same."""
    runs = []
    for _ in range(2):
        env = make()
        first, _ = env.reset(seed=3)
        env.action_space.seed(0)
        rows = [first, *(env.step(env.action_space.sample())[0] for _ in range(10))]
        runs.append(np.stack(rows))
    assert np.array_equal(runs[0], runs[1])


def test_any_action_keeps_the_observation_in_its_space() -> None:
    """NaN, infinite and huge actions are taken; observations stay in [-1, 1]."""
    env = make()
    env.reset(seed=0)
    width = env.action_space.shape[1]
    for value in (np.nan, np.inf, -np.inf, 1e30):
        observation, reward, *_ = env.step(np.full((2, width), value, np.float32))
        assert env.observation_space.contains(observation)
        assert np.isfinite(reward).all()


def test_the_reward_is_the_sum_of_its_terms() -> None:
    """Every term is in its bound and has its sign; their sum is the reward."""
    env = make()
    env.reset(seed=1)
    config = reward_config("acma")
    for _ in range(5):
        _, reward, _, _, info = env.step(env.action_space.sample())
        terms = {key: value for key, value in info["reward_terms"].items() if key[0] != "_"}
        assert np.allclose(sum(terms.values()), reward)
        for name, values in terms.items():
            assert (np.abs(values) <= config.terms[name].weight + 1e-12).all()
            assert (MEASURES[name].sign * values >= 0.0).all()


@pytest.mark.parametrize(
    ("control", "rivals", "count"),
    [("parameters", True, 8), ("parameters", False, 3), ("quotas", False, 5), ("quotas", True, 10)],
)
def test_the_knobs_are_those_of_the_configuration(control: Any, rivals: bool, count: int) -> None:
    """Three parameters, or minimum, maximum and three quotas; rivals on top where asked for."""
    assert len(knob_set(AcmaConfig(control=control, rivals=rivals))) == count


@pytest.mark.parametrize(
    ("control", "loop", "rule"),
    [
        ("parameters", QuotaLoop.DIRECT, INTENDED),
        ("quotas", QuotaLoop.DIRECT, QUOTAS),
        ("parameters", QuotaLoop.CONSIST, POSTED),
        ("parameters", QuotaLoop.OFF, OFF),
    ],
)
def test_the_loop_chooses_the_rule(control: Any, loop: QuotaLoop, rule: int) -> None:
    """A tuner's own loop is the RFC as intended, the kernel's the RFC as posted."""
    config = AcmaConfig(control=control)
    offered = knob_set(config)
    names = {"pressure_target": 0.1, "shrink_quota": 5.0}
    values = offered.defaults()
    for name in set(names) & set(offered.names):
        values[offered.index(name)] = names[name]
    assert host_knobs(config, offered, values[None], loop)["rule"] == rule


@pytest.mark.parametrize("control", ["parameters", "quotas"])
def test_the_loop_as_posted_needs_no_knobs(control: Any) -> None:
    """What the breaker falls back to scales and reports also where the knobs are all off."""
    config = AcmaConfig(control=control)
    offered = knob_set(config)
    values = np.tile(offered.defaults(), (2, 1))
    loops = np.array([QuotaLoop.CONSIST, QuotaLoop.DIRECT], dtype=object)
    records = host_knobs(config, offered, values, loops)
    assert records["rule"].tolist() == [POSTED, OFF]
    assert records["reporting"].tolist() == [1, 0]
    assert records["target"][0] == 0.001


def test_a_minimum_above_the_maximum_becomes_the_maximum() -> None:
    """Two free knobs can contradict each other: then the guest has exactly the maximum."""
    config = AcmaConfig()
    offered = knob_set(config)
    values = offered.defaults()
    values[offered.index("min_memory")], values[offered.index("max_memory")] = 80.0, 50.0
    records = host_knobs(config, offered, values[None], QuotaLoop.DIRECT)
    assert records["minimum"] == records["maximum"] == 0.5


def test_scaling_saves_memory_and_noop_does_not() -> None:
    """Under the RFC's parameters guests hold less than when nothing is done."""
    env = make(workload="acma_burst", steps=120, safety="off")
    spec = env.unwrapped.task_spec
    saved = {}
    for name, values in (("rfc", {"pressure_target": 0.5, "page_reporting": 1.0}), ("noop", {})):
        env.reset(seed=5)
        action = np.tile(spec.action(**values), (2, 1))
        total = 0.0
        for _ in range(120):
            *_, info = env.step(action)
            final = info.get("final_info", info)
            total += float(np.mean(final["saved_ratio"]))
        saved[name] = total / 120
    assert saved["rfc"] > saved["noop"] + 0.05


def test_the_free_share_of_the_fullest_guest_leaves_the_balloon_out() -> None:
    """Memory in the balloon is not free: inflating takes as much from it as the balloon gets."""
    env = make(1, workload="acma_diurnal", safety="off", steps=50)
    spec = env.unwrapped.task_spec
    before = spec.value(env.reset(seed=2)[0][0], "least_free")
    for _ in range(20):
        observation = env.step(spec.action(balloon=30.0)[None])[0][0]
        gauges = env.unwrapped.machine.read().gauges
        free = gauges.usable_bytes - gauges.used_bytes - gauges.balloon_bytes
    assert gauges.balloon_bytes.min() > 2.0**30
    expected = float((free / gauges.memory_bytes).min())
    assert spec.value(observation, "least_free") == pytest.approx(expected, abs=1e-6)
    assert expected < before - 0.1


def test_workloads_of_hosts_are_read_by_the_environment() -> None:
    """Tables get name and families of a host's workload; a mix has those of its members."""
    assert task_workload(ID, "acma_burst").families == {"burst"}
    assert task_workload(ID, "acma_train").families == {"diurnal", "burst", "build"}


def test_wrong_choices_are_refused() -> None:
    """A tiered machine, a tiering workload, a slip and a fraction of a second are user's errors."""
    with pytest.raises(ConfigError, match="no host with guests"):
        make(machine="dram_cxl")
    with pytest.raises(ConfigError, match="not for a host"):
        make(workload="zipf")
    with pytest.raises(UnknownNameError, match="control"):
        acma_config({"contrl": "quotas"})
    with pytest.raises(ConfigError, match="decision_interval_s"):
        acma_config({"decision_interval_s": 0.5})
    with pytest.raises(ConfigError, match="workloads does not fit"):
        make().reset(options={"workloads": ["acma_burst"] * 3})
