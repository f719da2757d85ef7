"""Which kernel's rules a context follows: 7.3, or 6.12 (semantics 1.15, 4.4).

What 6.12 (as of 6.12.117) does differently, and where it is done here:

==============================  ==========================================================
difference                      in
==============================  ==========================================================
regions whole at start,         `engine.first_size_cap`, `engine.merge_and_cap`
no size cap per window
size limit of merges            at start and at ops updates: `engine.schemes_and_reset`
age                             threshold rule only: `monitor.age_regions`
split                           nothing above half of max_nr_regions: `monitor.split_regions`
moving sum                      kept per region: `legacy`, `monitor.merge_once`
new attributes                  one count is converted: `intervals.convert_legacy_region`
quota set, full, first window   `quota.is_set`, `quota.is_full`, `quota.start_window`
effective quota, histogram      `quota.set_legacy_quota`, `quota.fill_histogram`
goals                           absolute first PSI growth, kept base, plain products: `goals`
no join after a pass,           `schemes.walk_regions`, `schemes.apply_scheme`
no nr_snapshots
commit                          at a window's end only; not in a watermark wait
goals alone                     right after the addresses are drawn, before the sleep
bad commit                      ends the kdamond: `online`
newer features                  refused by name: `refuse_newer`
==============================  ==========================================================

Not done: the request timing of tried regions (as in 7.3), even cuts of initial vaddr regions, the
comparison of counters that wrap around, one generator shared by all kdamonds.
"""

from collections.abc import Iterator

from damosrl.damon import Action, Context, FilterType, GoalMetric, GoalTuner, Scheme
from damosrl.errors import MachineError, UnknownNameError

NEWEST = "7.3"
OLDEST = "6.12"
KERNELS = (NEWEST, OLDEST)
"""Kernels that can be chosen."""

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


def is_legacy(kernel: str) -> bool:
    """Tell whether a kernel follows the rules of 6.12.

    Raises:
        UnknownNameError: The kernel cannot be chosen.
    """
    if kernel not in KERNELS:
        raise UnknownNameError("kernel", kernel, KERNELS)
    return kernel == OLDEST


def refuse_newer(context: Context, kernel: str) -> None:
    """Refuse what a kernel does not have yet.

    Raises:
        MachineError: Naming the feature and the version that has it.
    """
    if not is_legacy(kernel):
        return
    for feature, since in _newer_features(context):
        raise MachineError(
            f"kernel {kernel} does not know {feature}",
            got=f"kernel {kernel}",
            allowed=f"kernel {since} or later",
            fix=f"leave it out, or choose kernel {NEWEST}",
        )


def _newer_features(context: Context) -> Iterator[tuple[str, str]]:
    if context.attrs.intervals.goal.enabled:
        yield "intervals_goal", "6.15"
    if context.addr_unit != 1:
        yield "addr_unit", "6.18"
    if any(target.obsolete for target in context.targets):
        yield "obsolete targets", "6.19"
    if context.pause:
        yield "pause", "7.2"
    if context.probes:
        yield "probes", "7.2"
    for scheme in context.schemes:
        yield from _newer_in_scheme(scheme)


def _newer_in_scheme(scheme: Scheme) -> Iterator[tuple[str, str]]:
    if scheme.action is Action.COLLAPSE:
        yield "action collapse", "7.2"
    if scheme.dests:
        yield "migration dests", "6.17"
    if scheme.max_nr_snapshots:
        yield "max_nr_snapshots", "7.0"
    if scheme.quota.goal_tuner is not GoalTuner.CONSIST:
        yield f"goal tuner {scheme.quota.goal_tuner}", "7.1"
    if scheme.quota.fail_charge_denom:
        yield "fail_charge_num and fail_charge_denom", "7.2"
    for goal in scheme.quota.goals:
        if goal.metric in GOAL_SINCE:
            yield f"quota goal {goal.metric}", GOAL_SINCE[goal.metric]
    for condition in scheme.filters:
        if condition.allow:
            yield "filters that allow", "6.14"
        if condition.filter_type in FILTER_SINCE:
            yield f"filter {condition.filter_type}", FILTER_SINCE[condition.filter_type]
