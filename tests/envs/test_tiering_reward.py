"""Reward terms: named, bounded, summed; ground truth only when allowed."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.config import choices
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.machine import GroundTruth, Telemetry
from damosrl_tasks.reward import Term, weigh
from damosrl_tasks.tiering.config import TieringConfig
from damosrl_tasks.tiering.reward import MEASURES, Interval, reward_config
from damosrl_tasks.tiering.task import TieringTask

ONE = np.array([True])
Build = Callable[..., Telemetry]
GIB = 2.0**30


def _truth(slowdown: float) -> GroundTruth:
    one = np.ones(1)
    return GroundTruth(np.full(1, slowdown), one, one, one, one)


def _terms(
    build: Build, choice: object, slowdown: float = 1.0, **fields: object
) -> tuple[float, dict[str, float]]:
    task = TieringTask(1, 2, TieringConfig(), reward_config(choice))  # type: ignore[arg-type]
    task.reset(ONE, build())
    telemetry = build(time_s=np.ones(1), **fields)
    outcome = task.outcome(telemetry, np.zeros((1, 5)), _truth(slowdown))
    return float(outcome.reward[0]), {name: float(x[0]) for name, x in outcome.terms.items()}


OTHERS = ("acma", "attack", "reclaim_", "tenants")
OWN = [name for name in choices("reward") if not name.startswith(OTHERS)]
"""Rewards of conf/reward that weigh what tiering measures."""


@pytest.mark.parametrize("name", OWN)
def test_shipped_rewards_are_sums_of_bounded_terms(build: Build, name: str) -> None:
    """In good times and terrible ones every term stays in its bound and the sum is the reward."""
    config = reward_config(name)
    assert config.name == name
    for slowdown, moved in ((1.0, 0.0), (1.3, 1e8), (1e6, 1e15)):
        reward, terms = _terms(
            build,
            name,
            slowdown,
            migrated_up_bytes=np.full(1, moved),
            returned_bytes=np.full(1, moved),
            kdamond_cpu_us=np.full(1, moved),
        )
        assert reward == pytest.approx(sum(terms.values()))
        for term, value in terms.items():
            assert abs(value) <= config.terms[term].weight + 1e-12
            sign = MEASURES[config.terms[term].measure or term].sign
            assert value * sign >= 0.0


def test_latency_prefers_speed_then_stillness(build: Build) -> None:
    """Less slowdown is better; at equal slowdown, less migration is."""
    fast, _ = _terms(build, "latency", 1.02)
    slow, _ = _terms(build, "latency", 1.2)
    busy, _ = _terms(build, "latency", 1.02, migrated_up_bytes=np.full(1, GIB))
    assert fast > busy > slow


def test_a_stalled_machine_is_as_slow_as_can_be(build: Build) -> None:
    """No access served in an interval costs the whole bound, and no NaN reaches a learner."""
    reward, terms = _terms(build, "latency", float("nan"))
    assert np.isfinite(reward)
    assert terms["slowdown"] == -reward_config("latency").terms["slowdown"].weight


def test_tco_pays_for_free_memory_within_the_bound(build: Build) -> None:
    """Free fast memory is worth something; a slowdown beyond 5 % eats it up."""
    full, _ = _terms(build, "tco", 1.0, free_mib=0.0)
    saved, _ = _terms(build, "tco", 1.04, free_mib=4.0)
    too_slow, _ = _terms(build, "tco", 1.2, free_mib=4.0)
    assert saved > full > too_slow


def test_kernel_goal_is_best_at_half_a_per_cent_free(build: Build) -> None:
    """Both too much and too little free memory cost."""
    at_goal, _ = _terms(build, "kernel_goal", free_mib=0.5)
    empty, _ = _terms(build, "kernel_goal", free_mib=0.0)
    wasteful, _ = _terms(build, "kernel_goal", free_mib=10.0)
    assert at_goal > empty > wasteful


@given(st.floats(0, 10), st.floats(0.1, 5), st.floats(0, 2), st.floats(1.0, 100.0))
def test_a_term_is_its_formula(weight: float, scale: float, limit: float, slowdown: float) -> None:
    """A term is weight x clip((measure - limit) / scale, 0, 1), here of the log slowdown."""
    measure = MEASURES["slowdown"]
    assert measure.needs_truth
    expected = weight * min(max((np.log(slowdown) - limit) / scale, 0.0), 1.0)
    config = {
        "name": "one",
        "meaning": "One term.",
        "ground_truth": True,
        "terms": {"slowdown": {"weight": weight, "scale": scale, "limit": limit}},
    }
    assert reward_config(config).terms["slowdown"] == Term(weight, scale, limit)
    interval = Interval(None, None, np.zeros(1), _truth(slowdown))  # type: ignore[arg-type]
    value = weigh(reward_config(config), MEASURES, interval)["slowdown"]
    assert value == pytest.approx(-expected, abs=1e-9)


def test_truth_is_used_only_when_said_so() -> None:
    """A term that no kernel can tell needs ground_truth: true."""
    terms = {"slowdown": {"weight": 1.0, "scale": 1.0}}
    with pytest.raises(ConfigError, match="ground_truth: true"):
        reward_config({"name": "x", "meaning": "m", "terms": terms})


def test_a_kernel_cannot_serve_ground_truth(build: Build) -> None:
    """On a machine without truth, a reward that needs it says so instead of guessing."""
    task = TieringTask(1, 2, TieringConfig(), reward_config("latency"))
    task.reset(ONE, build())
    with pytest.raises(ConfigError, match="needs ground truth"):
        task.outcome(build(time_s=np.ones(1)), np.zeros((1, 5)), None)


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({}, ConfigError),
        ({"slowdwn": {"weight": 1.0, "scale": 1.0}}, UnknownNameError),
        ({"pressure": {"weight": -1.0, "scale": 1.0}}, ConfigError),
        ({"pressure": {"weight": 1.0, "scale": 0.0}}, ConfigError),
        ({"pressure": {"weight": 1.0, "scal": 1.0}}, UnknownNameError),
    ],
)
def test_wrong_rewards_are_refused(
    terms: dict[str, dict[str, float]], error: type[Exception]
) -> None:
    """Unknown measures and unbounded terms end in one line."""
    with pytest.raises(error):
        reward_config({"name": "x", "meaning": "m", "ground_truth": True, "terms": terms})
