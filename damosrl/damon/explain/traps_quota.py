"""Traps of quotas, goals and priorities (semantics 2.5-2.11 and 9)."""

from collections.abc import Iterator

from damosrl.damon.explain.parts import SchemeAt, Trap
from damosrl.damon.quota import NEVER, GoalMetric, GoalTuner, QuotaGoal
from damosrl.damon.scheme import Action

U32 = 2**32
FREE = (GoalMetric.NODE_MEM_FREE_BP, GoalMetric.NODE_MEMCG_FREE_BP)
USED = (GoalMetric.NODE_MEM_USED_BP, GoalMetric.NODE_MEMCG_USED_BP)
BASIS_POINTS = 10_000
SUBSCORE = 100


def quota_traps(at: SchemeAt) -> Iterator[Trap]:
    """Yield what may surprise about how much a scheme does."""
    yield from _limit_traps(at)
    yield from _window_traps(at)
    yield from _goal_traps(at)
    yield from _weight_traps(at)


def _limit_traps(at: SchemeAt) -> Iterator[Trap]:
    quota, where = at.scheme.quota, f"{at.where}.quotas"
    smallest = at.at.context.min_region_sz
    if not at.has_quota and at.scheme.action is not Action.STAT:
        yield Trap(
            where, "quota-unlimited", "0 means no limit: all that matches, in every pass",
            "give sz_bytes or time_ms (1 byte switches a scheme off)",
        )  # fmt: skip
    if 0 < quota.sz_bytes < smallest:
        yield Trap(
            where, "quota-below-region",
            f"{quota.sz_bytes} is below the smallest region {smallest}: nothing is applied",
            f"give at least {smallest}, unless the scheme is to be off",
        )  # fmt: skip
    if quota.fail_charge_denom and quota.fail_charge_num > quota.fail_charge_denom:
        yield Trap(
            where, "failures-cost-more",
            "bytes that fail are charged more than bytes that succeed",
            "give fail_charge_num <= fail_charge_denom",
        )  # fmt: skip
    if at.has_quota and any(filter_.layer == "core" for filter_ in at.scheme.filters):
        largest = max((r.size for t in at.at.context.targets for r in t.regions), default=0)
        yield Trap(
            where, "filtered-regions-sliced",
            "a region is cut to the rest of the quota before core filters reject it, uncharged: a "
            f"rest of {smallest} cuts up to {largest // smallest} slices in one pass",
            "list only the wanted ranges as target regions instead of filtering",
        )  # fmt: skip


def _window_traps(at: SchemeAt) -> Iterator[Trap]:
    if not at.has_quota:
        return
    quota, where = at.scheme.quota, f"{at.where}.quotas"
    if at.window_ms is None:
        yield Trap(
            where, "window-never-ends",
            "the window is never renewed: the quota is for the kdamond's whole life",
            "give reset_interval_ms, usually 1 s",
        )  # fmt: skip
    if quota.reset_interval_ms >= U32 and quota.reset_interval_ms != NEVER:
        yield Trap(
            where, "reset-interval-wraps",
            f"the kernel keeps its low 32 bits, {quota.reset_interval_ms % U32} ms",
            "give less than 2^31 ms",
        )  # fmt: skip
    if at.window_ms == 0:
        yield Trap(
            where, "window-each-pass", "every pass opens a new window, the first one twice",
            "give reset_interval_ms",
        )  # fmt: skip
    if at.window_ms and at.window_us != at.window_ms * 1000:
        yield Trap(
            where, "window-rounded",
            f"only a pass opens a window, so {at.window_ms} ms become {at.window_us} us",
            "give a multiple of the apply interval",
        )  # fmt: skip


def _goal_traps(at: SchemeAt) -> Iterator[Trap]:
    quota, where = at.scheme.quota, f"{at.where}.quotas.goals"
    metrics = [goal.metric for goal in quota.goals]
    if not metrics:
        return
    if len(metrics) > 1:
        yield Trap(
            where, "highest-score-wins",
            "the goal that is met best rules: one met goal throttles the scheme",
            "keep one goal per scheme",
        )  # fmt: skip
    if quota.goal_tuner is GoalTuner.CONSIST:
        yield Trap(
            where, "consist-starts-at-one-byte",
            "the effective quota starts at 1 byte and at most doubles per window; it also winds up "
            "beyond the limit while the goal is unmet",
            "use short windows, or goal_tuner temporal",
        )  # fmt: skip
    elif not quota.sz_bytes:
        yield Trap(
            where, "temporal-unlimited", "while the goal is unmet there is no limit at all",
            "give sz_bytes",
        )  # fmt: skip
    for index, goal in enumerate(quota.goals):
        place = f"{where}[{index}]"
        if _drives_away(at, goal):
            yield Trap(
                place, "goal-direction",
                f"this {at.scheme.action} moves {goal.metric} of node {goal.nid} away "
                "from its target, so the quota grows without end",
                "use the complement (used for filling a node, free for emptying it)",
            )  # fmt: skip
        if goal.metric.value.endswith("_bp") and goal.target_value > BASIS_POINTS:
            yield Trap(
                place, "goal-unreachable", f"{goal.target_value} bp is above 100 %",
                "give 1..10000",
            )  # fmt: skip
        if goal.metric is GoalMetric.SOME_MEM_PSI_US:
            yield Trap(
                place, "psi-goal",
                "it asks for this much stall of the whole system per window and works harder below "
                "it; without CONFIG_PSI it reads 0",
                "choose a target that the system may well suffer",
            )  # fmt: skip


def _drives_away(at: SchemeAt, goal: QuotaGoal) -> bool:
    """Return whether the action lowers the metric, while the quota grows until it is high."""
    if at.scheme.action is Action.PAGEOUT:
        return goal.metric in USED
    if not at.migrates:
        return False
    weighted = bool(at.scheme.dests) and not at.at.physical
    nodes = [dest.id for dest in at.scheme.dests] if weighted else [at.scheme.target_nid]
    return goal.metric in (FREE if goal.nid in nodes else USED)


def _weight_traps(at: SchemeAt) -> Iterator[Trap]:
    if not at.has_quota:
        return
    weights, where = at.scheme.quota.weights, f"{at.where}.quotas.weights"
    total = weights.nr_accesses_permil + weights.age_permil
    if total == 0:
        yield Trap(
            where, "weights-zero", "all regions have one score: the order is by address",
            "give nr_accesses_permil or age_permil",
        )  # fmt: skip
    if total * SUBSCORE >= U32:
        yield Trap(
            where, "weights-wrap", "the weighted sum is 32 bits wide and may wrap",
            "give weights up to 1000",
        )  # fmt: skip
    if weights.sz_permil:
        yield Trap(where, "size-weight-unused", "the kernel does not use it", "set sz_permil to 0")
