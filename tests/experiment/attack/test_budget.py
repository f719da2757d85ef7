"""An attacker's budget: which ranges it finds, what it refuses, what patterns it makes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.config import choices, load_choice
from damosrl.emulator.workload.source import workload_source
from damosrl.errors import ConfigError, DamosrlError
from damosrl.experiment.attack.budget import Budget, read_budget
from damosrl.experiment.attack.settings import AttackSettings

PULSES: dict[str, Any] = {"kind": "pulses", "period_s": [10, 60]}


@pytest.mark.parametrize("name", choices("budget"))
def test_shipped_budgets_limit_rate_footprint_and_phase(name: str) -> None:
    """Each choice of conf/budget says how many accesses, to how much memory, and how often."""
    budget = read_budget(load_choice("budget", name))
    assert {"access.mean_rate_hz", "footprint", "access.period_s"} <= set(budget.choices.names)


def test_the_slow_budget_is_part_of_the_default_one() -> None:
    """What a slow attacker may choose, any attacker may."""
    slow, default = (
        read_budget(load_choice("budget", name)).choices for name in ("slow", "default")
    )
    for item in slow.items:
        assert default[item.name].low <= item.low < item.high <= default[item.name].high


def test_every_range_is_a_choice() -> None:
    """Ranges of access, size, fast share, application and start are found where they stand."""
    values = {
        "footprint": ["1 GiB", "2 GiB"],
        "fast_share": [0.1, 0.5],
        "application": {"threads": [4, 8], "think_time_ns": 100},
        "start": {"fast_fill": {"nominal": 0.9, "range": [0.8, 0.95]}},
        "access": PULSES,
    }
    names = set(read_budget(values).choices.names)
    assert names == {
        "footprint", "fast_share", "application.threads", "start.fast_fill", "access.period_s",
    }  # fmt: skip


@given(shares=st.lists(st.floats(-1, 1), min_size=12, max_size=12))
def test_any_pattern_within_the_budget_can_be_drawn(shares: list[float]) -> None:
    """Wherever in the ranges a pattern lies, it is a workload with the name that it was given."""
    budget = read_budget(load_choice("budget", "default"))
    values = budget.choices.to_physical(np.array(shares))
    chosen = dict(zip(budget.choices.names, values.tolist(), strict=True))
    drawn = workload_source(budget.pattern(chosen, "worst")).draw(np.random.default_rng(0))
    assert drawn.name == "worst"
    assert drawn.access.footprint_bytes == pytest.approx(chosen["footprint"], rel=2e-3)


def test_a_pattern_leaves_the_budget_as_it_is() -> None:
    """Making a pattern changes nothing in the budget that the next one is made from."""
    budget = read_budget({"access": dict(PULSES)})
    budget.pattern({"access.period_s": 20.0}, "one")
    assert budget.workload == {"access": PULSES}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"access": {"kind": "pulses"}}, "the attack's budget is empty"),
        ({"access": {"kind": "pulses", "period_s": [30, 30]}}, "the attack's budget is empty"),
        (
            {"access": {**PULSES, "mean_rate_hz": 0}},
            "the attack's budget is zero: it allows no accesses",
        ),
        ({"members": ["zipf", "uniform"]}, "the attack's budget has no parameters"),
        ({}, "says nothing of its accesses"),
    ],
)
def test_a_budget_that_allows_nothing_is_refused(values: dict[str, Any], message: str) -> None:
    """No choice, no accesses, no workload: one clear line."""
    with pytest.raises(DamosrlError, match=message):
        read_budget(values)


def _settings(**changes: Any) -> AttackSettings:
    base: dict[str, Any] = {
        name: {} for name in ("machine", "task", "reward", "safety", "budget", "agent")
    }
    return AttackSettings(**{**base, "tuner": "pi", **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tuner": None}, "nobody to attack"),
        ({"tuner": ""}, "nobody to attack"),
        ({"tuner": "oracle"}, "oracle is an end of the scale"),
        ({"trials": 0}, "trials is too small"),
        ({"verdict_seeds": 1}, "verdict_seeds is too small"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(changes: dict[str, Any], message: str) -> None:
    """Without a tuner, trials or an interval there is no attack."""
    with pytest.raises(ConfigError, match=message):
        _settings(**changes)


def test_patterns_are_named_after_the_tuner() -> None:
    """A name, a path or what was asked for."""
    assert _settings(tuner="consist").pattern_name == "adversarial_consist"
    assert _settings(tuner="results/mine").pattern_name == "adversarial_mine"
    assert _settings(name="bad_day").pattern_name == "bad_day"


def test_a_budget_is_plain_data() -> None:
    """The example of the class holds for mappings of any kind."""
    budget = Budget({"access": PULSES}, read_budget({"access": PULSES}).choices)
    assert budget.choices["access.period_s"].unit == "s"
