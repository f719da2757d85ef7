"""A DAMON recording resampled to a grid of time and compact address space.

A recording has as many different region borders as it has regions, and three groups of them with
huge gaps between. Here the gaps that no snapshot covers are cut out, the rest becomes pieces of
equal size, and time becomes bins of equal length. What a cell keeps is the share of samples that
saw an access, averaged over bytes and time: replayed at the recorded speed, a monitor sees on
average what the recorder saw.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from damosrl.damon.recorded import RecordedSnapshot, Recording
from damosrl.errors import WorkloadError

MAX_CELLS = 2**24
"""Work limit: time bins times pieces of one recording (64 MiB of rates)."""

ROUNDING = 1e-6
"""Part of a time bin that may be missing at the end of the last one."""

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
U64Array = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class RecordedHeat:
    """Access rates of a recording on its grid.

    Args:
        rate_hz: ``(T, P)`` accesses per second per page, -ln(1 - hits / samples) / interval.
        bin_s: Length of a time bin, in the recording's seconds.
        address_bytes: Size of the compact address space that the pieces share equally.
        saturated_share: Share of the recorded bytes (times time) in which every sample saw an
            access, so that the true rate is unknown upwards.
        stretches: ``(S, 3)`` start address, size, and size in the compact space (0 where hardly
            anything is ever accessed) of all that was monitored, in order.
    """

    rate_hz: Float32Array
    bin_s: float
    address_bytes: int
    saturated_share: float
    stretches: U64Array

    @property
    def duration_s(self) -> float:
        """Length of what is replayed, in the recording's seconds."""
        return len(self.rate_hz) * self.bin_s


def resample(
    recording: Recording,
    *,
    max_pieces: int,
    piece_bytes: int,
    bin_s: float,
    skip_s: float,
    saturated_hits: float,
    min_touched: float,
) -> RecordedHeat:
    """Resample a recording.

    Args:
        recording: What was recorded.
        max_pieces: Largest number of pieces of equal size that the compact address space is cut
            into.
        piece_bytes: Smallest piece.
        bin_s: Length of a time bin, seconds.
        skip_s: Time left out at the start, in which DAMON's regions adapt (or a program fills
            its memory).
        saturated_hits: Hits that a region with an access in each of its samples is taken for; at
            exactly all samples its rate would be infinite.
        min_touched: Stretches of addresses of which a smaller share is ever seen accessed are
            left out. Between a program's text and its heap DAMON monitors a gap that is not
            mapped, and a recording cannot tell it from idle memory.

    Raises:
        WorkloadError: Nothing is left after ``skip_s``, nothing is ever accessed, or the grid
            exceeds the work limit.
    """
    monitored = _after(recording, skip_s)
    snapshots = _touched_only(monitored, min_touched)
    groups = _Groups.of(snapshots)
    pieces = max(1, min(max_pieces, int(groups.size) // piece_bytes))
    first_ns = snapshots[0].start_ns
    bins = max(1, int((snapshots[-1].end_ns - first_ns) / 1e9 / bin_s + ROUNDING))
    if bins * pieces > MAX_CELLS:
        raise WorkloadError(
            "the recording's grid is too large",
            got=f"{bins} time bins x {pieces} pieces",
            allowed=f"{MAX_CELLS} cells",
            fix="raise resample_s or lower max_pieces",
        )
    samples = recording.samples_per_aggregation
    grid = np.linspace(0.0, groups.size, pieces + 1)
    hits = np.zeros((bins, pieces))
    interval_s = np.zeros(bins)
    weight = np.zeros(bins)
    saturated = covered = 0.0
    for snapshot in snapshots:
        seen = np.minimum(snapshot.nr_accesses, samples).astype(np.float64)
        full = seen >= samples
        sizes = (snapshot.end - snapshot.start).astype(np.float64)
        saturated += float(sizes[full].sum()) * snapshot.interval_s
        covered += float(sizes.sum()) * snapshot.interval_s
        seen[full] = saturated_hits
        shares = _on_grid(groups, snapshot, seen / samples, grid)
        begin = (snapshot.start_ns - first_ns) / 1e9 / bin_s
        end = (snapshot.end_ns - first_ns) / 1e9 / bin_s
        for place in range(int(begin), min(int(np.ceil(end)), bins)):
            part = min(end, place + 1.0) - max(begin, float(place))
            hits[place] += part * shares
            interval_s[place] += part * snapshot.interval_s / samples
            weight[place] += part
    _fill_gaps(hits, interval_s, weight)
    rates = -np.log1p(-hits / weight[:, None]) / (interval_s / weight)[:, None]
    return RecordedHeat(
        rate_hz=rates.astype(np.float32),
        bin_s=bin_s,
        address_bytes=int(groups.size),
        saturated_share=saturated / covered,
        stretches=_stretches(_Groups.of(monitored), groups),
    )


def _after(recording: Recording, skip_s: float) -> list[RecordedSnapshot]:
    first_ns = recording.snapshots[0].start_ns + round(skip_s * 1e9)
    left = [item for item in recording.snapshots if item.start_ns >= first_ns and len(item)]
    if not left:
        raise WorkloadError(
            "nothing of the recording is left",
            got=f"skip_s={skip_s:g}",
            allowed=f"below {recording.duration_s:g} s",
            fix="lower skip_s",
        )
    return left


def _touched_only(snapshots: list[RecordedSnapshot], min_touched: float) -> list[RecordedSnapshot]:
    """Leave out the groups of regions that are hardly ever seen accessed."""
    groups = _Groups.of(snapshots)
    hot = [_chosen(item, item.nr_accesses > 0) for item in snapshots if item.nr_accesses.any()]
    if not hot:
        raise WorkloadError(
            "the recording shows no access at all", fix="record a program that runs"
        )
    seen = _Groups.of(hot)
    touched = np.bincount(groups.of_address(seen.start), seen.sizes, len(groups.start))
    kept = (touched >= min_touched * groups.sizes) & (touched > 0.0)
    if not kept.any():
        raise WorkloadError(
            "too little of the recording is ever accessed",
            got=f"at most {float((touched / groups.sizes).max()):.3g} of a stretch",
            allowed=f"min_touched={min_touched:g}",
            fix="lower min_touched",
        )
    left = [_chosen(item, kept[groups.of_address(item.start)]) for item in snapshots]
    return [item for item in left if len(item)]


def _chosen(snapshot: RecordedSnapshot, which: NDArray[np.bool_]) -> RecordedSnapshot:
    return replace(
        snapshot,
        start=snapshot.start[which],
        end=snapshot.end[which],
        nr_accesses=snapshot.nr_accesses[which],
        age=snapshot.age[which],
    )


@dataclass(frozen=True, slots=True)
class _Groups:
    """Stretches of addresses that some snapshot covers, laid end to end."""

    start: U64Array
    sizes: FloatArray
    offset: FloatArray

    @property
    def size(self) -> float:
        """Size of all of them together, bytes."""
        return float(self.sizes.sum())

    @classmethod
    def of(cls, snapshots: list[RecordedSnapshot]) -> "_Groups":
        starts = np.concatenate([item.start for item in snapshots])
        ends = np.concatenate([item.end for item in snapshots])
        order = np.argsort(starts)
        starts, reach = starts[order], np.maximum.accumulate(ends[order])
        opens = np.append(np.True_, starts[1:] > reach[:-1])
        group_start = starts[opens]
        group_end = reach[np.append(np.flatnonzero(opens)[1:] - 1, len(reach) - 1)]
        sizes = (group_end - group_start).astype(np.float64)
        return cls(group_start, sizes, np.cumsum(sizes) - sizes)

    def of_address(self, address: U64Array) -> NDArray[np.int64]:
        """Return the group that each address lies in."""
        return np.searchsorted(self.start, address, side="right") - 1

    def compact(self, address: U64Array, group_of: U64Array) -> FloatArray:
        """Map addresses to the compact space; ``group_of`` are addresses that lie inside."""
        group = self.of_address(group_of)
        return self.offset[group] + (address - self.start[group]).astype(np.float64)


def _stretches(monitored: _Groups, kept: _Groups) -> U64Array:
    sizes = monitored.sizes.astype(np.uint64)
    memory = np.where(np.isin(monitored.start, kept.start), sizes, np.uint64(0))
    return np.stack((monitored.start, sizes, memory), axis=1)


def _on_grid(
    groups: _Groups, snapshot: RecordedSnapshot, shares: FloatArray, grid: FloatArray
) -> FloatArray:
    """Mean of the regions' hit shares over each piece, ``(P,)``; uncovered bytes count as 0."""
    starts = groups.compact(snapshot.start, snapshot.start)
    ends = groups.compact(snapshot.end, snapshot.start)
    borders = np.column_stack((starts, ends)).ravel()
    below = np.zeros(len(borders))
    below[1::2] = np.cumsum(shares * (ends - starts))
    below[2::2] = below[1:-1:2]
    hits: FloatArray = np.diff(np.interp(grid, borders, below)) / np.diff(grid)
    return np.clip(hits, 0.0, shares.max())


def _fill_gaps(hits: FloatArray, interval_s: FloatArray, weight: FloatArray) -> None:
    """Let time bins without a snapshot repeat the one before (the first bin always has one)."""
    for place in np.flatnonzero(weight == 0.0):
        hits[place] = hits[place - 1]
        interval_s[place] = interval_s[place - 1]
        weight[place] = weight[place - 1]
