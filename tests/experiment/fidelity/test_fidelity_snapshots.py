"""Working set, hot set and ages: definitions by hand, and the published comparison in short."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damosrl.damon.recorded import RecordedSnapshot, Recording
from damosrl.experiment.fidelity.compare.snapshots import (
    age_distance,
    compare_snapshots,
    hot_set,
    mean_age,
)
from damosrl.experiment.fidelity.study import hot_set_pictures

Region = tuple[int, int, int, int]


def _shot(regions: list[Region], end_ns: int = 100) -> RecordedSnapshot:
    start, end, counts, ages = (list(column) for column in zip(*regions, strict=True))
    return RecordedSnapshot(
        end_ns - 100,
        end_ns,
        5000,
        np.array(start, np.uint64),
        np.array(end, np.uint64),
        np.array(counts, np.uint32),
        np.array(ages, np.uint32),
    )


def test_recall_and_precision_are_shares_of_bytes() -> None:
    """Half of what is touched is called hot, and two thirds of what is called hot are touched."""
    shot = _shot([(0, 20, 0, 0), (20, 50, 5, 0), (50, 100, 4, 0)])
    assert hot_set(shot, (30, 70)) == pytest.approx((0.5, 2 / 3))


def test_nothing_called_hot_is_precise_and_recalls_nothing() -> None:
    """Without a hot region recall is 0 and precision 1."""
    assert hot_set(_shot([(0, 100, 4, 0)]), (0, 50)) == (0.0, 1.0)


def test_age_distance_is_the_mean_shift() -> None:
    """Half of the bytes, older by 6 aggregations, are 3 apart in the mean."""
    one = _shot([(0, 50, 0, 2), (50, 100, 0, 10)])
    other = _shot([(0, 50, 0, 2), (50, 100, 0, 16)])
    assert age_distance(one, [other]) == age_distance(other, [one]) == pytest.approx(3.0)
    assert age_distance(one, [one]) == 0.0
    assert mean_age(one) == 6.0


def test_errors_are_relative_to_the_emulators_median() -> None:
    """60 of 50 bytes is an error of a fifth; seeds that agree have none."""
    guest = Recording((_shot([(0, 60, 9, 0), (60, 100, 0, 0)]),) * 2, 5000, 100_000)
    seeds = [Recording((_shot([(0, 50, 9, 0), (50, 100, 0, 0)]),) * 2, 5000, 100_000)] * 3
    touched = {
        key: np.array([value])
        for key, value in (("start_ns", 0), ("end_ns", 100), ("start", 0), ("end", 40))
    }
    result = compare_snapshots(guest, seeds, touched)
    assert (result.wss_error, result.wss_error_of_seeds) == pytest.approx((0.2, 0.0))
    assert result.hot_recall_ratio == 1.0
    assert not result.meets


def test_the_guest_agrees_within_the_targets(guest_data: Path) -> None:
    """Three emulated machines reach what the study has to reach."""
    result = hot_set_pictures(guest_data, range(11, 14)).result
    assert result.wss_error <= 0.1
    assert result.hot_recall_ratio >= 0.9
    assert [item.name for item in result.segments].count("idle") == 1


def test_published_numbers_meet_the_targets(told: dict[str, Any]) -> None:
    """What was published is not worse than the targets it claims to meet."""
    numbers = told["hot_set"]
    assert numbers["meets"] is True
    assert numbers["wss_error"] <= 0.1
    assert numbers["hot_recall_ratio"] >= 0.9
