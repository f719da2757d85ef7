"""Traps of quota goals: direction, reach, units, and how the loop starts (semantics 2.7, 2.11)."""

from collections.abc import Iterator

from damosrl.damon.checks import U64_MAX
from damosrl.damon.explain.feedback import BASIS
from damosrl.damon.explain.parts import SchemeAt, Trap
from damosrl.damon.quota import GoalMetric, GoalTuner, QuotaGoal
from damosrl.damon.scheme import Action

USED = (GoalMetric.NODE_MEM_USED_BP, GoalMetric.NODE_MEMCG_USED_BP)
FREE = (GoalMetric.NODE_MEM_FREE_BP, GoalMetric.NODE_MEMCG_FREE_BP)
NODE_METRICS = (*USED, *FREE, GoalMetric.NODE_ELIGIBLE_MEM_BP)
FULL_BP = 10_000

RAISED_BY = {
    Action.PAGEOUT: FREE,
    Action.LRU_PRIO: (GoalMetric.ACTIVE_MEM_BP,),
    Action.LRU_DEPRIO: (GoalMetric.INACTIVE_MEM_BP,),
    Action.COLD: (GoalMetric.INACTIVE_MEM_BP,),
    Action.WILLNEED: USED,
}
LOWERED_BY = {
    Action.PAGEOUT: USED,
    Action.LRU_PRIO: (GoalMetric.INACTIVE_MEM_BP,),
    Action.LRU_DEPRIO: (GoalMetric.ACTIVE_MEM_BP,),
    Action.COLD: (GoalMetric.ACTIVE_MEM_BP,),
    Action.WILLNEED: FREE,
}
MOVES_NO_MEMORY = (Action.LRU_PRIO, Action.LRU_DEPRIO, Action.COLD)


def goal_traps(at: SchemeAt) -> Iterator[Trap]:
    """Yield what may surprise about the goals of a scheme."""
    goals = at.scheme.quota.goals
    if not goals:
        return
    if len(goals) > 1:
        yield Trap(
            f"{at.where}.quotas.goals",
            "highest-score-wins",
            "the goal that is met best rules: one met goal throttles the scheme",
            "keep one goal per scheme",
        )
    yield from _tuner_traps(at)
    for index, goal in enumerate(goals):
        place = f"{at.where}.quotas.goals[{index}]"
        yield from _direction_traps(at, goal, place)
        yield from _reach_traps(at, goal, place)


def effect(at: SchemeAt, goal: QuotaGoal) -> int | None:
    """Return whether the action raises (1), lowers (-1) or leaves (0) a metric; None: unknown.

    The quota grows while the metric is below its target (2.8), so an action has to raise it.
    """
    action, metric = at.scheme.action, goal.metric
    if metric is GoalMetric.USER_INPUT:
        return None
    if action is Action.STAT:
        return 0
    if at.migrates and metric in NODE_METRICS:
        if not at.destinations:
            return 0
        arrives = goal.nid in at.destinations
        return 1 if arrives != (metric in FREE) else -1
    if metric in RAISED_BY.get(action, ()):
        return 1
    if metric in LOWERED_BY.get(action, ()):
        return -1
    return 0 if action in MOVES_NO_MEMORY and metric in USED + FREE else None


def _tuner_traps(at: SchemeAt) -> Iterator[Trap]:
    quota, where = at.scheme.quota, f"{at.where}.quotas"
    limited = bool(quota.time_ms or 0 < quota.sz_bytes <= U64_MAX // BASIS)
    if quota.goal_tuner is GoalTuner.CONSIST:
        yield Trap(
            where,
            "consist-starts-at-one-byte",
            "the effective quota starts at 1 byte and at most doubles per window; while the goal "
            "is unmet it winds up beyond the limit, and has to unwind later",
            "use short windows, or goal_tuner temporal",
        )
        if not limited:
            yield Trap(
                where,
                "consist-unlimited",
                "while the goal is unmet the effective quota doubles without end",
                "give sz_bytes",
            )
    elif not limited:
        yield Trap(
            where,
            "temporal-unlimited",
            "while the goal is unmet there is no limit at all",
            "give sz_bytes",
        )


def _direction_traps(at: SchemeAt, goal: QuotaGoal, place: str) -> Iterator[Trap]:
    node = f" of node {goal.nid}" if goal.metric in NODE_METRICS else ""
    direction = effect(at, goal)
    if direction == -1:
        yield Trap(
            place,
            "goal-direction",
            f"this {at.scheme.action} moves {goal.metric}{node} away from its target, and the "
            "further away, the more it does",
            "use the complement (used for filling a node, free for emptying it)",
        )
    elif direction == 0:
        yield Trap(
            place,
            "goal-not-moved",
            f"{at.scheme.action} cannot change {goal.metric}{node}: below the target the quota "
            "grows without end, above it the scheme stands still",
            "choose a metric that the action changes",
        )


def _reach_traps(at: SchemeAt, goal: QuotaGoal, place: str) -> Iterator[Trap]:
    if goal.metric.value.endswith("_bp") and goal.target_value > FULL_BP:
        yield Trap(
            place, "goal-unreachable", f"{goal.target_value} bp is above 100 %", "give 1..10000"
        )
    if goal.metric in NODE_METRICS and goal.nid < 0:
        met = "always met" if goal.metric in FREE else "never met"
        yield Trap(
            place,
            "goal-node-missing",
            f"node {goal.nid} holds nothing: used counts as 0, free as 100 %, so the goal is {met}",
            "give nid",
        )
    if goal.metric is GoalMetric.USER_INPUT:
        yield Trap(
            place,
            "user-input-static",
            f"the value stays {goal.current_value} until somebody writes another and "
            "commit_schemes_quota_goals; the quota grows or shrinks in every window meanwhile",
            "feed it regularly",
        )
    if goal.metric is GoalMetric.SOME_MEM_PSI_US:
        yield Trap(
            place,
            "psi-goal",
            "it asks for this much stall of the whole system per window and works harder below "
            "it; without CONFIG_PSI it reads 0",
            "choose a target that the system may well suffer",
        )
        if at.window_us is not None and goal.target_value > at.window_us:
            yield Trap(
                place,
                "psi-above-window",
                f"a window of {at.window_us} us cannot hold {goal.target_value} us of stall: the "
                "goal is never met",
                f"give at most {at.window_us}",
            )
