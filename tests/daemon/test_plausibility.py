"""Telemetry that cannot be right is not used, and the reason is said."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from damosrl.daemon.plausibility import Plausibility
from damosrl.machine import Source, Telemetry

Readings = Callable[..., Telemetry]
EVERYTHING = frozenset(Source)


def check(*readings: Telemetry, frozen_s: float = 1e9) -> str | None:
    """Return what is wrong with the last of some readings."""
    plausibility = Plausibility(EVERYTHING, frozen_s)
    return [plausibility.problem(item) for item in readings][-1]


def with_pressure(telemetry: Telemetry, **fields: Any) -> Telemetry:
    """Replace fields of the pressure."""
    return replace(telemetry, pressure=telemetry.pressure._replace(**fields))


def test_readings_of_an_idle_machine_are_usable(reading: Readings) -> None:
    """Readings of an idle machine are usable."""
    assert check(reading([0.0]), reading([1.0])) is None


def test_a_needed_source_that_is_missing_is_named(reading: Readings) -> None:
    """A needed source that is missing is named."""
    broken = replace(reading([0.0]), missing=(Source.SNAPSHOT, Source.PRESSURE))
    assert check(broken) == "missing: pressure, snapshot"
    assert Plausibility({Source.NODES}, 1e9).problem(broken) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: replace(t, node_free_bytes=np.array([[501.0, 0.0]])), "more free than there is"),
        (lambda t: replace(t, node_free_bytes=np.array([[np.nan, 0.0]])), "impossible memory"),
        (lambda t: replace(t, node_total_bytes=np.array([[0.0, 1.0]])), "impossible memory"),
        (lambda t: replace(t, node_total_bytes=np.array([[1e30, 1.0]])), "impossible memory"),
        (lambda t: with_pressure(t, some_avg=np.array([[1.5, 0.0, 0.0]])), "impossible PSI"),
        (lambda t: with_pressure(t, full_total_us=np.array([np.nan])), "impossible PSI"),
        (
            lambda t: replace(
                t, snapshot=t.snapshot._replace(start=np.full((1, 1, 1), 9, np.uint64))
            ),
            "ends before it starts",
        ),
        (
            lambda t: replace(t, stats=t.stats._replace(sz_tried=np.full((1, 1, 1), -1))),
            "counter below zero",
        ),
    ],
)
def test_impossible_values_are_named(
    reading: Readings, change: Callable[[Telemetry], Telemetry], words: str
) -> None:
    """Impossible values are named."""
    assert words in str(check(change(reading([0.0]))))


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({"time_s": 5.0}, {"time_s": 4.0}, "time went back"),
        ({"migrated": 10.0}, {"migrated": 5.0}, "migrated_up_bytes jumped by -5"),
        ({"migrated": 0.0}, {"migrated": 2.0**45}, "migrated_up_bytes jumped"),
    ],
)
def test_life_time_counters_only_grow_and_not_faster_than_hardware(
    reading: Readings, first: dict[str, float], second: dict[str, float], words: str
) -> None:
    """Life time counters only grow and not faster than hardware."""
    series = [reading(**{"time_s": 4.0, **values}) for values in (first, second)]
    assert words in str(check(*series))


def test_stall_time_that_goes_back_is_told(reading: Readings) -> None:
    """Stall time that goes back is told."""
    before = with_pressure(reading([0.0]), some_total_us=np.array([9.0]))
    assert check(before, reading([1.0])) == "PSI some_total_us went back"


def test_a_kdamond_that_has_ended_is_named(reading: Readings) -> None:
    """A kdamond that has ended is named."""
    ended = reading([0.0])
    ended = replace(ended, kdamonds=ended.kdamonds._replace(pid=np.array([[-1]])))
    assert check(ended) == "kdamond 0 has stopped"


def test_kdamonds_without_a_sign_of_life_make_readings_stale(reading: Readings) -> None:
    """Kdamonds without a sign of life make readings stale."""
    series = [reading([float(at)]) for at in range(12)]
    assert check(*series, frozen_s=20.0) is None
    assert "frozen" in str(check(*series, frozen_s=10.0))


def test_cpu_time_of_the_kdamonds_is_a_sign_of_life(reading: Readings) -> None:
    """Cpu time of the kdamonds is a sign of life."""
    series = [replace(reading([at]), kdamond_cpu_us=np.array([at])) for at in np.arange(12.0)]
    assert check(*series, frozen_s=3.0) is None


def test_a_bad_reading_does_not_hide_what_comes_after_it(reading: Readings) -> None:
    """A bad reading does not hide what comes after it."""
    bad = with_pressure(reading([1.0]), some_avg=np.array([[7.0, 0.0, 0.0]]))
    assert check(reading([0.0]), bad, reading([2.0])) is None
