"""Tenants-v0 on the real emulator: the checkers, shares that hold, and what it refuses."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

from damosrl.errors import ConfigError, MachineError, UnknownNameError
from damosrl_envs.tenants import ENVIRONMENT
from damosrl_envs.tenants.env import TenantsVectorEnv

MIB = 2**20


def _run(steps: int, envs: int = 1, **more: Any) -> tuple[list[dict[str, Any]], TenantsVectorEnv]:
    quota = {"promotion_quota": 800.0 * MIB, "demotion_quota": 800.0 * MIB, "free_target": 1.0}
    knobs = quota | more.pop("knobs", {})
    settings = {"workload": "tenants_equal", "safety": "off", "steps": steps + 5, **more}
    env = TenantsVectorEnv(envs, **settings)
    env.reset(seed=3)
    action = np.tile(env.task_spec.action(**knobs), (envs, 1))
    return [env.step(action)[4] for _ in range(steps)], env


def test_checkers_are_silent() -> None:
    """Gymnasium's and Stable-Baselines3's checkers pass without a warning."""
    env = gymnasium.make(ENVIRONMENT["id"], steps=6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gymnasium_check(env.unwrapped)
        sb3_check(env)


@pytest.mark.parametrize("web", [25.0, 70.0])
def test_tenants_get_the_shares_they_are_given(web: float) -> None:
    """Of two equal tenants each ends with its share of node 0, and who has more is faster."""
    knobs = {"web_share": web, "batch_share": 98.0 - web, "hot_threshold": 5.0}
    infos, _ = _run(60, knobs=knobs)
    last = infos[-1]
    assert last["web_fast_ratio"][0] == pytest.approx(web / 100.0, abs=0.05)
    assert last["batch_fast_ratio"][0] == pytest.approx(0.98 - web / 100.0, abs=0.05)
    assert (last["web_slowdown"][0] < last["batch_slowdown"][0]) == (web > 50.0)


def test_the_kernels_loop_holds_shares_too() -> None:
    """Under consist the goals alone lead tenants towards their shares."""
    knobs = {"web_share": 20.0, "batch_share": 78.0}
    infos, _ = _run(150, knobs=knobs, quota_loop="consist")
    first, last = infos[0]["web_fast_ratio"][0], infos[-1]["web_fast_ratio"][0]
    assert abs(last - 0.2) < 0.5 * abs(first - 0.2)


def test_noop_moves_nothing() -> None:
    """Under the loop off memory stays where it lies."""
    infos, _ = _run(20, quota_loop="off")
    assert sum(info["promoted_bytes"][0] + info["demoted_bytes"][0] for info in infos) < 1e4


def test_hot_memory_in_the_features_is_the_tenants_own() -> None:
    """What filters count as hot stays within each tenant's memory, and some of it is slow."""
    _, env = _run(30, workload="tenants_shifting", knobs={"web_share": 10.0})
    observation = env.step(env.action_space.sample())[0][0]
    value = {
        name: env.task_spec.value(observation, name) for name in env.task_spec.observation.names
    }
    for name in ("web", "batch"):
        assert 0.0 < value[f"{name}_hot_slow"] < 1.0
        assert value[f"{name}_hot_fast"] <= value[f"{name}_in_fast"] * 1.1
    assert value["web_size"] + value["batch_size"] == pytest.approx(1.0, abs=1e-3)


def test_a_batch_is_its_machines_alone() -> None:
    """Two machines with tenants, and each of them alone, observe the same bit for bit."""
    env = TenantsVectorEnv(2, workload="tenants_web_batch", steps=20)
    alone = gymnasium.make(ENVIRONMENT["id"], workload="tenants_web_batch", steps=20)
    together, _ = env.reset(seed=[5, 6])
    single, _ = alone.reset(seed=5)
    rng = np.random.default_rng(0)
    for _ in range(10):
        np.testing.assert_array_equal(together[0], single)
        action = rng.uniform(-1.0, 1.0, (2, 7)).astype(np.float32)
        together = env.step(action)[0]
        single = alone.step(action[0])[0]


def test_unknown_groups_are_named() -> None:
    """A workload without one of the tenants is refused, and its own are named."""
    tenants = {"web": {"memcg": "/wbe", "slowdown": 1.2, "share": 0.5}}
    env = TenantsVectorEnv(1, task={"tenants": tenants}, steps=5)
    with pytest.raises(UnknownNameError, match="/web"):
        env.reset(seed=0)


def test_a_workload_of_one_application_is_refused() -> None:
    """Plain workloads have no tenants to tell apart."""
    env = TenantsVectorEnv(1, workload="zipf", steps=5)
    with pytest.raises(ConfigError, match="workload zipf has no tenants"):
        env.reset(seed=0)


def test_three_nodes_and_swap_are_refused() -> None:
    """Tenants share two memory nodes, and no swap space."""
    with pytest.raises(ConfigError, match="two memory nodes"):
        TenantsVectorEnv(1, machine="hbm_dram_cxl", steps=5)
    env = TenantsVectorEnv(1, machine="dram_cxl_zram", steps=5)
    with pytest.raises(MachineError, match="swap space"):
        env.reset(seed=0)
