"""Interval tuning, watermarks and migrations of a real kernel, against the emulator's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damosrl.damon import Attrs, Intervals
from damosrl.damon.recording import read_recording
from damosrl.experiment.fidelity.compare.migration import MigrationResult
from damosrl.experiment.fidelity.compare.switching import active_spans, compare_switching
from damosrl.experiment.fidelity.compare.tuning import compare_tuning
from damosrl.experiment.fidelity.data import read_table
from damosrl.experiment.fidelity.emulated.migration import Moved
from damosrl.experiment.fidelity.in_guest.hot_set import GOAL
from damosrl.experiment.fidelity.study import (
    demotion,
    interval_tuning,
    overshoot_of,
    promotion,
    switching,
)

MIB = 2**20


def test_every_tuning_step_is_the_kernels(guest_data: Path, told: dict[str, Any]) -> None:
    """On the guest's snapshots the engine sets the guest's sampling intervals, all of them."""
    attrs = Attrs(Intervals(goal=GOAL))
    guest = read_recording(guest_data / "intervals.damon")
    tuned = read_table(guest_data / "intervals.tuned.csv")
    result = compare_tuning(attrs, guest, tuned)
    assert result.meets
    assert len(result.guest) == told["intervals"]["steps"] > 30


def test_tuning_runs_freely_between_the_same_ends(guest_data: Path) -> None:
    """The emulator on its own reaches the guest's shortest and longest intervals too."""
    (emulated,) = interval_tuning(guest_data, range(1, 2)).emulated
    samples = {shot.sample_us for shot in emulated.snapshots}
    assert (min(samples), max(samples)) == (GOAL.min_sample_us, GOAL.max_sample_us)


def test_overshoot_keeps_the_number_of_aggregations(guest_data: Path) -> None:
    """As many aggregations as the guest had take as long as the guest's recording."""
    guest = read_recording(guest_data / "hot_set.damon")
    asked_s = len(guest.snapshots) * guest.aggr_us / 1e6
    assert overshoot_of(guest) * asked_s == pytest.approx(guest.duration_s)


def test_watermarks_switch_as_the_kernels(guest_data: Path) -> None:
    """The kdamond wakes and sleeps as often as the guest's, at about the same moments."""
    result = switching(guest_data).result
    assert len(result.guest) == len(result.emulator) == 2
    assert result.meets


def test_another_number_of_switches_is_no_agreement() -> None:
    """One long time of activity is not two short ones."""
    result = compare_switching(np.array([0.0, 0.1, 5.0]), np.array([0.0, 0.1, 0.9, 1.7]))
    assert result.late_s == np.inf
    assert not result.meets


def test_gaps_part_times_of_activity() -> None:
    """A gap of more than a second parts two spans."""
    assert active_spans(np.array([0.5, 1.5, 2.6])) == [(0.5, 1.5), (2.6, 2.6)]


def test_promotion_keeps_to_the_quota_and_moves_the_hot_set(guest_data: Path) -> None:
    """While the hot set lasts, both move all that they are charged for."""
    result = promotion(guest_data, range(1, 3))
    for each in (result.guest, *result.emulated):
        early = each.tried_bytes <= 48 * MIB
        gap = np.abs(each.moved_bytes - each.tried_bytes)[early]
        assert gap.max() <= 2 * result.quota_bytes
        assert each.moved_bytes[-1] >= 60 * MIB


def test_free_frames_eat_most_of_a_demotion_quota(guest_data: Path) -> None:
    """On a node that is mostly free, both charge several times what they move."""
    result = demotion(guest_data, range(1, 3))
    guest, emulator = result.eaten_share
    assert guest == pytest.approx(emulator, abs=0.1)
    assert guest > 0.7


def _moved(tried: list[int], moved: list[int]) -> Moved:
    times = np.arange(len(tried), dtype=np.float64)
    return Moved(times, np.array(moved), np.array(tried), np.array(moved))


def test_bytes_are_compared_at_equal_charge() -> None:
    """A machine that had more windows is asked what it had moved at the guest's charge."""
    result = MigrationResult(
        _moved([0, 100], [0, 40]), (_moved([0, 200], [0, 60]), _moved([0, 100], [0, 50])), 10
    )
    assert result.moved_at_charge_bytes == (30.0, 40.0, 50.0)
    assert result.moved_bytes == (40.0, 55.0)
    assert result.eaten_share == pytest.approx((0.6, 0.6))
