"""When two forms of one policy count as equal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.export.observations import COUNT, probe_observations
from damosrl.export.parity import LIMIT, Parity, ParityError, action_difference, largest_difference
from damosrl.policy import Layer, PolicyNetwork


@given(width=st.integers(1, 60), seed=st.integers(0, 2**32 - 1))
def test_probe_observations_hold_the_extremes(width: int, seed: int) -> None:
    """All -1, all +1, all 0 and all NaN are among 10,000 observations, and some leave the range."""
    rows = probe_observations(width, np.random.default_rng(seed))
    assert rows.shape == (COUNT, width)
    assert rows.dtype == np.float32
    for value in (-1.0, 1.0, 0.0):
        assert (rows == value).all(axis=1).any()
    assert np.isnan(rows).all(axis=1).any()
    assert np.nanmax(np.abs(rows)) > 2.0


def test_equal_seeds_give_equal_observations() -> None:
    """What a policy is compared on can be repeated."""
    first, second = (probe_observations(7, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_nan_on_one_side_is_an_infinite_difference() -> None:
    """A form that gives no action where the other gives one is never equal to it."""
    assert largest_difference(np.array([0.0, np.nan]), np.array([0.0, 0.0])) == np.inf
    assert largest_difference(np.array([0.25, np.nan]), np.array([0.5, np.nan])) == 0.25


def test_a_difference_above_the_limit_fails() -> None:
    """At the limit parity holds, and above it an error says so."""
    assert Parity("the artifact", 10, LIMIT).require().holds
    with pytest.raises(ParityError, match=r"largest difference 0.0002.*nothing has been written"):
        Parity("the artifact", 10, 2 * LIMIT).require()


def test_choices_between_equal_scores_are_no_difference() -> None:
    """Where two choices score alike, either may be taken; where they do not, the gap counts."""
    bias = np.array([0.5, 0.5, -0.25], dtype=np.float32)
    layer = Layer(np.zeros((3, 1), np.float32), bias)
    network = PolicyNetwork((layer,), "choice", (3,))
    seen, best = np.zeros((1, 1), np.float32), np.array([[-1.0]], np.float32)
    equal, worse = np.array([[0.0]], np.float32), np.array([[1.0]], np.float32)
    assert action_difference(network, seen, best, equal) == 0.0
    assert action_difference(network, seen, best, worse) == 0.75
