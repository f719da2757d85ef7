"""When it pays to be out of memory, against the same by small steps of time and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.emulator.absence import loss_of_absence_s, pays
from damosrl.emulator.rate_store import FOREVER_S, GridModel

STEP_S = 0.01

stretches = st.lists(
    st.tuples(st.floats(0.1, 20.0), st.sampled_from([0.0, 0.01, 0.1, 0.5, 3.0])),
    min_size=1,
    max_size=5,
)
break_even = st.floats(0.1, 60.0)


def _arrays(parts: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    lengths, rates = zip(*parts, strict=True)
    return np.array(lengths), np.array(rates)[:, None]


@pytest.mark.parametrize(
    "parts",
    [
        [(20.0, 0.0), (5.0, 3.0)],
        [(3.0, 0.5), (4.0, 0.01), (1.0, 2.0)],
        [(10.0, 0.05)],
        [(2.0, 1.0), (9.0, 0.0), (2.0, 0.2)],
    ],
)
@pytest.mark.parametrize("break_s", [4.0, 15.0, 60.0])
def test_the_loss_is_that_of_deciding_in_small_steps(
    parts: list[tuple[float, float]], break_s: float
) -> None:
    """One pass equals backward induction with a decision every 10 ms over many periods."""
    lengths, rates = _arrays(parts)
    steps = np.repeat(rates[:, 0], np.round(lengths / STEP_S).astype(int))[::-1]
    value = 0.0
    for rate in np.tile(steps, math.ceil(2000.0 / lengths.sum())):
        value = min(0.0, STEP_S - rate * STEP_S * (break_s + value) + value)
    loss = loss_of_absence_s(lengths, rates, np.array([break_s]))[0]
    assert loss == pytest.approx(value, abs=0.02 * break_s)


@given(parts=stretches, break_s=break_even)
def test_the_loss_lies_between_a_fault_and_nothing(
    parts: list[tuple[float, float]], break_s: float
) -> None:
    """Being out never costs more than its fault, and never gains over going out when it pays."""
    loss = loss_of_absence_s(*_arrays(parts), np.array([break_s]))[0]
    assert -break_s * (1 + 1e-9) <= loss <= 0.0


@given(parts=stretches, break_s=break_even)
def test_the_dearer_the_fault_the_less_pays(
    parts: list[tuple[float, float]], break_s: float
) -> None:
    """What pays at a long break-even time pays at a shorter one."""
    lengths, rates = _arrays(parts)
    dear, cheap = (bool(pays(lengths, rates, np.array([b]))[0]) for b in (break_s, break_s / 2))
    assert cheap or not dear


@given(idle_s=st.floats(1.0, 500.0), break_s=st.floats(1.0, 500.0), busy_s=st.floats(5.0, 50.0))
def test_memory_idle_for_longer_than_break_even_goes_out(
    idle_s: float, break_s: float, busy_s: float
) -> None:
    """Idle for T, then used at once: it pays if T is longer than the break-even time."""
    rates = np.array([[0.0], [1000.0]])
    paid = pays(np.array([idle_s, busy_s]), rates, np.array([break_s]))[0]
    if abs(idle_s - break_s) > 0.01:
        assert paid == (idle_s > break_s)


@given(rate_hz=st.floats(1e-6, 1e3), break_s=st.floats(0.01, 1e4))
def test_at_a_constant_rate_the_limit_is_one_touch_per_break_even_time(
    rate_hz: float, break_s: float
) -> None:
    """A page whose rate never changes may be out if it is touched less often than that."""
    if abs(rate_hz * break_s - 1.0) > 1e-6:
        paid = pays(np.array([7.0]), np.array([[rate_hz]]), np.array([break_s]))[0]
        assert paid == (rate_hz * break_s < 1.0)


def test_what_saves_nothing_never_goes_out() -> None:
    """An endless break-even time is not outweighed, even where no fault will ever come."""
    lengths, rates = np.array([5.0, 5.0]), np.array([[0.0, 0.0, 0.0], [0.0, 1e-20, 2.0]])
    assert not pays(lengths, rates, np.full(3, np.inf)).any()


@given(start_s=st.floats(0.0, 500.0))
def test_stretches_ahead_are_one_period_from_now(start_s: float) -> None:
    """Lengths sum to the period, and each stretch has the rate of its time."""
    model = GridModel(
        np.ones(1, np.int64),
        np.array([[1.0], [2.0], [4.0]], np.float32),
        np.array([0.0, 10.0, 25.0]),
        47.0,
    )
    lengths, rates = model.ahead(start_s)
    assert lengths.sum() == pytest.approx(47.0)
    assert np.all(lengths >= 0.0)
    middles = start_s + np.cumsum(lengths) - lengths / 2
    long = lengths > 1e-6
    epochs = np.searchsorted(model.epoch_s, middles % 47.0, side="right") - 1
    assert rates[long, 0].tolist() == model.rate_hz[epochs[long], 0].tolist()


def test_a_model_that_ends_constant_goes_on_for_ever() -> None:
    """Its last stretch lasts beyond every break-even time."""
    model = GridModel(
        np.ones(1, np.int64), np.array([[9], [0]], np.float32), np.array([0.0, 5.0]), math.inf
    )
    lengths, rates = model.ahead(2.0)
    assert lengths.tolist() == [3.0, FOREVER_S - 3.0]
    assert rates[:, 0].tolist() == [9.0, 0.0]
    assert pays(*model.ahead(6.0), np.array([1e4])).all()
    assert not pays(lengths, rates, np.array([1e4])).any()
