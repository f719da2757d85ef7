"""Traps of actions and destinations (semantics 2.1, 2.2, 2.5)."""

from collections.abc import Iterator

from damosrl.damon.explain.parts import SchemeAt, Trap
from damosrl.damon.explain.traps_goals import FREE, effect
from damosrl.damon.quota import GoalMetric, QuotaGoal
from damosrl.damon.scheme import Action

MADVISE = (Action.WILLNEED, Action.COLD, Action.HUGEPAGE, Action.NOHUGEPAGE, Action.COLLAPSE)
LRU = (Action.LRU_PRIO, Action.LRU_DEPRIO)


def action_traps(at: SchemeAt) -> Iterator[Trap]:
    """Yield what may surprise about what a scheme does to memory."""
    yield from _support_traps(at)
    yield from _destination_traps(at)


def is_supported(at: SchemeAt) -> bool:
    """Return whether the operation set can carry out the action (semantics 2.1)."""
    return at.scheme.action not in (MADVISE if at.at.physical else LRU)


def _support_traps(at: SchemeAt) -> Iterator[Trap]:
    if not is_supported(at):
        yield Trap(
            at.where,
            "action-unsupported",
            f"{at.at.context.ops} cannot {at.scheme.action}: it applies 0 bytes, but still charges "
            "the quota and resets the age",
            "use another action or operation set",
        )
    elif at.at.physical and at.has_quota and at.scheme.action is not Action.STAT:
        quota = at.scheme.quota
        if quota.fail_charge_denom == 0:
            yield Trap(
                at.where,
                "failures-charged",
                "gaps, free frames and memory that fails are charged in full",
                "set fail_charge_num/fail_charge_denom, such as 1/1024 (kernel 7.2)",
            )


def _destination_traps(at: SchemeAt) -> Iterator[Trap]:
    scheme = at.scheme
    if not at.migrates:
        if scheme.dests or scheme.target_nid != -1:
            yield Trap(
                at.where,
                "destination-unused",
                f"{scheme.action} has no destination",
                "remove target_nid and dests, or migrate",
            )
        return
    usable = bool(scheme.dests) and not at.at.physical
    yield from _own_node_traps(at)
    if scheme.dests and at.at.physical:
        yield Trap(
            at.where, "dests-ignored", "paddr migrates to target_nid only", "give target_nid"
        )
    if not usable and scheme.target_nid == -1:
        yield Trap(at.where, "no-destination", "nothing migrates", "give target_nid")
    if usable and scheme.target_nid != -1:
        yield Trap(
            at.where, "target-nid-ignored", "dests come before target_nid", "remove target_nid"
        )
    if usable and not sum(dest.weight for dest in scheme.dests):
        yield Trap(
            at.where, "no-destination", "weights add up to 0: nothing migrates", "give weights"
        )


def _own_node_traps(at: SchemeAt) -> Iterator[Trap]:
    """Find a destination whose memory the same context watches: another scheme is to empty it."""
    for other in at.at.schemes():
        emptied = {goal.nid for goal in other.scheme.quota.goals if goal.metric in FREE}
        for node in sorted(emptied.intersection(at.destinations)):
            if effect(other, QuotaGoal(GoalMetric.NODE_MEM_FREE_BP, 1, nid=node)) == 1:
                yield Trap(
                    at.where,
                    "migrates-to-own-node",
                    f"{other.where} empties node {node}, so its memory is watched here; what lies "
                    "there already is charged, and stays",
                    "watch each node by a kdamond of its own",
                )
