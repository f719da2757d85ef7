"""Monitoring attributes: intervals, their auto-tuning goal, and bounds of the region count."""

from dataclasses import dataclass, field

from damosrl.damon.checks import require_integer
from damosrl.damon.refusals import refusal


@dataclass(frozen=True, slots=True)
class IntervalsGoal:
    """Auto-tuning of the sampling interval (``intervals_goal``, kernel 6.15).

    Args:
        access_bp: Wanted share of positive access checks, basis points.
        aggrs: Aggregation intervals between tuning steps; 0 switches tuning off.
        min_sample_us: Lower bound of the sampling interval, us.
        max_sample_us: Upper bound of the sampling interval, us.
    """

    access_bp: int = 0
    aggrs: int = 0
    min_sample_us: int = 0
    max_sample_us: int = 0

    def __post_init__(self) -> None:
        require_integer("intervals_goal.access_bp", self.access_bp)
        require_integer("intervals_goal.aggrs", self.aggrs)
        require_integer("intervals_goal.min_sample_us", self.min_sample_us)
        require_integer("intervals_goal.max_sample_us", self.max_sample_us)

    @property
    def enabled(self) -> bool:
        """Whether the kernel tunes at all."""
        return self.aggrs != 0


@dataclass(frozen=True, slots=True)
class Intervals:
    """Monitoring intervals in microseconds; the defaults are the kernel's.

    Args:
        sample_us: Time between access checks; 0 is taken as 1 where it divides.
        aggr_us: Time over which checks are counted.
        ops_update_us: Time between updates of the target's regions (vaddr).
        goal: Auto-tuning of the sampling interval.
    """

    sample_us: int = 5_000
    aggr_us: int = 100_000
    ops_update_us: int = 60_000_000
    goal: IntervalsGoal = field(default_factory=IntervalsGoal)

    def __post_init__(self) -> None:
        require_integer("sample_us", self.sample_us)
        require_integer("aggr_us", self.aggr_us)
        require_integer("ops_update_us", self.ops_update_us)

    @property
    def samples_per_aggregation(self) -> int:
        """Samples in one aggregation interval, at least 1."""
        return max(self.aggr_us // max(self.sample_us, 1), 1)


@dataclass(frozen=True, slots=True)
class Attrs:
    """What ``damon_set_attrs()`` of mm/damon/core.c accepts (kernel 7.3).

    Args:
        intervals: Monitoring intervals.
        min_nr_regions: Lower bound of the number of regions, at least 3.
        max_nr_regions: Upper bound of the number of regions.

    Raises:
        DocumentError: Where the kernel would answer EINVAL.

    Example:
        >>> Attrs().samples_per_aggregation
        20
    """

    intervals: Intervals = field(default_factory=Intervals)
    min_nr_regions: int = 10
    max_nr_regions: int = 1000

    def __post_init__(self) -> None:
        require_integer("nr_regions.min", self.min_nr_regions, low=3, rule="min-nr-regions")
        require_integer("nr_regions.max", self.max_nr_regions)
        if self.min_nr_regions > self.max_nr_regions:
            raise refusal(
                "nr-regions-order",
                "nr_regions.min is above nr_regions.max",
                got=f"min={self.min_nr_regions}, max={self.max_nr_regions}",
                allowed="3 <= min <= max",
                fix="swap them",
            )
        self._check_intervals()

    def _check_intervals(self) -> None:
        times, goal = self.intervals, self.intervals.goal
        if times.sample_us > times.aggr_us:
            raise refusal(
                "sample-above-aggregation",
                "sampling takes longer than aggregation",
                got=f"sample_us={times.sample_us}, aggr_us={times.aggr_us}",
                allowed="sample_us <= aggr_us",
                fix="raise aggr_us (20 samples per aggregation are usual)",
            )
        if goal.enabled and not goal.min_sample_us <= times.sample_us <= goal.max_sample_us:
            raise refusal(
                "intervals-goal-bounds",
                "sample_us is outside the bounds of intervals_goal",
                got=f"sample_us={times.sample_us}",
                allowed=f"{goal.min_sample_us}..{goal.max_sample_us} us, min <= max",
                fix="widen min_sample_us..max_sample_us, or set aggrs to 0",
            )

    @property
    def samples_per_aggregation(self) -> int:
        """Largest possible nr_accesses: samples in one aggregation interval, at least 1."""
        return self.intervals.samples_per_aggregation
