"""DAMON_RECLAIM: page out what has not been accessed for long, while memory is short."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

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

FEEDBACK_TARGET = 10_000
"""Feedback value at which the user is content."""

STATISTICS = ("reclaim_tried_regions", "reclaimed_regions", "quota_exceeds")


@dataclass(frozen=True, slots=True, kw_only=True)
class DamonReclaim(SystemModule):
    """Parameters of mm/damon/reclaim.c (7.3, semantics 3.1); the others are `SystemModule`'s.

    Args:
        min_age: Time without access after which memory is cold, us.
        quota_sz: Memory to reclaim per window, core address units; 0 is no limit.
        quota_mem_pressure_us: Wanted "some" memory stall per window, us; 0 is no such goal.
        quota_autotune_feedback: The user's feedback, 10000 is content; 0 is no such goal.
        skip_anon: Reclaim no anonymous pages.

    Example:
        >>> from damosrl.damon.ranges import AddressRange
        >>> ram = PhysicalLayout((AddressRange(0, 1 << 30),))
        >>> context = DamonReclaim(min_age=5_000_000).document(ram).kdamonds[0].contexts[0]
        >>> context.schemes[0].access_pattern.age.min
        50
    """

    NAME: ClassVar[str] = "damon_reclaim"
    RESULTS: ClassVar[tuple[str, ...]] = ("kdamond_pid", *counters(Stats(), *STATISTICS))

    min_age: int = 120_000_000
    quota_sz: int = 128 << 20
    quota_mem_pressure_us: int = 0
    quota_autotune_feedback: int = 0
    skip_anon: bool = False
    wmarks_high: int = 500
    wmarks_mid: int = 400
    wmarks_low: int = 200

    def document(self, layout: PhysicalLayout) -> Document:
        """Return one kdamond with one scheme, applied every aggregation interval."""
        refuse_zero("aggr_interval", self.aggr_interval)
        attrs = attrs_of(self)
        scheme = Scheme(
            Action.PAGEOUT,
            AccessPattern(
                sz_bytes=ANY_SIZE,
                nr_accesses=Range(0, 0),
                age=Range(aggregations(self.min_age, attrs), AccessPattern().age.max),
            ),
            quota=Quota(
                time_ms=self.quota_ms,
                sz_bytes=self.quota_sz,
                reset_interval_ms=self.quota_reset_interval_ms,
                weights=Weights(age_permil=1),
                goals=self._goals(),
            ),
            watermarks=watermarks_of(self),
            filters=(Filter(FilterType.ANON),) if self.skip_anon else (),
        )
        return document_of(self, attrs, (scheme,), layout)

    def statistics(self, schemes: Sequence[Stats]) -> dict[str, int]:
        """Return what was tried and reclaimed, and windows that used up the quota."""
        return counters(schemes[0], *STATISTICS)

    def _goals(self) -> tuple[QuotaGoal, ...]:
        goals = []
        if self.quota_mem_pressure_us:
            goals.append(QuotaGoal(GoalMetric.SOME_MEM_PSI_US, self.quota_mem_pressure_us))
        if self.quota_autotune_feedback:
            feedback = self.quota_autotune_feedback
            goals.append(QuotaGoal(GoalMetric.USER_INPUT, FEEDBACK_TARGET, feedback))
        return tuple(goals)
