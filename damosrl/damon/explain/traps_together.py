"""Traps of schemes and kdamonds that work against each other."""

from collections.abc import Iterator
from itertools import combinations

from damosrl.damon.explain.parts import ContextAt, SchemeAt, Trap
from damosrl.damon.explain.traps_filters import young_verdict
from damosrl.damon.explain.traps_goals import FULL_BP, effect
from damosrl.damon.pattern import kept_bounds
from damosrl.damon.quota import GoalMetric
from damosrl.damon.scheme import Action

MIGRATIONS = frozenset((Action.MIGRATE_HOT, Action.MIGRATE_COLD))

OPPOSITE = {
    frozenset(pair)
    for pair in (
        (Action.MIGRATE_HOT, Action.MIGRATE_COLD),
        (Action.LRU_PRIO, Action.LRU_DEPRIO),
        (Action.HUGEPAGE, Action.NOHUGEPAGE),
        (Action.WILLNEED, Action.PAGEOUT),
        (Action.WILLNEED, Action.COLD),
    )
}


def traps_together(contexts: list[ContextAt]) -> Iterator[Trap]:
    """Yield what may surprise about any two kdamonds, and two schemes anywhere."""
    for left, right in combinations(contexts, 2):
        if _same_memory(left, right):
            yield Trap(
                right.where,
                "memory-monitored-twice",
                f"{left.where} watches the same memory: both clear accessed bits, so each sees "
                "fewer accesses",
                "watch each part of memory by one kdamond",
            )
    schemes = [scheme for at in contexts for scheme in at.schemes()]
    for one, other in combinations(schemes, 2):
        yield from _goal_gap(one, other)
        yield from _goal_gap(other, one)
        if one.at is other.at or _same_memory(one.at, other.at):
            yield from _same_regions(one, other)
        else:
            yield from _two_nodes(one, other)


def _same_regions(one: SchemeAt, other: SchemeAt) -> Iterator[Trap]:
    if not _patterns_meet(one, other):
        return
    if frozenset((one.scheme.action, other.scheme.action)) in OPPOSITE:
        yield Trap(
            other.where,
            "schemes-fight",
            f"{one.where} ({one.scheme.action}) and this {other.scheme.action} match the same "
            "regions and undo each other",
            "separate their nr_accesses or age ranges",
        )
        return
    if one.at is not other.at:
        return
    for waiting, acting in ((one, other), (other, one)):
        needed = kept_bounds(waiting.scheme.access_pattern.age)[0]
        if needed and acting.scheme.action is not Action.STAT:
            yield Trap(
                waiting.where,
                "age-reset-by-other-scheme",
                f"{acting.where} ({acting.scheme.action}) matches the same regions and sets their "
                f"age to 0, so they seldom reach age {needed}",
                "separate the patterns, or give the other scheme the same lower age",
            )


def _two_nodes(one: SchemeAt, other: SchemeAt) -> Iterator[Trap]:
    """Compare what one node sends and another sends back, by access rate."""
    if frozenset((one.scheme.action, other.scheme.action)) != MIGRATIONS:
        return
    if not one.destinations or set(one.destinations) & set(other.destinations):
        return
    verdicts = {young_verdict(one), young_verdict(other)}
    if {True, False} <= verdicts or not _rates_meet(one, other):
        return
    yield Trap(
        other.where,
        "nodes-fight",
        f"memory that {one.where} ({one.scheme.action}) sends away matches this "
        f"{other.scheme.action} on the other node: it may go to and fro",
        "leave a gap between the access rates that are cold and hot",
    )


def _goal_gap(filling: SchemeAt, emptying: SchemeAt) -> Iterator[Trap]:
    """Find goals of one node that are both met over a range, where no exchange goes on."""
    for full in filling.scheme.quota.goals:
        for free in emptying.scheme.quota.goals:
            if (
                full.metric is GoalMetric.NODE_MEM_USED_BP
                and free.metric is GoalMetric.NODE_MEM_FREE_BP
                and full.nid == free.nid
                and effect(filling, full) == effect(emptying, free) == 1
                and full.target_value + free.target_value <= FULL_BP
            ):
                yield Trap(
                    filling.where,
                    "goals-leave-gap",
                    f"with {emptying.where} both goals of node {full.nid} are met from "
                    f"{full.target_value} bp used on: nothing is exchanged any more",
                    f"let the targets add up to more than {FULL_BP} bp, as mtier's do (9970 + 50)",
                )


def _same_memory(left: ContextAt, right: ContextAt) -> bool:
    if left.physical != right.physical:
        return False
    for one in left.context.targets:
        for other in right.context.targets:
            if not left.physical:
                if one.pid == other.pid:
                    return True
                continue
            mine, theirs = left.context.addr_unit, right.context.addr_unit
            if any(
                a.start * mine < b.end * theirs and b.start * theirs < a.end * mine
                for a in one.regions
                for b in other.regions
            ):
                return True
    return False


def _patterns_meet(one: SchemeAt, other: SchemeAt) -> bool:
    mine, theirs = one.scheme.access_pattern, other.scheme.access_pattern
    return (
        _meet((mine.sz_bytes.min, mine.sz_bytes.max), (theirs.sz_bytes.min, theirs.sz_bytes.max))
        and _meet(kept_bounds(mine.nr_accesses), kept_bounds(theirs.nr_accesses))
        and _meet(kept_bounds(mine.age), kept_bounds(theirs.age))
    )


def _rates_meet(one: SchemeAt, other: SchemeAt) -> bool:
    """Compare access counts of monitors that may take different numbers of samples."""
    mine = kept_bounds(one.scheme.access_pattern.nr_accesses)
    theirs = kept_bounds(other.scheme.access_pattern.nr_accesses)
    low, high = (min(count, one.at.samples) * other.at.samples for count in mine)
    least, most = (min(count, other.at.samples) * one.at.samples for count in theirs)
    return (
        mine[0] <= one.at.samples
        and theirs[0] <= other.at.samples
        and (_meet((low, high), (least, most)))
    )


def _meet(left: tuple[int, int], right: tuple[int, int]) -> bool:
    return max(left[0], right[0]) <= min(left[1], right[1])
