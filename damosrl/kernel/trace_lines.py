"""Lines of the tracer become snapshots and other events of DAMON; what was lost is counted.

A line tells one region. A snapshot of a target is as many lines as ``nr_regions`` says, ascending
by address, one after the other, as one kernel thread writes them (semantics 4.5). Lines come ten
thousand a second, so they are taken apart by one pattern and one text-to-numbers call per read.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.damon.recorded import RecordedSnapshot

MAX_REGIONS = 1_000_000
"""Lines that claim more regions of one target than this are damaged."""
MAX_LINE_BYTES = 4096

_LOST = re.compile(rb"\[LOST (\d{1,18}) EVENTS\]")
_SPACES = bytes(byte if chr(byte).isdigit() else 32 for byte in range(256))
_PID, _SECONDS, _MICROSECONDS, _TARGET, _NR_REGIONS, _START, _END, _ACCESSES, _AGE = range(9)

_Rows = NDArray[np.uint64]


class _Patterns(NamedTuple):
    """Lines of one kdamond, or of all."""

    aggregated: re.Pattern[bytes]
    esz: re.Pattern[bytes]
    apply: re.Pattern[bytes]
    intervals: re.Pattern[bytes]


_AGGREGATED = (
    rb"damon_aggregated: target_id=(\d{1,19} nr_regions=\d{1,10} \d{1,20}-\d{1,20}: "
    rb"\d{1,10} \d{1,10})"
)
_ESZ = rb"damos_esz: ctx_idx=(\d{1,10}) scheme_idx=(\d{1,10}) esz=(\d{1,19})"
_APPLY = (
    rb"damos_before_apply: ctx_idx=(\d{1,10}) scheme_idx=(\d{1,10}) target_idx=(\d{1,19}) "
    rb"nr_regions=(\d{1,10}) (\d{1,20})-(\d{1,20}): (\d{1,10}) (\d{1,10})"
)
_INTERVALS = rb"damon_monitor_intervals_tune: sample_us=(\d{1,19})"


@lru_cache(maxsize=64)
def _patterns(pid: int | None) -> _Patterns:
    """Return the patterns; those of one kdamond pass over the lines of others at their first word.

    A thread's name has 15 letters at most, which the tracer fills up to 16.
    """
    owner = rb"\d+" if pid is None else b"%d" % pid
    head = rb"^.{1,16}-(" + owner + rb") .*? (\d+)\.(\d{6}): "
    events = (_AGGREGATED, _ESZ, _APPLY, _INTERVALS)
    return _Patterns(*(re.compile(head + event + rb"\s*$", re.MULTILINE) for event in events))


class TracedSnapshot(NamedTuple):
    """One target at the end of one aggregation interval."""

    target_id: int
    snapshot: RecordedSnapshot


class EffectiveQuota(NamedTuple):
    """A ``damos_esz`` event: a scheme's effective size quota has changed."""

    time_ns: int
    context: int
    scheme: int
    esz_bytes: int


class Application(NamedTuple):
    """A ``damos_before_apply`` event: a scheme is about to act on a region."""

    time_ns: int
    context: int
    scheme: int
    target: int
    nr_regions: int
    start: int
    end: int
    nr_accesses: int
    age: int


class TunedInterval(NamedTuple):
    """A ``damon_monitor_intervals_tune`` event: the sampling interval was set, also to itself."""

    time_ns: int
    sample_us: int


class TraceLines:
    r"""Puts lines together, read by read.

    Args:
        sample_us: Sampling interval that was asked for, us.
        aggr_us: Aggregation interval that was asked for, us; length of the first snapshot.
        pid: Process id of the kdamond that is meant; None takes every line.

    Example:
        >>> lines = TraceLines(5_000, 100_000)
        >>> found = lines.feed(
        ...     b" kdamond.0-9 [000] ..... 7.500000: damon_aggregated: "
        ...     b"target_id=0 nr_regions=1 4096-8192: 3 1\n"
        ... )
        >>> found[0].snapshot.nr_accesses.tolist(), lines.lost_events
        ([3], 0)
    """

    def __init__(self, sample_us: int, aggr_us: int, pid: int | None = None) -> None:
        self.sample_us, self.aggr_us, self.pid = sample_us, aggr_us, pid
        self.lost_events = 0
        """Events that the tracer says it dropped because its buffers were full."""
        self.dropped_snapshots = 0
        """Snapshots that came incomplete and were left out."""
        self.quotas: list[EffectiveQuota] = []
        self.applications: list[Application] = []
        self.tunings: list[TunedInterval] = []
        self._patterns = _patterns(pid)
        self._rest = b""
        self._rows: _Rows = np.empty((0, 9), np.uint64)
        self._last_end_ns: dict[int, int] = {}

    def feed(self, text: bytes) -> list[TracedSnapshot]:
        """Take a piece of the pipe and return the snapshots that it completes."""
        whole, newline, rest = (self._rest + text).rpartition(b"\n")
        self._rest = rest[-MAX_LINE_BYTES:]
        if not newline:
            return []
        self.lost_events += sum(int(count) for count in _LOST.findall(whole))
        if b"damos_" in whole:
            self._take_schemes(whole)
        if b"intervals_tune" in whole:
            self._take_tunings(whole)
        self._rows = np.concatenate([self._rows, self._parse(whole)])
        return list(self._complete())

    def _take_schemes(self, text: bytes) -> None:
        for found in self._patterns.esz.findall(text):
            _, seconds, fraction, *fields = map(int, found)
            self.quotas.append(EffectiveQuota(_nanoseconds(seconds, fraction), *fields))
        for found in self._patterns.apply.findall(text):
            _, seconds, fraction, *fields = map(int, found)
            self.applications.append(Application(_nanoseconds(seconds, fraction), *fields))

    def _take_tunings(self, text: bytes) -> None:
        for found in self._patterns.intervals.findall(text):
            _, seconds, fraction, sample_us = map(int, found)
            self.tunings.append(TunedInterval(_nanoseconds(seconds, fraction), sample_us))

    def _parse(self, text: bytes) -> _Rows:
        """Return lines of aggregation as rows of nine numbers."""
        found = self._patterns.aggregated.findall(text)
        if not found:
            return self._rows[:0]
        numbers = b" ".join(map(b" ".join, found)).translate(_SPACES)
        return np.fromstring(numbers, np.uint64, sep=" ").reshape(-1, 9)

    def _complete(self) -> Iterator[TracedSnapshot]:
        place, rows = 0, self._rows
        while place < len(rows):
            size = int(rows[place, _NR_REGIONS])
            if not 0 < size <= MAX_REGIONS:
                self.dropped_snapshots += 1
                place += 1
                continue
            part = rows[place : place + size]
            good = _good_lines(part, self.aggr_us // 2)
            if good < len(part) or part[-1, _START] >= part[-1, _END]:
                self.dropped_snapshots += 1
                place += good
            elif len(part) < size:
                break
            else:
                place += size
                yield self._snapshot(part)
        self._rows = rows[place:]

    def _snapshot(self, rows: _Rows) -> TracedSnapshot:
        target_id = int(rows[0, _TARGET])
        end_ns = _nanoseconds(int(rows[0, _SECONDS]), int(rows[0, _MICROSECONDS]))
        start_ns = self._last_end_ns.get(target_id, end_ns - self.aggr_us * 1000)
        self._last_end_ns[target_id] = end_ns
        snapshot = RecordedSnapshot(
            start_ns,
            end_ns,
            self.sample_us,
            rows[:, _START].copy(),
            rows[:, _END].copy(),
            rows[:, _ACCESSES].astype(np.uint32),
            rows[:, _AGE].astype(np.uint32),
        )
        return TracedSnapshot(target_id, snapshot)


def _good_lines(rows: _Rows, longest_us: int) -> int:
    """Return how many lines from the first on belong to one snapshot.

    Another target, another count, an address that steps back or a later time begins another
    snapshot; a region that is reversed or empty is damaged, and ends what it stands in.
    """
    times_us = rows[:, _SECONDS] * np.uint64(10**6) + rows[:, _MICROSECONDS]
    breaks = (
        (rows[1:, _TARGET] != rows[0, _TARGET])
        | (rows[1:, _NR_REGIONS] != rows[0, _NR_REGIONS])
        | (rows[1:, _START] < rows[:-1, _END])
        | (rows[:-1, _START] >= rows[:-1, _END])
        | (times_us[1:] - times_us[0] > longest_us)
    )
    return int(np.argmax(breaks)) + 1 if breaks.any() else len(rows)


def _nanoseconds(seconds: int, microseconds: int) -> int:
    return seconds * 10**9 + microseconds * 1000
