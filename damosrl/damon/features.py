"""Which kernel a document needs: what appeared after 6.12, and when (semantics 4.4)."""

from collections.abc import Iterator
from dataclasses import dataclass

from damosrl.damon.context import Context
from damosrl.damon.filters import FilterType
from damosrl.damon.quota import GoalMetric, GoalTuner
from damosrl.damon.scheme import Action, Scheme

RELEASES = (
    "6.12",
    "6.13",
    "6.14",
    "6.15",
    "6.16",
    "6.17",
    "6.18",
    "6.19",
    "7.0",
    "7.1",
    "7.2",
    "7.3",
)
"""Mainline kernels from the oldest to the newest whose files are known."""
OLDEST, NEWEST = RELEASES[0], RELEASES[-1]

GOAL_SINCE = {
    GoalMetric.NODE_MEM_USED_BP: "6.16",
    GoalMetric.NODE_MEM_FREE_BP: "6.16",
    GoalMetric.NODE_MEMCG_USED_BP: "6.19",
    GoalMetric.NODE_MEMCG_FREE_BP: "6.19",
    GoalMetric.ACTIVE_MEM_BP: "7.0",
    GoalMetric.INACTIVE_MEM_BP: "7.0",
    GoalMetric.NODE_ELIGIBLE_MEM_BP: "7.2",
}
FILTER_SINCE = {
    FilterType.ACTIVE: "6.15",
    FilterType.HUGEPAGE_SIZE: "6.15",
    FilterType.UNMAPPED: "6.15",
}


@dataclass(frozen=True, slots=True)
class Feature:
    """Something a document uses that older kernels have no file or word for.

    Args:
        name: What it is.
        since: First mainline kernel that has it, one of `RELEASES`.
        place: Where in the context it is used, such as ``schemes[0].quotas``; "" for the context.
    """

    name: str
    since: str
    place: str = ""


def is_before(kernel: str, other: str) -> bool:
    """Tell whether a kernel of `RELEASES` is older than another.

    Example:
        >>> is_before("6.18", "7.0")
        True
    """
    return RELEASES.index(kernel) < RELEASES.index(other)


def features_of(context: Context) -> Iterator[Feature]:
    """Name everything in a context that kernel 6.12 does not have."""
    if context.attrs.intervals.goal.enabled:
        yield Feature("intervals_goal", "6.15", "intervals.intervals_goal")
    if context.addr_unit != 1:
        yield Feature("addr_unit", "6.18", "addr_unit")
    if any(target.obsolete for target in context.targets):
        yield Feature("obsolete targets", "6.19", "targets")
    if context.pause:
        yield Feature("pause", "7.2", "pause")
    if any(probe.weight for probe in context.probes):
        yield Feature("weights of probes", "7.3", "probes")
    if context.probes:
        yield Feature("probes", "7.2", "probes")
    for index, scheme in enumerate(context.schemes):
        yield from _features_of_scheme(scheme, f"schemes[{index}]")


def _features_of_scheme(scheme: Scheme, place: str) -> Iterator[Feature]:
    if scheme.action is Action.COLLAPSE:
        yield Feature("action collapse", "7.2", f"{place}.action")
    if scheme.dests:
        yield Feature("migration dests", "6.17", f"{place}.dests")
    if scheme.max_nr_snapshots:
        yield Feature("max_nr_snapshots", "7.0", f"{place}.max_nr_snapshots")
    if scheme.quota.goal_tuner is not GoalTuner.CONSIST:
        yield Feature(f"goal tuner {scheme.quota.goal_tuner}", "7.1", f"{place}.quotas.goal_tuner")
    if scheme.quota.fail_charge_denom:
        yield Feature("fail_charge_num and fail_charge_denom", "7.2", f"{place}.quotas")
    for index, goal in enumerate(scheme.quota.goals):
        if goal.metric in GOAL_SINCE:
            yield Feature(
                f"quota goal {goal.metric}",
                GOAL_SINCE[goal.metric],
                f"{place}.quotas.goals[{index}]",
            )
    for index, condition in enumerate(scheme.filters):
        if condition.allow:
            yield Feature("filters that allow", "6.14", f"{place}.filters[{index}]")
        if condition.filter_type in FILTER_SINCE:
            yield Feature(
                f"filter {condition.filter_type}",
                FILTER_SINCE[condition.filter_type],
                f"{place}.filters[{index}]",
            )
