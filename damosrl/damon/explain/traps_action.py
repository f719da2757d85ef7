"""Traps of actions, destinations and filters (semantics 2.1, 2.2, 2.5 and 2.12)."""

from collections.abc import Iterator

from damosrl.damon.explain.parts import SchemeAt, Trap
from damosrl.damon.filters import FilterLayer, FilterType
from damosrl.damon.scheme import Action

MADVISE = (Action.WILLNEED, Action.COLD, Action.HUGEPAGE, Action.NOHUGEPAGE, Action.COLLAPSE)
LRU = (Action.LRU_PRIO, Action.LRU_DEPRIO)


def action_traps(at: SchemeAt) -> Iterator[Trap]:
    """Yield what may surprise about what a scheme does to memory."""
    yield from _support_traps(at)
    yield from _destination_traps(at)
    yield from _filter_traps(at)


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


def _filter_traps(at: SchemeAt) -> Iterator[Trap]:
    filters, where = at.scheme.filters, f"{at.where}.filters"
    core = [item for item in filters if item.layer is FilterLayer.CORE]
    ops = [item for item in filters if item.layer is FilterLayer.OPS]
    targets = at.at.context.targets
    for index, item in enumerate(filters):
        place = f"{where}[{index}]"
        if item.damon_target_idx is not None and item.damon_target_idx >= len(targets):
            yield Trap(
                place,
                "filter-target-missing",
                f"there is no target {item.damon_target_idx}: it matches nothing",
                f"give a number below {len(targets)}",
            )
        if item.address_range is not None and item.address_range.size == 0:
            yield Trap(place, "filter-empty-range", "an empty range matches nothing", "widen it")
    if ops and not at.at.physical and at.scheme.action in (*MADVISE, Action.PAGEOUT):
        yield Trap(
            where,
            "ops-filters-ignored",
            f"{at.scheme.action} of {at.at.context.ops} looks at no {ops[0].filter_type} filter",
            "use paddr, or filter by address or target",
        )
    last = ops[-1] if ops else core[-1] if core else None
    if last is not None and last.allow:
        yield Trap(
            where,
            "default-reject",
            "the last filter allows, so all memory that no filter names is left out",
            "end with a rejecting filter if the rest is to pass",
        )
    if ops and any(item.allow for item in core):
        yield Trap(
            where,
            "allow-skips-ops-filters",
            "where a core filter allows, the filters of pages are not asked",
            "reject the rest by core filters instead",
        )
    young = any(item.filter_type is FilterType.YOUNG for item in ops)
    if at.at.physical and at.scheme.action is Action.PAGEOUT and not young:
        yield Trap(
            where,
            "pageout-rejects-young",
            "the kernel appends a filter that leaves out pages accessed since the last look",
            "give a young filter of your own to choose otherwise",
        )
    if young and (at.migrates or at.scheme.action is Action.STAT):
        yield Trap(
            where,
            "young-filter-clears",
            "asking whether a page is young makes it old, for access checks as well",
            "use one scheme with a young filter per memory",
        )
