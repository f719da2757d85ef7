"""Parameters: numbers, ranges, their checks, and what a sampler makes of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.emulator.workload.parameters import (
    Number,
    Range,
    Sampler,
    SizeRange,
    as_range,
    check,
    check_sum,
    percent,
    size_range,
    size_text,
    text,
)
from damosrl.errors import WorkloadError

FINITE = st.floats(0.001, 1000.0)


def _sampler(seed: int, *, randomize: bool) -> Sampler:
    return Sampler(np.random.default_rng(seed), randomize)


@given(ends=st.tuples(FINITE, FINITE), seed=st.integers(0, 2**32), log=st.booleans())
def test_drawn_numbers_stay_in_range(ends: tuple[float, float], seed: int, log: bool) -> None:
    """A drawn number lies within the range, and a nominal one is the nominal value."""
    low, high = min(ends), max(ends)
    value = Range(low, (low, high), "log" if log else "linear")
    assert low <= _sampler(seed, randomize=True).number(value) <= high
    assert _sampler(seed, randomize=False).number(value) == low
    spread = _sampler(seed, randomize=False).spread(value, 3)
    assert spread[0] == pytest.approx(low)
    assert spread[2] == pytest.approx(high)
    assert all(low <= each <= high for each in _sampler(seed, randomize=True).spread(value, 9))


def test_log_scale_gives_equal_chances_to_equal_factors() -> None:
    """On a log scale half of the draws lie below the geometric mean, on a linear one few do."""
    sampler = _sampler(1, randomize=True)
    log = [sampler.number(Range(1.0, (1.0, 10_000.0), "log")) for _ in range(2000)]
    linear = [sampler.number((1.0, 10_000.0)) for _ in range(2000)]
    assert np.mean(np.array(log) < 100.0) == pytest.approx(0.5, abs=0.05)
    assert np.mean(np.array(linear) < 100.0) == pytest.approx(0.01, abs=0.01)


def test_short_forms() -> None:
    """A bare number is its own range, and a pair's nominal value is its middle."""
    assert as_range(3.0) == Range(3.0, (3.0, 3.0))
    assert as_range((2.0, 4.0)).nominal == 3.0
    assert size_range(("1 GiB", "4 GiB"), "footprint").nominal == 2 * 2**30
    size = size_range(SizeRange("2 MiB", ("1 MiB", "4 MiB")), "footprint")
    assert (size.nominal, size.range, size.scale) == (2**21, (2.0**20, 2.0**22), "log")


def test_fixed_parameters_use_no_randomness() -> None:
    """A nominal draw leaves the generator where it was, so that layouts do not depend on it."""
    sampler = _sampler(5, randomize=False)
    sampler.number((1.0, 2.0))
    sampler.choice(["a", "b"])
    sampler.spread((1.0, 2.0), 4)
    assert sampler.rng.random() == np.random.default_rng(5).random()


def test_every_choice_is_drawn() -> None:
    """A list is drawn with about equal chances, and its first entry is the nominal one."""
    sampler = _sampler(2, randomize=True)
    drawn = [sampler.choice("abcd") for _ in range(400)]
    assert all(60 < drawn.count(letter) < 140 for letter in "abcd")
    assert _sampler(2, randomize=False).choice("abcd") == "a"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.5, "out of range"),
        (-0.1, "out of range"),
        (math.nan, "out of range: got nan"),
        ((0.5, 1.5), "out of range"),
        ((0.9, 0.1), "minimum above its maximum"),
        (Range(0.5, (0.6, 0.9)), "nominal share lies outside"),
        (Range(0.0, (0.0, 0.5), "log"), "log scale and reaches zero"),
    ],
)
def test_impossible_parameters_are_refused(value: Number, message: str) -> None:
    """A parameter that can leave its limits, or a range that makes no sense, is an error."""
    with pytest.raises(WorkloadError, match=message):
        check("share", value, 0.0, 1.0)


def test_shares_that_may_exceed_the_whole_are_refused() -> None:
    """Ranges whose upper ends together reach the limit are refused, however unlikely."""
    check_sum("shares", [0.4, (0.1, 0.5)], 1.0)
    with pytest.raises(WorkloadError, match="too large together: got 1"):
        check_sum("shares", [0.4, (0.1, 0.6)], 1.0)


def test_no_size_is_an_error() -> None:
    """Text that is no size names what was got."""
    with pytest.raises(WorkloadError, match=r"footprint is no size.*a lot"):
        size_range("a lot", "footprint")


def test_descriptions_show_ranges_and_units() -> None:
    """Texts hold the nominal value, the range where there is one, and units."""
    assert text(0.5, percent) == "50 %"
    assert text(Range(2**30, (2**20, 2.0**40)), size_text) == "1 GiB (1 MiB to 1 TiB)"
