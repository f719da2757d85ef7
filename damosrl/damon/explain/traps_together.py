"""Traps of schemes and kdamonds that work against each other."""

from collections.abc import Iterator
from itertools import combinations

from damosrl.damon.explain.parts import ContextAt, SchemeAt, Trap
from damosrl.damon.ranges import Range
from damosrl.damon.scheme import Action

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


def context_pairs(contexts: list[ContextAt]) -> Iterator[Trap]:
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
        pair = frozenset((one.scheme.action, other.scheme.action))
        shared = one.at is other.at or _same_memory(one.at, other.at)
        if pair in OPPOSITE and shared and _patterns_meet(one, other):
            yield Trap(
                other.where,
                "schemes-fight",
                f"{one.where} ({one.scheme.action}) and this {other.scheme.action} match the same "
                "regions and undo each other",
                "separate their nr_accesses or age ranges",
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
        _meet(mine.sz_bytes, theirs.sz_bytes)
        and _meet(mine.nr_accesses, theirs.nr_accesses)
        and _meet(mine.age, theirs.age)
    )


def _meet(left: Range, right: Range) -> bool:
    return left.min <= right.max and right.min <= left.max
