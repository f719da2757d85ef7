"""Where snapshots come from: DAMON's tracepoints, or the tried regions of a scheme."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Protocol

import numpy as np

from damosrl.damon.recorded import RecordedSnapshot
from damosrl.errors import KernelError
from damosrl.experiment.record.options import Options
from damosrl.experiment.record.targets import Watched
from damosrl.kernel.client import DamonClient
from damosrl.kernel.trace import TraceInstance, require_tracefs
from damosrl.kernel.trace_lines import TracedSnapshot, TraceLines
from damosrl.kernel.tried import TriedRegion

KDAMOND = 0
LOOK_S = 0.25
"""Time between looks at the tracer's buffers, which hold seconds."""
_WAIT_AGGREGATIONS = 10
"""A pass that takes longer than so many aggregation intervals (and a second) is not waited for."""


class Source(Protocol):
    """Gives the snapshots that have become whole since the last call.

    Attributes:
        wait_s: Time to leave between two calls, seconds.
    """

    wait_s: float

    def poll(self) -> list[TracedSnapshot]:
        """Return them, oldest first; does not wait longer than an aggregation interval or so."""
        ...

    @property
    def losses(self) -> str:
        """What is missing, in words; empty if nothing is."""
        ...


class TraceSource:
    """Snapshots of the ``damon_aggregated`` tracepoint."""

    wait_s = LOOK_S

    def __init__(self, trace: TraceInstance, lines: TraceLines) -> None:
        self.trace, self.lines = trace, lines

    def poll(self) -> list[TracedSnapshot]:
        """See `Source.poll`."""
        return self.lines.feed(self.trace.read())

    @property
    def losses(self) -> str:
        """See `Source.losses`."""
        lost, dropped = self.lines.lost_events, self.lines.dropped_snapshots
        if not lost and not dropped:
            return ""
        return f"{lost} trace events lost, {dropped} incomplete snapshots left out"


class TriedSource:
    """Snapshots of what one pass of a scheme tried; access counts are moving sums (2.15).

    Regions of several targets come in one list, target after target; a step back in the addresses
    begins the next one.
    """

    def __init__(
        self, client: DamonClient, sample_us: int, aggr_us: int, now_ns: Callable[[], int]
    ) -> None:
        self.client, self.sample_us, self.aggr_us = client, sample_us, aggr_us
        self.now_ns = now_ns
        self.losses = ""
        self.wait_s = min(aggr_us / 2e6, LOOK_S)
        self._last_ns: int | None = None

    def poll(self) -> list[TracedSnapshot]:
        """See `Source.poll`; nothing once the kdamond has stopped."""
        limit_s = max(_WAIT_AGGREGATIONS * self.aggr_us / 1e6, 1.0)
        try:
            (regions,) = self.client.tried_regions(KDAMOND, limit_s)
        except KernelError:
            if self.client.is_running(KDAMOND):
                raise
            return []
        end_ns = self.now_ns()
        start_ns = end_ns - self.aggr_us * 1000 if self._last_ns is None else self._last_ns
        self._last_ns = end_ns
        return [
            TracedSnapshot(target, _snapshot(part, start_ns, end_ns, self.sample_us))
            for target, part in enumerate(_by_target(regions))
        ]


def _by_target(regions: tuple[TriedRegion, ...]) -> Iterator[tuple[TriedRegion, ...]]:
    steps = [place for place, (one, two) in enumerate(pairwise(regions), 1) if two.start < one.end]
    for first, last in pairwise([0, *steps, len(regions)]):
        if last > first:
            yield regions[first:last]


def _snapshot(
    regions: tuple[TriedRegion, ...], start_ns: int, end_ns: int, sample_us: int
) -> RecordedSnapshot:
    return RecordedSnapshot(
        start_ns,
        end_ns,
        sample_us,
        np.array([region.start for region in regions], np.uint64),
        np.array([region.end for region in regions], np.uint64),
        np.array([region.nr_accesses for region in regions], np.uint32),
        np.array([region.age for region in regions], np.uint32),
    )


def takes_trace(options: Options) -> bool:
    """Tell whether tracepoints are to be used.

    Raises:
        KernelError: They were asked for and cannot be had.
    """
    if options.method == "tried_regions":
        return False
    try:
        require_tracefs(options.roots.tracefs)
    except KernelError:
        if options.method == "trace":
            raise
        return False
    return True


@contextmanager
def monitoring(options: Options, watched: Watched, client: DamonClient) -> Iterator[Source]:
    """Start the kdamond and give its snapshots; stop it at the end.

    The tracer is ready before the kdamond starts, so the first snapshot is not missed.

    Raises:
        KernelError: The kernel refused, or DAMON is in use.
    """
    times = options.attrs.intervals
    if not takes_trace(options):
        with _started(client, watched, options, with_scheme=True):
            yield TriedSource(client, times.sample_us, times.aggr_us, time.monotonic_ns)
        return
    with (
        TraceInstance(options.roots) as trace,
        _started(client, watched, options, with_scheme=False),
    ):
        pid = client.kdamond_pid(KDAMOND)
        yield TraceSource(trace, TraceLines(times.sample_us, times.aggr_us, pid))


@contextmanager
def _started(
    client: DamonClient, watched: Watched, options: Options, *, with_scheme: bool
) -> Iterator[None]:
    client.start(watched.document(options.attrs, with_scheme=with_scheme))
    try:
        yield
    finally:
        client.stop()
