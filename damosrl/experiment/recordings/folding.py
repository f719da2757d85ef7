"""Addresses folded together: distant areas side by side, so that a heatmap has no empty miles."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from damosrl.damon.recorded import RecordedSnapshot, U64Array
from damosrl.knobs import FloatArray

LARGEST_GAP_SHARE = 0.05
"""Gaps above this share of all monitored memory are folded away."""


class Folding(NamedTuple):
    """Areas of the address space, ascending, drawn without the gaps between them.

    Example:
        >>> Folding(np.uint64([0, 100]), np.uint64([10, 130])).size
        40
    """

    start: U64Array
    end: U64Array

    @property
    def offsets(self) -> U64Array:
        """Place of each area's first byte on the folded axis, bytes."""
        sizes = self.end - self.start
        return np.cumsum(sizes, dtype=np.uint64) - sizes

    @property
    def size(self) -> int:
        """Length of the folded axis, bytes."""
        return int((self.end - self.start).sum())

    def place(self, addresses: U64Array) -> U64Array:
        """Return where addresses lie on the folded axis; in a gap, the end of the area before."""
        area = np.clip(np.searchsorted(self.start, addresses, side="right") - 1, 0, None)
        inside = np.clip(addresses, self.start[area], self.end[area]) - self.start[area]
        return np.asarray(self.offsets[area] + inside, np.uint64)


def fold(snapshots: Sequence[RecordedSnapshot]) -> Folding:
    """Return the areas that the snapshots cover.

    Args:
        snapshots: At least one with a region; gaps that are small against all memory stay.
    """
    start = np.concatenate([snapshot.start for snapshot in snapshots])
    end = np.concatenate([snapshot.end for snapshot in snapshots])
    order = np.argsort(start, kind="stable")
    start, reach = start[order], np.maximum.accumulate(end[order])
    gaps = np.where(start[1:] > reach[:-1], start[1:] - np.minimum(start[1:], reach[:-1]), 0)
    covered = int(reach[-1] - start[0]) - int(gaps.sum())
    cuts = np.flatnonzero(gaps > LARGEST_GAP_SHARE * covered)
    firsts = np.concatenate([[0], cuts + 1])
    lasts = np.concatenate([cuts, [len(reach) - 1]])
    return Folding(start[firsts], reach[lasts])


def cell_rates(snapshot: RecordedSnapshot, folding: Folding, cells: int) -> FloatArray:
    """Return the mean access count of each cell of the folded axis, weighted by size.

    Args:
        snapshot: Regions.
        folding: The axis.
        cells: Into how many equal cells it is cut.

    Returns:
        ``(cells,)`` float64, samples per aggregation interval; NaN where nothing was monitored.
    """
    first = folding.place(snapshot.start).astype(np.float64)
    last = folding.place(snapshot.end).astype(np.float64)
    borders = np.linspace(0.0, float(folding.size), cells + 1)
    covered = _below(borders, first, last, np.ones(len(first)))
    counts = _below(borders, first, last, snapshot.nr_accesses.astype(np.float64))
    size, weighted = np.diff(covered), np.diff(counts)
    known = size > 1e-6 * (borders[1] - borders[0])
    return np.where(known, weighted / np.where(known, size, 1.0), np.nan)


def _below(
    borders: FloatArray, first: FloatArray, last: FloatArray, density: FloatArray
) -> FloatArray:
    """Integrate a density that is constant within each region, from 0 to each border."""
    if not len(first):
        return np.zeros_like(borders)
    knots = np.stack([first, last], axis=1).ravel()
    mass = np.cumsum(np.stack([np.zeros_like(first), density * (last - first)], axis=1).ravel())
    return np.interp(borders, knots, mass, left=0.0, right=float(mass[-1]))
