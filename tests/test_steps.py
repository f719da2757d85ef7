"""Relative steps: factors of two, limits, and the way to off and back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.knobs import Quantity, QuantitySet
from damosrl.steps import stepped

QUOTA = Quantity("quota", "bytes/s", 1.0, 1024.0, "A quota.", "log", off_below=-0.9)
COARSE = Quantity("coarse", "%", 1.0, 4.0, "Two octaves.", "log")
AGE = Quantity("age", "s", 0.0, 30.0, "An age.", "symlog")
SHARE = Quantity("share", "%", 0.0, 100.0, "A share.")
KNOBS = QuantitySet((QUOTA, AGE, SHARE))


def _step(knob: Quantity, physical: float, direction: float) -> float:
    at = knob.to_normal(np.array([physical]))
    return float(knob.to_physical(stepped(QuantitySet((knob,)), at, np.array([direction])))[0])


@pytest.mark.parametrize(
    ("knob", "before", "direction", "after"),
    [
        (QUOTA, 8.0, 1.0, 16.0),
        (QUOTA, 8.0, -1.0, 4.0),
        (QUOTA, 8.0, 0.5, 8.0 * math.sqrt(2.0)),
        (QUOTA, 1024.0, 1.0, 1024.0),
        (QUOTA, 1.0, -1.0, 0.0),  # below the lowest value: off
        (QUOTA, 0.0, -1.0, 0.0),
        (QUOTA, 0.0, 0.0, 0.0),
        (QUOTA, 0.0, 1.0, 2.0),  # off starts from the lowest value
        (COARSE, 2.0, 1.0, 2.0 * 4.0**0.15),  # a factor of two would be half the range
        (AGE, 0.0, 1.0, 31.0**0.15 - 1.0),
        (AGE, 31.0**0.15 - 1.0, -1.0, 0.0),
        (AGE, 0.0, -1.0, 0.0),
        (SHARE, 50.0, 1.0, 65.0),
        (SHARE, 50.0, -0.5, 42.5),
    ],
)
def test_steps_by_hand(knob: Quantity, before: float, direction: float, after: float) -> None:
    """A step goes where the scale says, and stays within the knob's limits."""
    assert _step(knob, before, direction) == pytest.approx(after, rel=1e-9, abs=1e-9)


positions = st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=3).map(np.array)
directions = st.lists(st.floats(-5.0, 5.0), min_size=3, max_size=3).map(np.array)


@given(positions, directions)
def test_steps_stay_in_range_and_go_their_way(
    position: np.ndarray[tuple[int], np.dtype[np.float64]],
    direction: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    """No step leaves [-1, 1] or goes against its direction, in physical terms."""
    after = stepped(KNOBS, position, direction)
    assert (np.abs(after) <= 1.0).all()
    change = KNOBS.to_physical(after) - KNOBS.to_physical(position)
    assert (change * np.sign(direction) >= -1e-9).all()
    assert np.array_equal(after, stepped(KNOBS, position, np.clip(direction, -1.0, 1.0)))


@given(positions)
def test_keeping_keeps(position: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """Direction 0 changes no physical value."""
    after = stepped(KNOBS, position, np.zeros(3))
    assert KNOBS.to_physical(after) == pytest.approx(KNOBS.to_physical(position))


def test_batches_step_as_their_members() -> None:
    """A batch of machines steps as each would alone, and NaN asks to keep."""
    position = np.array([[0.1, 0.2, 0.3], [-1.0, 0.5, -0.5]])
    direction = np.array([[1.0, -1.0, np.nan], [0.5, 0.0, 1.0]])
    batch = stepped(KNOBS, position, direction)
    for row in range(2):
        single = stepped(KNOBS, position[row], direction[row])
        assert np.array_equal(batch[row], single, equal_nan=True)
    assert np.isnan(batch[0, 2])
