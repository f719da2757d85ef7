"""DAMON_LRU_SORT: move hot pages to the active LRU list and cold ones to the inactive list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from damosrl.damon.attrs import Attrs
from damosrl.damon.checks import U32_MAX
from damosrl.damon.filters import Filter, FilterType
from damosrl.damon.kdamond import Document
from damosrl.damon.modules.layout import PhysicalLayout
from damosrl.damon.modules.module import counters
from damosrl.damon.modules.system import (
    ANY_SIZE,
    SystemModule,
    aggregations,
    attrs_of,
    document_of,
    refuse_zero,
    watermarks_of,
)
from damosrl.damon.pattern import AccessPattern
from damosrl.damon.quota import GoalMetric, Quota, QuotaGoal, Weights
from damosrl.damon.ranges import Range
from damosrl.damon.scheme import Action, Scheme
from damosrl.damon.stats import Stats
from damosrl.errors import DocumentError

BP_OF_ALL = 10_000
OVERLAP_BP = 2
"""How far the two goals overlap, so that a slow exchange goes on."""

HOT_STATISTICS = ("lru_sort_tried_hot_regions", "lru_sorted_hot_regions", "hot_quota_exceeds")
COLD_STATISTICS = ("lru_sort_tried_cold_regions", "lru_sorted_cold_regions", "cold_quota_exceeds")


@dataclass(frozen=True, slots=True, kw_only=True)
class DamonLruSort(SystemModule):
    """Parameters of mm/damon/lru_sort.c (7.3, semantics 3.2); the others are `SystemModule`'s.

    ``quota_ms`` is for both schemes; each gets half of it, rounded down (so 1 is no limit).

    Args:
        hot_thres_access_freq: Access frequency from which memory is hot, permil of all checks.
        cold_min_age: Time without access after which memory is cold, us.
        active_mem_bp: Wanted share of active LRU memory, basis points, at most 10000; 0 is no
            such goal.
        filter_young_pages: Check each page again: prioritise young ones only, and deprioritise
            none of them.

    Example:
        >>> from damosrl.damon.ranges import AddressRange
        >>> ram = PhysicalLayout((AddressRange(0, 1 << 30),))
        >>> hot, cold = DamonLruSort().document(ram).kdamonds[0].contexts[0].schemes
        >>> hot.access_pattern.nr_accesses.min, cold.access_pattern.age.min
        (10, 1200)
    """

    NAME: ClassVar[str] = "damon_lru_sort"
    RESULTS: ClassVar[tuple[str, ...]] = (
        "kdamond_pid",
        *counters(Stats(), *HOT_STATISTICS),
        *counters(Stats(), *COLD_STATISTICS),
    )

    hot_thres_access_freq: int = 500
    cold_min_age: int = 120_000_000
    active_mem_bp: int = 0
    filter_young_pages: bool = False
    wmarks_high: int = 200
    wmarks_mid: int = 150
    wmarks_low: int = 50

    def document(self, layout: PhysicalLayout) -> Document:
        """Return one kdamond with the hot scheme first, both applied every aggregation."""
        refuse_zero("sample_interval", self.sample_interval)
        if self.active_mem_bp > BP_OF_ALL:
            raise DocumentError(
                "active_mem_bp is above the whole", got=self.active_mem_bp, allowed="0..10000"
            )
        attrs = attrs_of(self)
        active = self.active_mem_bp
        hot = self._scheme(
            Action.LRU_PRIO,
            AccessPattern(ANY_SIZE, nr_accesses=Range(self._hot_samples(attrs), U32_MAX)),
            Filter(FilterType.YOUNG, matching=False),
            QuotaGoal(GoalMetric.ACTIVE_MEM_BP, active) if active else None,
        )
        cold = self._scheme(
            Action.LRU_DEPRIO,
            AccessPattern(
                ANY_SIZE, Range(0, 0), Range(aggregations(self.cold_min_age, attrs), U32_MAX)
            ),
            Filter(FilterType.YOUNG, matching=True),
            QuotaGoal(GoalMetric.INACTIVE_MEM_BP, BP_OF_ALL - active + OVERLAP_BP)
            if active
            else None,
        )
        return document_of(self, attrs, (hot, cold), layout)

    def statistics(self, schemes: Sequence[Stats]) -> dict[str, int]:
        """Return the counters of the hot and of the cold scheme."""
        hot, cold = schemes
        return counters(hot, *HOT_STATISTICS) | counters(cold, *COLD_STATISTICS)

    def _hot_samples(self, attrs: Attrs) -> int:
        return attrs.samples_per_aggregation * self.hot_thres_access_freq // 1000 & U32_MAX

    def _scheme(
        self, action: Action, pattern: AccessPattern, young: Filter, goal: QuotaGoal | None
    ) -> Scheme:
        return Scheme(
            action,
            pattern,
            quota=Quota(
                time_ms=self.quota_ms // 2,
                reset_interval_ms=self.quota_reset_interval_ms,
                weights=Weights(nr_accesses_permil=1, age_permil=1),
                goals=() if goal is None else (goal,),
            ),
            watermarks=watermarks_of(self),
            filters=(young,) if self.filter_young_pages else (),
        )
