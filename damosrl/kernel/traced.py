"""The last complete snapshot of every kdamond, from the tracer."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from damosrl.damon import Document
from damosrl.damon.recorded import RecordedSnapshot
from damosrl.kernel.trace_lines import TraceLines
from damosrl.machine import Snapshot

NOBODY = -1
"""No process has this id: a kdamond that does not run says nothing."""
STALE_READS = 5
"""Reads in a row without a new snapshot after which the last one no longer counts."""


class Pipe(Protocol):
    """Where trace lines come from, as `damosrl.kernel.trace.TraceInstance`."""

    def read(self) -> bytes:
        """Return what has come since the last call."""
        ...


class TracedSnapshots:
    """Puts the lines of several kdamonds together.

    Args:
        pipe: Lines of ``damon_aggregated``.
        document: What the kdamonds were told.
        pids: Process id of every kdamond.
    """

    def __init__(self, pipe: Pipe, document: Document, pids: Sequence[int | None]) -> None:
        self._pipe = pipe
        self._pids = tuple(pids)
        self._lines = []
        for kdamond, pid in zip(document.kdamonds, pids, strict=True):
            times = kdamond.contexts[0].attrs.intervals
            own = NOBODY if pid is None else pid
            self._lines.append(TraceLines(times.sample_us, times.aggr_us, own))
        self._last: list[dict[int, RecordedSnapshot]] = [{} for _ in self._lines]
        self._silent = [STALE_READS] * len(self._lines)

    @property
    def pids(self) -> tuple[int | None, ...]:
        """Process ids that are followed."""
        return self._pids

    @property
    def fresh(self) -> bool:
        """Whether every kdamond has told of itself lately."""
        return all(silent < STALE_READS for silent in self._silent)

    def read(self) -> Snapshot:
        """Take what has come and return the newest picture, ``(1, K, R)``."""
        text = self._pipe.read()
        for place, lines in enumerate(self._lines):
            found = lines.feed(text)
            self._silent[place] = 0 if found else self._silent[place] + 1
            for item in found:
                self._last[place][item.target_id] = item.snapshot
        return packed(self._last)


def packed(targets: Sequence[dict[int, RecordedSnapshot]]) -> Snapshot:
    """Write snapshots by kdamond and target index into arrays.

    Args:
        targets: For each kdamond, the snapshot of each target.
    """
    used = [sum(map(len, by_target.values())) for by_target in targets]
    shape = (1, len(targets), max(used, default=0))
    snapshot = Snapshot(
        nr_regions=np.array([used], np.int64),
        start=np.zeros(shape, np.uint64),
        end=np.zeros(shape, np.uint64),
        nr_accesses=np.zeros(shape, np.uint32),
        age=np.zeros(shape, np.uint32),
        target=np.zeros(shape, np.int64),
    )
    for kdamond, by_target in enumerate(targets):
        first = 0
        for index, part in sorted(by_target.items()):
            place = (0, kdamond, slice(first, first + len(part)))
            snapshot.start[place], snapshot.end[place] = part.start, part.end
            snapshot.nr_accesses[place], snapshot.age[place] = part.nr_accesses, part.age
            snapshot.target[place] = index
            first += len(part)
    return snapshot
