"""The bound of a reward: a multiplier that is fixed, or follows the violation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.errors import ConfigError, UnknownNameError
from damosrl_tasks.bound import Bound, Multiplier
from damosrl_tasks.reclaim.reward import MEASURES
from damosrl_tasks.reward import read_reward

VALUES = st.lists(st.floats(0.0, 1e6), min_size=1, max_size=20)


@given(VALUES, st.floats(0.0, 5.0), st.floats(0.0, 1.0))
def test_terms_lie_within_the_multiplier(values: list[float], start: float, rate: float) -> None:
    """However wild the measure, a term is at most the multiplier, which stays in its range."""
    multiplier = Multiplier(Bound("slowdown", 0.05, 0.05, start, rate, most=10.0), 1)
    for value in values:
        before = multiplier.value.copy()
        term = multiplier.charge(np.array([value]), np.array([6.0]))
        assert np.abs(term) <= before
        assert (term <= 0.0) == (value >= 0.05 or before == 0.0)
        assert 0.0 <= multiplier.value[0] <= 10.0


def test_the_multiplier_follows_the_violation() -> None:
    """Dual ascent: up by rate x time x violation beyond the limit, down below, fixed at rate 0."""
    multiplier = Multiplier(Bound("slowdown", 0.05, 0.1, 1.0, rate_per_s=0.1), 2)
    multiplier.charge(np.array([0.10, 0.0]), np.array([2.0, 2.0]))
    assert multiplier.value == pytest.approx([1.0 + 0.1 * 2 * 0.5, 1.0 - 0.1 * 2 * 0.5])
    fixed = Multiplier(Bound("slowdown", 0.05, 0.1, 1.0), 1)
    fixed.charge(np.array([9.0]), np.array([6.0]))
    assert fixed.value.tolist() == [1.0]


def test_what_nobody_measured_counts_nothing() -> None:
    """NaN is neither charged nor learnt from."""
    multiplier = Multiplier(Bound("slowdown", 0.05, 0.1, 1.0, rate_per_s=0.1), 1)
    assert multiplier.charge(np.array([np.nan]), np.array([6.0])).tolist() == [0.0]
    assert multiplier.value.tolist() == [1.0]


@pytest.mark.parametrize(
    ("bound", "error", "what"),
    [
        ({"measure": "slowdwn", "limit": 0.05, "scale": 0.1}, UnknownNameError, "slowdown"),
        ({"measure": "slowdown", "limit": 0.05, "scale": 0.1}, ConfigError, "no kernel can tell"),
        ({"measure": "pressure", "limit": -1.0, "scale": 0.1}, ConfigError, "limit"),
        ({"measure": "pressure", "limit": 1.0, "scale": 0.0}, ConfigError, "scale"),
        (
            {"measure": "pressure", "limit": 1.0, "scale": 1.0, "multiplier": 2.0, "most": 1.0},
            ConfigError,
            "most",
        ),
    ],
)
def test_wrong_bounds_are_refused_by_name(
    bound: dict[str, object], error: type[ConfigError], what: str
) -> None:
    """A bound's measure and numbers are checked as those of terms are."""
    reward = {"name": "x", "meaning": "X.", "terms": {"saved": {"weight": 1.0, "scale": 1.0}}}
    with pytest.raises(error, match=what):
        read_reward({**reward, "bound": bound}, MEASURES)
