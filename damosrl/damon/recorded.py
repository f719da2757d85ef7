"""Recordings as values: snapshots of monitored regions over time, checked once as a whole."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from damosrl.damon.attrs import Intervals
from damosrl.damon.checks import U32_MAX
from damosrl.errors import RecordingError

U64Array = NDArray[np.uint64]
U32Array = NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSnapshot:
    """What one aggregation interval showed; regions ascending and disjoint.

    Args:
        start_ns: Start of the interval, nanoseconds of an arbitrary clock.
        end_ns: Its end, when the snapshot was taken.
        sample_us: Sampling interval that was asked for, us.
        start: ``(R,)`` uint64, first addresses.
        end: ``(R,)`` uint64, one past the last addresses.
        nr_accesses: ``(R,)`` uint32, samples in which an access was seen.
        age: ``(R,)`` uint32, aggregation intervals with about this access count.
    """

    start_ns: int
    end_ns: int
    sample_us: int
    start: U64Array
    end: U64Array
    nr_accesses: U32Array
    age: U32Array

    def __len__(self) -> int:
        return len(self.start)

    @property
    def interval_s(self) -> float:
        """True length of the interval, seconds; a busy machine exceeds what was asked for."""
        return (self.end_ns - self.start_ns) / 1e9


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """The snapshots of one monitoring target, ascending in time.

    Args:
        snapshots: At least one.
        sample_us: Sampling interval that was asked for at the start, us.
        aggr_us: Aggregation interval that was asked for at the start, us.
        target_id: Which target, as the recorder numbered them.
    """

    snapshots: tuple[RecordedSnapshot, ...]
    sample_us: int
    aggr_us: int
    target_id: int = 0

    @property
    def samples_per_aggregation(self) -> int:
        """Largest possible nr_accesses; tuning of the intervals keeps it."""
        return Intervals(self.sample_us, self.aggr_us).samples_per_aggregation

    @property
    def duration_s(self) -> float:
        """Time from the start of the first snapshot to the end of the last, seconds."""
        return (self.snapshots[-1].end_ns - self.snapshots[0].start_ns) / 1e9

    @property
    def num_regions(self) -> int:
        """Regions of all snapshots together."""
        return sum(len(snapshot) for snapshot in self.snapshots)


@dataclass(slots=True)
class Columns:
    """A record as a parser collects it: one entry per snapshot, then one per region."""

    target_id: int = 0
    start_ns: list[int] = field(default_factory=list)
    end_ns: list[int] = field(default_factory=list)
    sample_us: list[int] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    nr_accesses: list[int] = field(default_factory=list)
    age: list[int] = field(default_factory=list)


def start_at_ends(columns: Columns, intervals: Intervals) -> None:
    """Give snapshots that tell only their ends a start: the end of the one before.

    The first gets the mean interval; a lone one the aggregation interval that was asked for.
    """
    first, last, spans = columns.end_ns[0], columns.end_ns[-1], len(columns.end_ns) - 1
    interval_ns = (last - first) // spans if spans else intervals.aggr_us * 1000
    columns.start_ns[:] = [first - interval_ns, *columns.end_ns[:-1]]


def make_recording(columns: Columns, name: str, intervals: Intervals) -> Recording:
    """Check what a parser collected and cut it into snapshots.

    Args:
        columns: The record.
        name: The file's name, for messages.
        intervals: Intervals that were asked for.

    Raises:
        RecordingError: There is no region, times go backwards, regions are reversed or
            overlap, a number does not fit, or there are more accesses than samples.
    """
    if not columns.start:
        raise RecordingError(f"{name} holds no region", fix="record with a target that exists")
    _refuse_bad_times(columns, name)
    borders = np.concatenate([[0], np.cumsum(columns.count, dtype=np.int64)])
    start = _numbers(columns.start, "start", name)
    end = _numbers(columns.end, "end", name)
    samples = intervals.samples_per_aggregation
    accesses = _counts(columns.nr_accesses, "nr_accesses", name)
    age = _counts(columns.age, "age", name)
    _refuse_bad_regions(start, end, borders, name)
    if accesses.size and int(accesses.max()) > samples:
        raise RecordingError(
            f"{name} shows more accesses than samples",
            got=f"nr_accesses={accesses.max()}",
            allowed=f"0..{samples} at {intervals.sample_us} us / {intervals.aggr_us} us",
            fix="give the intervals it was recorded with",
        )
    snapshots = tuple(
        RecordedSnapshot(
            columns.start_ns[place],
            columns.end_ns[place],
            columns.sample_us[place],
            start[first:last],
            end[first:last],
            accesses[first:last],
            age[first:last],
        )
        for place, (first, last) in enumerate(pairwise(borders.tolist()))
    )
    return Recording(snapshots, intervals.sample_us, intervals.aggr_us, columns.target_id)


def _refuse_bad_times(columns: Columns, name: str) -> None:
    before_start, before_end = columns.start_ns[0] - 1, columns.end_ns[0] - 1
    for place, (start, end) in enumerate(zip(columns.start_ns, columns.end_ns, strict=True)):
        if end <= start or start < before_start or end <= before_end:
            raise RecordingError(
                f"times go backwards in snapshot {place} of {name}",
                got=f"{start}..{end} ns" + (f" after {before_start}..{before_end}" * (place > 0)),
                allowed="ascending times, end after start",
                fix="sort the snapshots by time",
            )
        before_start, before_end = start, end


def _refuse_bad_regions(
    start: U64Array, end: U64Array, borders: NDArray[np.int64], name: str
) -> None:
    reversed_ = np.flatnonzero(start >= end)
    if reversed_.size:
        region = int(reversed_[0])
        raise RecordingError(
            f"a region is reversed or empty in snapshot {_snapshot(region, borders)} of {name}",
            got=f"{start[region]}-{end[region]}",
            allowed="start < end",
            fix="record it again, or mend the file",
        )
    overlaps = start[1:] < end[:-1]
    inner = borders[1:-1]
    overlaps[inner[(inner > 0) & (inner < len(start))] - 1] = False
    if overlaps.any():
        region = int(np.flatnonzero(overlaps)[0])
        raise RecordingError(
            f"regions overlap or are unsorted in snapshot {_snapshot(region, borders)} of {name}",
            got=f"{start[region]}-{end[region]} before {start[region + 1]}-{end[region + 1]}",
            allowed="ascending, disjoint regions",
            fix="record it again, or mend the file",
        )


def _snapshot(region: int, borders: NDArray[np.int64]) -> int:
    return int(np.searchsorted(borders, region, side="right")) - 1


def _numbers(values: list[int], what: str, name: str) -> U64Array:
    try:
        return np.array(values, dtype=np.uint64)
    except OverflowError as error:
        raise RecordingError(
            f"{name} holds a {what} that is no unsigned 64-bit number",
            got=min(values) if min(values) < 0 else max(values),
            allowed="0..2^64-1",
            fix="record it again, or mend the file",
        ) from error


def _counts(values: list[int], what: str, name: str) -> U32Array:
    numbers = _numbers(values, what, name)
    if numbers.size and int(numbers.max()) > U32_MAX:
        raise RecordingError(
            f"{name} holds a {what} that does not fit the kernel's 32 bits",
            got=int(numbers.max()),
            allowed=f"0..{U32_MAX}",
            fix="record it again, or mend the file",
        )
    return numbers.astype(np.uint32)


def require_room(name: str, regions: int, max_regions: int) -> None:
    """Refuse a recording that has more regions than may be read.

    Args:
        name: Of the recording, for the message.
        regions: How many have been met so far.
        max_regions: The limit.

    Raises:
        RecordingError: It has more.
    """
    if regions > max_regions:
        raise RecordingError(
            f"{name} holds more regions than the limit",
            got=f"{regions} or more",
            allowed=f"up to {max_regions}",
            fix="cut the recording, or raise max_regions",
        )
