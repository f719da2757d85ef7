"""Reclaim-v0 on the real emulator: the checkers, its physics, and what it refuses."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

from damosrl.config import load_choice
from damosrl.errors import ConfigError, UnknownNameError
from damosrl_envs.reclaim import ENVIRONMENT
from damosrl_envs.reclaim.env import ReclaimEnv, ReclaimVectorEnv

MIB = 2**20
IDLE = {"footprint": "4 GiB", "randomize": False, "start": {"placement": "first_touch"},
        "access": {"kind": "static_hot", "hot_share": 0.2, "idle_share": 0.5,
                   "mean_rate_hz": 20.0}}  # fmt: skip
"""Half of the memory is never touched, the rest all the time."""
BUSY = {**IDLE, "access": {"kind": "uniform", "mean_rate_hz": 50.0}}
"""Nothing is cold."""
TAIL = {**IDLE, "access": {"kind": "uniform", "mean_rate_hz": 0.2}}
"""All of it is touched, rarely: as much as is paged out comes back."""


def _run(
    workload: dict[str, Any], steps: int = 20, envs: int = 1, **more: Any
) -> tuple[list[dict[str, Any]], ReclaimVectorEnv]:
    knobs = {"reclaim_quota": 512 * MIB, "cold_age": 3.0, "psi_target": 10.0} | more.pop(
        "knobs", {}
    )
    env = ReclaimVectorEnv(envs, workload=workload, safety="off", steps=steps + 5, **more)
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


def test_idle_memory_goes_out_and_costs_nothing() -> None:
    """Half of the memory is saved but for the pool, the working set stays, nobody stalls."""
    infos, env = _run(IDLE)
    last = infos[-1]
    # a region that reaches over the border of the idle half is in use
    assert 0.499 <= last["resident_ratio"][0] <= 0.6
    assert last["pool_ratio"][0] == pytest.approx((1.0 - last["resident_ratio"][0]) / 2.63)
    assert last["slowdown"][0] == pytest.approx(1.0, abs=1e-3)
    assert last["tco_cost"][0] < 0.77
    assert env.task_spec.value(env.step(np.zeros((1, 3)))[0][0], "compression") == pytest.approx(
        2.63, rel=1e-3
    )


def test_with_nothing_cold_reclaim_saves_nothing() -> None:
    """Memory that is all in use stays where it is."""
    infos, _ = _run(BUSY)
    assert infos[-1]["saved_ratio"][0] == pytest.approx(0.0, abs=1e-3)
    assert infos[-1]["slowdown"][0] == pytest.approx(1.0, abs=1e-3)


def test_pressure_rises_with_over_reclaim() -> None:
    """The more of a rarely touched memory goes out, the more time is stalled."""
    pressure = []
    for quota in (0.0, 32.0, 128.0, 1024.0):
        infos, _ = _run(TAIL, knobs={"reclaim_quota": quota * MIB, "cold_age": 1.0})
        pressure.append(float(np.mean([info["psi_some_ratio"][0] for info in infos])))
    assert pressure[0] == 0.0
    assert pressure == sorted(pressure)
    assert pressure[-1] > 2 * pressure[1] > 0.0


def test_a_pressure_target_bounds_the_pressure() -> None:
    """Paging out stops while the last window's pressure is above the target."""
    loose, strict = (
        np.mean([info["psi_some_ratio"][0] for info in _run(TAIL, knobs={"psi_target": psi})[0]])
        for psi in (10.0, 0.05)
    )
    assert strict < 0.5 * loose


def test_bytes_are_conserved() -> None:
    """Resident and swapped bytes add up to the footprint at every step."""
    env = ReclaimVectorEnv(2, workload=["cold_tail", "mixed_pages"], steps=20)
    _, first = env.reset(seed=1)
    for _ in range(10):
        env.step(np.array([[1.0, -1.0, 1.0], [0.5, -0.8, 0.5]]))
        telemetry = env.machine.telemetry()
        used = (telemetry.node_total_bytes - telemetry.node_free_bytes).sum(axis=1)
        total = used + telemetry.swap.used_bytes
        assert np.all(np.abs(total - first["footprint_bytes"]) <= 2 * MIB)
        assert np.all(telemetry.swap.pool_bytes <= telemetry.swap.used_bytes + 1.0)


def _small_store(**swap: object) -> dict[str, Any]:
    """Return ample_zram with a store of a tenth of the footprint."""
    machine = load_choice("machine", "ample_zram")
    memory, store = machine["tiers"]
    return {**machine, "tiers": [memory, {**store, "capacity": "10 %", **swap}]}


def test_a_swap_space_that_fills_up_ends_paging_out() -> None:
    """What does not fit stays and is counted as tried in vain; what fits goes on as before."""
    infos, env = _run(IDLE, machine=_small_store())
    stats, swap = env.machine.telemetry().stats, env.machine.telemetry().swap
    assert swap.used_bytes[0] == swap.total_bytes[0] > 0.0
    assert stats.sz_applied[0, 0, 0] == swap.out_bytes[0] == swap.used_bytes[0] + swap.in_bytes[0]
    assert stats.sz_tried[0, 0, 0] > stats.sz_applied[0, 0, 0]
    share = swap.used_bytes[0] / (4 * 1024 * MIB)
    assert [info["saved_ratio"][0] for info in infos[-5:]] == pytest.approx(
        [share * (1.0 - 1.0 / 2.63)] * 5
    )
    spec = env.task_spec
    observation = env.step(spec.action(reclaim_quota=512 * MIB, cold_age=3.0)[None])[0][0]
    assert spec.value(observation, "swap_use") == pytest.approx(1.0)
    assert spec.value(observation, "success") == pytest.approx(0.0, abs=1e-3)


def test_pages_that_do_not_compress_cost_what_they_save_or_stay() -> None:
    """Kept whole, they fill the store and save nothing; refused, they stay resident."""
    workload = {**IDLE, "pages": {"classes": [{"share": 1.0, "compression": 1.0}]}}
    whole, _ = _run(workload, machine=_small_store())
    assert whole[-1]["pool_ratio"][0] == pytest.approx(0.1, rel=0.05)
    assert whole[-1]["saved_ratio"][0] == pytest.approx(0.0, abs=1e-9)
    refused, env = _run(workload, machine=_small_store(incompressible="refuse"))
    stats = env.machine.telemetry().stats
    assert refused[-1]["resident_ratio"][0] == 1.0
    assert stats.sz_tried[0, 0, 0] > 0
    assert stats.sz_applied[0, 0, 0] == 0


def test_off_pages_nothing_out() -> None:
    """With the loop off, or the quota off, memory stays resident."""
    for more in ({"quota_loop": "off"}, {"knobs": {"reclaim_quota": 0.0}}):
        infos, _ = _run(IDLE, steps=6, **more)
        assert infos[-1]["saved_ratio"][0] == pytest.approx(0.0, abs=1e-3)


def test_a_batch_is_its_machines() -> None:
    """Machine i with seed s is the scalar environment with seed s + i, rewards included."""
    actions = np.random.default_rng(0).uniform(-1, 1, (8, 2, 3))
    vector = ReclaimVectorEnv(2, steps=20)
    observation, _ = vector.reset(seed=5)
    singles = [ReclaimEnv(steps=20) for _ in range(2)]
    for index, env in enumerate(singles):
        assert np.array_equal(env.reset(seed=5 + index)[0], observation[index])
    for row in actions:
        observation, reward, *_ = vector.step(row)
        for index, env in enumerate(singles):
            alone, value, *_ = env.step(row[index])
            assert np.array_equal(alone, observation[index])
            assert value == reward[index]


def test_the_multiplier_is_visible_and_may_follow() -> None:
    """The info carries the multiplier; with a rate it falls while nobody is slowed down."""
    reward = {
        "name": "adaptive", "meaning": "Adaptive.", "ground_truth": True,
        "terms": {"saved": {"weight": 1.0, "scale": 1.0}},
        "bound": {"measure": "slowdown", "limit": 0.05, "scale": 0.05, "multiplier": 0.5,
                  "rate_per_s": 0.01},
    }  # fmt: skip
    infos, env = _run(IDLE, steps=4, reward=reward)
    values = [float(info["multiplier"][0]) for info in infos]
    assert values == pytest.approx([0.5 - 0.06 * step for step in (1, 2, 3, 4)], abs=1e-3)
    assert "bound" in infos[0]["reward_terms"]
    assert "multiplier starts at 0.5, follows by 0.01/s" in env.describe()


@pytest.mark.parametrize(
    ("settings", "error", "what"),
    [
        ({"machine": "dram_cxl"}, ConfigError, "machine dram_cxl has none"),
        ({"machine": "dram_cxl_zram"}, ConfigError, "machine dram_cxl_zram has more"),
        ({"task": {"decision_interval_s": 0.0}}, ConfigError, "decision_interval_s"),
        ({"task": {"max_regions": 9}}, UnknownNameError, "max_nr_regions"),
        ({"reward": "tco"}, UnknownNameError, "fast_saved"),
        ({"safety": "default"}, UnknownNameError, "promotion_quota"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    settings: dict[str, Any], error: type[ConfigError], what: str
) -> None:
    """Machines without swap, and choices of other tasks, get one line that names them."""
    with pytest.raises(error, match=what):
        ReclaimEnv(**settings)
