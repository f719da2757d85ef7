"""Named quantities: their place in [-1, 1] and back, alone and as a set."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.errors import ConfigError, UnknownNameError
from damosrl.knobs import Quantity, QuantitySet
from damosrl.task import TaskSpec

SET = QuantitySet(
    (
        Quantity("linear", "%", -5.0, 5.0, "l"),
        Quantity("log", "bytes/s", 2.0, 512.0, "g", "log"),
        Quantity("switch", "bytes/s", 1.0, 1024.0, "o", "log", off_below=-0.9, default=64.0),
        Quantity("symlog", "s", 0.0, 30.0, "s", "symlog"),
    )
)
NORMAL = st.floats(-1.5, 1.5)


@given(st.lists(st.tuples(NORMAL, NORMAL, NORMAL, NORMAL), min_size=1, max_size=9))
def test_a_set_is_its_quantities(rows: list[tuple[float, float, float, float]]) -> None:
    """Mapping a whole array gives bit for bit what each quantity gives alone."""
    normal = np.array(rows)
    physical = SET.to_physical(normal)
    alone = [item.to_physical(normal[:, place]) for place, item in enumerate(SET.items)]
    assert np.array_equal(physical, np.stack(alone, axis=-1))
    back = SET.to_normal(physical)
    alone = [item.to_normal(physical[:, place]) for place, item in enumerate(SET.items)]
    assert np.array_equal(back, np.stack(alone, axis=-1))


@given(st.tuples(NORMAL, NORMAL, NORMAL, NORMAL))
def test_there_and_back(row: tuple[float, float, float, float]) -> None:
    """Normalised values come back, clipped; everything below the switch is off, -1."""
    normal = np.clip(np.array(row), -1.0, 1.0)
    expected = np.where((normal < -0.9) & (np.arange(4) == 2), -1.0, normal)
    assert SET.to_normal(SET.to_physical(np.array(row))) == pytest.approx(expected, abs=1e-9)


def test_ranges_end_where_they_say() -> None:
    """-1 and 1 are the ends; values outside are clipped to them."""
    assert SET.to_physical(np.full(4, 1.0)) == pytest.approx([5.0, 512.0, 1024.0, 30.0])
    assert SET.to_physical(np.full(4, -1.0)) == pytest.approx([-5.0, 2.0, 0.0, 0.0])
    assert SET.to_normal(np.array([9.0, 1e9, 1e9, 1e9])) == pytest.approx([1.0, 1.0, 1.0, 1.0])
    assert SET.to_normal(np.array([-9.0, 0.1, 0.1, -1.0])) == pytest.approx([-1, -1, -0.9, -1])


def test_a_task_names_what_it_lacks() -> None:
    """A tuner that asks for another task's knob or feature is told whose it is."""
    spec = TaskSpec("sample-v0", SET, SET, 1.0)
    with pytest.raises(UnknownNameError, match="unknown feature of sample-v0: got 'swich'"):
        spec.value(np.zeros(4, np.float32), "swich")
    with pytest.raises(UnknownNameError, match="unknown knob of sample-v0: got 'swich'"):
        spec.action(swich=1.0)


def test_sets_are_values() -> None:
    """Sets compare by their quantities and survive pickling; names find places."""
    assert pickle.loads(pickle.dumps(SET)) == SET  # noqa: S301  our own bytes
    assert SET.index("switch") == 2
    assert SET.defaults().tolist() == [0.0, 0.0, 64.0, 0.0]
    with pytest.raises(UnknownNameError, match="did you mean 'switch'"):
        SET.index("swich")


@pytest.mark.parametrize(
    ("low", "high", "scale"), [(1.0, 1.0, "linear"), (0.0, 1.0, "log"), (0.0, float("inf"), "log")]
)
def test_impossible_ranges_are_refused(low: float, high: float, scale: str) -> None:
    """Empty and infinite ranges, and logarithms from zero, end in one line."""
    with pytest.raises(ConfigError):
        Quantity("wrong", "s", low, high, "w", scale)  # type: ignore[arg-type]
