"""Numbers of a recording: working set, idle times, regions; pure functions of its snapshots."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from damosrl.damon.recorded import RecordedSnapshot, Recording
from damosrl.errors import RecordingError
from damosrl.experiment.recordings.folding import Folding, cell_rates, fold
from damosrl.machine import FloatArray, IntArray

PERCENTILES = (0, 1, 5, 25, 50, 75, 95, 99, 100)
HEAT_COLUMNS, HEAT_ROWS = 600, 300


def borders_s(recording: Recording) -> FloatArray:
    """Return start of the first snapshot (0) and the ends of all, ``(T + 1,)`` seconds."""
    first = recording.snapshots[0].start_ns
    ends = [snapshot.end_ns - first for snapshot in recording.snapshots]
    return np.array([0, *ends], np.float64) / 1e9


def wss_bytes(recording: Recording, min_accesses: int = 1) -> IntArray:
    """Return the working-set size of each snapshot, ``(T,)`` int64 bytes.

    It is the size of all regions with at least so many accesses (semantics 6.1, ``report wss``).

    Args:
        recording: Snapshots.
        min_accesses: Threshold, samples per aggregation interval; 0 counts all that is monitored.

    Raises:
        RecordingError: The threshold is negative or above the largest possible count.
    """
    if not 0 <= min_accesses <= recording.samples_per_aggregation:
        raise RecordingError(
            "the threshold of the working set is out of bounds",
            got=min_accesses,
            allowed=f"0..{recording.samples_per_aggregation} samples",
        )
    sizes = [
        int((snapshot.end - snapshot.start)[snapshot.nr_accesses >= min_accesses].sum())
        for snapshot in recording.snapshots
    ]
    return np.array(sizes, np.int64)


def region_counts(recording: Recording) -> IntArray:
    """Return the number of regions of each snapshot, ``(T,)`` int64."""
    return np.array([len(snapshot) for snapshot in recording.snapshots], np.int64)


def percentiles(values: IntArray) -> FloatArray:
    """Return the `PERCENTILES` of values that each hold as long: snapshots, not seconds."""
    found: FloatArray = np.percentile(values.astype(np.float64), PERCENTILES, method="inverted_cdf")
    return found


def has_ages(recording: Recording) -> bool:
    """Tell whether any age is known; binary recordings tell none."""
    return any(snapshot.age.any() for snapshot in recording.snapshots)


class IdleTimes(NamedTuple):
    """Idle time of every byte, sorted: memory accessed now is idle for 0 s.

    ``share[i]`` of all bytes are idle for at most ``idle_s[i]``.
    """

    idle_s: FloatArray
    share: FloatArray

    def percentile(self, percent: float) -> float:
        """Return the idle time that so many percent of the bytes do not exceed, seconds."""
        place = int(np.searchsorted(self.share, percent / 100 - 1e-12))
        return float(self.idle_s[min(place, len(self.idle_s) - 1)])


def idle_times(recording: Recording, snapshots: tuple[RecordedSnapshot, ...]) -> IdleTimes:
    """Return idle times over snapshots of a recording, weighted by size.

    A region without an access is idle for its age times the aggregation interval then in force.

    Raises:
        RecordingError: The snapshots hold no region.
    """
    samples = recording.samples_per_aggregation
    parts = [
        np.where(shot.nr_accesses == 0, shot.age * (shot.sample_us * samples / 1e6), 0.0)
        for shot in snapshots
    ]
    idle_s = np.concatenate(parts)
    size = np.concatenate([(shot.end - shot.start).astype(np.float64) for shot in snapshots])
    if not len(idle_s):
        raise RecordingError("the snapshots hold no region", fix="record longer")
    order = np.argsort(idle_s, kind="stable")
    below = np.cumsum(size[order])
    return IdleTimes(idle_s[order], below / below[-1])


class HeatGrid(NamedTuple):
    """Access rates over time and folded addresses."""

    time_s: FloatArray
    """Borders of the columns, ``(C + 1,)``."""
    folding: Folding
    rate: FloatArray
    """``(C, R)``: share of samples that saw an access, 0..1; NaN where nothing was monitored."""


def heat_grid(recording: Recording, columns: int = HEAT_COLUMNS, rows: int = HEAT_ROWS) -> HeatGrid:
    """Return the heatmap's cells; neighbouring snapshots are averaged where there are many.

    Args:
        recording: Snapshots.
        columns: Most columns.
        rows: Cells of the address axis.

    Raises:
        RecordingError: No snapshot holds a region.
    """
    shots = recording.snapshots
    if not any(len(shot) for shot in shots):
        raise RecordingError("the snapshots hold no region", fix="record longer")
    folding = fold(shots)
    cuts = np.unique(np.linspace(0, len(shots), min(columns, len(shots)) + 1).astype(np.int64))
    rates = [
        _mean_rate([cell_rates(shot, folding, rows) for shot in shots[first:last]])
        for first, last in pairwise(cuts.tolist())
    ]
    samples = recording.samples_per_aggregation
    return HeatGrid(borders_s(recording)[cuts], folding, np.stack(rates) / samples)


def _mean_rate(rates: list[FloatArray]) -> FloatArray:
    stacked = np.stack(rates)
    known = np.isfinite(stacked)
    count = known.sum(axis=0)
    total = np.where(known, stacked, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
