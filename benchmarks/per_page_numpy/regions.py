"""DAMON's regions over the pages of one node (kernel 7.3 mm/damon/core.c; semantics 1.6 - 1.10)."""

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Attrs

IntArray = NDArray[np.int64]


class Regions:
    """Regions of one node, in pages from its start, in arrays ``(R,)``.

    Args:
        total: Pages of the node.
        attrs: Intervals and limits.
        rng: Generator of sampled addresses and cuts.
    """

    def __init__(self, total: int, attrs: Attrs, rng: np.random.Generator) -> None:
        self.samples = attrs.intervals.aggr_us // attrs.intervals.sample_us
        self._most = attrs.max_nr_regions
        self._cap = max(-(-total // attrs.min_nr_regions), 1)
        self._rng = rng
        self._rotation = 0
        self._before_split = 0
        starts = np.arange(0, total, self._cap)
        self.start: IntArray = starts
        self.end: IntArray = np.append(starts[1:], total)
        self.count: IntArray = np.zeros(len(starts), np.int64)
        self.last: IntArray = np.zeros(len(starts), np.int64)
        self.age: IntArray = np.zeros(len(starts), np.int64)

    @property
    def size(self) -> IntArray:
        """Pages of each region."""
        return self.end - self.start

    def sample(self, accessed: NDArray[np.bool_]) -> None:
        """Look at one random page of every region."""
        address = self.start + (self._rng.random(len(self.start)) * self.size).astype(np.int64)
        self.count += accessed[address]

    def end_counting(self) -> None:
        """Age and merge at the end of an aggregation; merge harder while there are too many."""
        threshold = int(self.count.max()) // 10
        kept = (abs(self.count - self.last) <= threshold) & ((self.count == 0) == (self.last == 0))
        self.age = np.where(kept, self.age + 1, 0)
        self._merge(threshold)
        while len(self.start) > self._most and threshold < self.samples:
            threshold = self._harder(threshold)
            self._merge(threshold)

    def _harder(self, threshold: int) -> int:
        return max(1, 2 * threshold) if threshold < self.samples // 2 else self.samples

    def _merge(self, threshold: int) -> None:
        """Join neighbours of like counts, left to right: each join changes what the next sees."""
        rows = np.stack([self.start, self.end, self.count, self.last, self.age], axis=1).tolist()
        merged = rows[:1]
        for row in rows[1:]:
            kept = merged[-1]
            alike = abs(kept[2] - row[2]) <= threshold and kept[1] == row[0]
            if alike and row[1] - kept[0] <= self._cap:
                left, right = kept[1] - kept[0], row[1] - row[0]
                kept[2] = (kept[2] * left + row[2] * right) // (left + right)
                kept[4] = (kept[4] * left + row[4] * right) // (left + right)
                kept[1] = row[1]
            else:
                merged.append(row)
        self.replace(np.array(merged, np.int64))

    def begin_counting(self) -> None:
        """Start a new aggregation and cut regions at random."""
        self.last, self.count = self.count, np.zeros_like(self.count)
        used = len(self.start)
        if used < self._most:
            self._cut(self._cut_sizes(used))
        self._before_split = used

    def _cut_sizes(self, used: int) -> list[IntArray]:
        """Return the sizes of left parts (0: no cut), one or two cuts per region."""
        if used > self._most // 2:
            step = self._most // (self._most - used)
            chosen = np.arange(used) % step == self._rotation % step
            self._rotation += 1
            return [np.where(chosen & (self.size >= 2), self._tenths(self.size), 0)]
        first = np.where(self.size > 2, self._tenths(self.size), 0)
        if self._before_split != used or used >= self._most // 3:
            return [first]
        left = np.where(first > 0, first, self.size)
        return [first, np.where(left > 2, self._tenths(left), 0)]

    def _tenths(self, size: IntArray) -> IntArray:
        return self._rng.integers(1, 10, len(size)) * size // 10

    def _cut(self, parts: list[IntArray]) -> None:
        """Cut left parts off; a second cut divides the left part again."""
        borders = [(self.start + part)[part > 0] for part in parts]
        start = np.unique(np.concatenate([self.start, *borders]))
        parent = np.searchsorted(self.start, start, side="right") - 1
        end = np.append(start[1:], self.end[-1])
        self.replace(
            np.stack([start, end, self.count[parent], self.last[parent], self.age[parent]], axis=1)
        )

    def split_at(self, place: int, size: int) -> None:
        """Cut one region after some pages; the right part is the next region."""
        rows = np.stack([self.start, self.end, self.count, self.last, self.age], axis=1)
        rows = np.insert(rows, place, rows[place], axis=0)
        rows[place, 1] = rows[place + 1, 0] = rows[place, 0] + size
        self.replace(rows)

    def replace(self, rows: IntArray) -> None:
        """Take new regions: start, end, count, last count, age in columns."""
        self.start, self.end, self.count, self.last, self.age = np.ascontiguousarray(rows.T)
