"""One migration scheme under a size quota (kernel 7.3; semantics 2.5, 2.7, 2.9, 2.10)."""

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Action, GoalMetric, Scheme
from damosrl.errors import MachineError

from .pages import PAGE_BYTES, Pages
from .regions import Regions

HIGHEST = 99
BASIS = 10_000


class Migration:
    """Moves the regions of one node that match a pattern, best first, up to the quota.

    Args:
        node: Node that is watched.
        scheme: migrate_hot or migrate_cold; without goals, or with the temporal tuner and the
            node's free memory as goal.
        aggregation_s: Length of an aggregation, for ages.

    Raises:
        MachineError: The scheme is more than this simulation knows.
    """

    def __init__(self, node: int, scheme: Scheme, aggregation_s: float) -> None:
        goals = [goal.metric for goal in scheme.quota.goals]
        known = goals in ([], [GoalMetric.NODE_MEM_FREE_BP])
        if scheme.action not in (Action.MIGRATE_HOT, Action.MIGRATE_COLD) or not known:
            raise MachineError("the per-page simulation does not know this scheme", got=scheme)
        self._node = node
        self._scheme = scheme
        self._aggregation_s = aggregation_s
        self._cursor: int | None = None

    def apply(self, regions: Regions, pages: Pages) -> int:
        """Run one quota window; return the pages moved."""
        quota = self._quota_pages(pages)
        minimum = self._minimum_score(regions, quota)
        charged = moved = place = 0
        while place < len(regions.start) and charged < quota:
            if not self._passed(regions, place):
                taken = self._take(regions, place, quota - charged, minimum)
                if taken:
                    first, end = int(regions.start[place]), int(regions.end[place])
                    moved += pages.move(self._node, first, end, self._scheme.target_nid)
                    regions.age[place] = 0
                    charged += taken
                    self._cursor = end if charged >= quota else self._cursor
            place += 1
        return moved

    def _quota_pages(self, pages: Pages) -> int:
        for goal in self._scheme.quota.goals:
            free_bp = pages.free[goal.nid] * BASIS // pages.totals[goal.nid]
            if free_bp >= goal.target_value:
                return 0
        return self._scheme.quota.sz_bytes // PAGE_BYTES

    def _passed(self, regions: Regions, place: int) -> bool:
        """Tell whether the last window has handled a region already; cut at its cursor."""
        cursor = self._cursor
        if cursor is None:
            return False
        start, end = int(regions.start[place]), int(regions.end[place])
        if start < cursor < end:
            regions.split_at(place, cursor - start)
        if place == len(regions.start) - 1:
            self._cursor = None
        return start < cursor

    def _take(self, regions: Regions, place: int, left: int, minimum: int) -> int:
        """Cut a region to what is left of the quota; return its pages, 0 if it is not taken."""
        one = slice(place, place + 1)
        if not self._matches(regions)[place] or self._scores(regions, one)[0] < minimum:
            return 0
        size = int(regions.end[place] - regions.start[place])
        if size > left:
            regions.split_at(place, left)
        return min(size, left)

    def _matches(self, regions: Regions) -> NDArray[np.bool_]:
        pattern = self._scheme.access_pattern
        return (
            (regions.count >= pattern.nr_accesses.min)
            & (regions.count <= pattern.nr_accesses.max)
            & (regions.age >= pattern.age.min)
            & (regions.age <= pattern.age.max)
        )

    def _minimum_score(self, regions: Regions, quota: int) -> int:
        """Return the lowest priority whose regions, and all above, fill the quota."""
        matching = self._matches(regions)
        scores = self._scores(regions, slice(None))[matching]
        pages = np.bincount(scores, weights=regions.size[matching], minlength=HIGHEST + 1)
        from_top = np.cumsum(pages[::-1])
        return HIGHEST - int(np.searchsorted(from_top, quota)) if from_top[-1] >= quota else 0

    def _scores(self, regions: Regions, which: slice) -> NDArray[np.int64]:
        """Return priorities 0..99: access frequency and the logarithm of the age."""
        weights = self._scheme.quota.weights
        frequency = regions.count[which] * 100 // regions.samples
        bits = np.frexp(np.floor(regions.age[which] * self._aggregation_s))[1].astype(np.int64)
        age = (np.where(frequency == 0, -bits, bits) + 32) * 100 // 32 // 2
        hot: NDArray[np.int64] = weights.nr_accesses_permil * frequency + weights.age_permil * age
        hot = hot // (weights.nr_accesses_permil + weights.age_permil) * HIGHEST // 100
        return hot if self._scheme.action is Action.MIGRATE_HOT else HIGHEST - hot
