"""Numbers of recordings, against sums over single bytes and hand-made cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.damon.recorded import RecordedSnapshot, Recording
from damosrl.errors import RecordingError
from damosrl.experiment.recordings import numbers
from damosrl.experiment.recordings.folding import cell_rates, fold

Regions = list[tuple[int, int, int, int]]


def _snapshot(regions: Regions, place: int = 0, sample_us: int = 5_000) -> RecordedSnapshot:
    columns = np.array(regions, np.uint64).reshape(-1, 4).T
    return RecordedSnapshot(
        place * 10**8,
        (place + 1) * 10**8,
        sample_us,
        columns[0],
        columns[1],
        columns[2].astype(np.uint32),
        columns[3].astype(np.uint32),
    )


def _recording(*snapshots: Regions) -> Recording:
    shots = tuple(_snapshot(regions, place) for place, regions in enumerate(snapshots))
    return Recording(shots, 5_000, 100_000)


TWO = _recording([(0, 100, 20, 1), (100, 400, 0, 50)], [(0, 200, 1, 0), (200, 400, 0, 10)])


@st.composite
def _regions(draw: st.DrawFn) -> Regions:
    borders = sorted(draw(st.lists(st.integers(0, 300), min_size=2, max_size=12, unique=True)))
    return [
        (start, end, draw(st.integers(0, 20)), draw(st.integers(0, 9)))
        for start, end in zip(borders[::2], borders[1::2], strict=False)
    ]


def test_the_working_set_is_the_size_of_regions_at_the_threshold() -> None:
    """The working set is the size of regions at the threshold."""
    assert numbers.wss_bytes(TWO).tolist() == [100, 200]
    assert numbers.wss_bytes(TWO, 2).tolist() == [100, 0]
    assert numbers.wss_bytes(TWO, 0).tolist() == [400, 400]


@pytest.mark.parametrize("threshold", [-1, 21])
def test_a_threshold_that_no_region_can_meet_is_refused(threshold: int) -> None:
    """A threshold that no region can meet is refused."""
    with pytest.raises(RecordingError, match=r"out of bounds.*0\.\.20 samples"):
        numbers.wss_bytes(TWO, threshold)


def test_idle_times_are_ages_of_regions_without_access_weighted_by_size() -> None:
    """Idle times are ages of regions without access weighted by size."""
    times = numbers.idle_times(TWO, TWO.snapshots)
    assert times.percentile(0) == 0.0
    assert times.percentile(37.5) == 0.0
    assert times.percentile(38) == pytest.approx(1.0)
    assert times.percentile(62.5) == pytest.approx(1.0)
    assert times.percentile(63) == pytest.approx(5.0)
    assert times.percentile(100) == pytest.approx(5.0)


def test_ages_count_the_interval_that_was_in_force() -> None:
    """Ages count the interval that was in force."""
    tuned = _snapshot([(0, 100, 0, 10)], sample_us=10_000)
    recording = Recording((tuned,), 5_000, 100_000)
    assert numbers.idle_times(recording, recording.snapshots).percentile(50) == pytest.approx(2.0)


def test_percentiles_are_values_that_occurred() -> None:
    """Percentiles are values that occurred."""
    values = np.array([30, 10, 20, 40], np.int64)
    assert numbers.percentiles(values).tolist() == [10, 10, 10, 10, 20, 30, 40, 40, 40]


def test_borders_count_from_the_start_of_the_recording() -> None:
    """Borders count from the start of the recording."""
    assert numbers.borders_s(TWO) == pytest.approx([0.0, 0.1, 0.2])


def test_large_gaps_are_folded_and_small_ones_stay() -> None:
    """Large gaps are folded and small ones stay."""
    far = 2**46
    folding = fold([_snapshot([(0, 4096, 1, 0), (4100, 8192, 1, 0), (far, far + 4096, 1, 0)])])
    assert folding.start.tolist() == [0, far]
    assert folding.end.tolist() == [8192, far + 4096]
    places = folding.place(np.array([0, 4097, 2**30, far, far + 4096], np.uint64))
    assert places.tolist() == [0, 4097, 8192, 8192, 12288]


def test_areas_of_all_snapshots_are_joined() -> None:
    """Areas of all snapshots are joined."""
    folding = fold([_snapshot([(0, 100, 1, 0)]), _snapshot([(50, 300, 1, 0), (9000, 9100, 1, 0)])])
    assert folding.start.tolist() == [0, 9000]
    assert folding.end.tolist() == [300, 9100]


@settings(deadline=None, max_examples=100)
@given(_regions(), st.integers(1, 40))
def test_cells_hold_the_mean_over_their_bytes(regions: Regions, cells: int) -> None:
    """Cells hold the mean over their bytes."""
    shot = _snapshot(regions)
    folding = fold([shot])
    bytes_ = np.full(folding.size, np.nan)
    for start, end, accesses, _ in regions:
        first, last = folding.place(np.array([start, end], np.uint64)).tolist()
        bytes_[first:last] = accesses
    fine = np.repeat(bytes_, cells).reshape(cells, -1)
    known = np.isfinite(fine)
    expected = np.where(known, fine, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    found = cell_rates(shot, folding, cells)
    assert np.isfinite(found).tolist() == known.any(axis=1).tolist()
    assert found[np.isfinite(found)] == pytest.approx(expected[known.any(axis=1)])


def test_a_heatmap_averages_neighbouring_snapshots_where_there_are_many() -> None:
    """A heatmap averages neighbouring snapshots where there are many."""
    shots = [[(0, 100, 4 * (place % 2), 0)] for place in range(40)]
    grid = numbers.heat_grid(_recording(*shots), columns=10, rows=3)
    assert grid.time_s == pytest.approx(np.linspace(0, 4, 11))
    assert grid.rate == pytest.approx(np.full((10, 3), 0.1))


def test_memory_that_was_not_monitored_stays_unknown() -> None:
    """Memory that was not monitored stays unknown."""
    grid = numbers.heat_grid(_recording([(0, 100, 20, 0)], [(0, 50, 10, 0)]), rows=2)
    assert grid.rate[0].tolist() == [1.0, 1.0]
    assert grid.rate[1, 0] == 0.5
    assert np.isnan(grid.rate[1, 1])


def test_snapshots_without_regions_are_refused() -> None:
    """Snapshots without regions are refused."""
    with pytest.raises(RecordingError, match="hold no region"):
        numbers.heat_grid(_recording([], []))
    with pytest.raises(RecordingError, match="hold no region"):
        numbers.idle_times(TWO, (_snapshot([]),))
