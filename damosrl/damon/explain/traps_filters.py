"""Traps of filters: order, defaults, layers, and what young means (semantics 2.1, 2.12, 3.4)."""

from collections.abc import Iterator

from damosrl.damon.context import Ops
from damosrl.damon.explain.parts import SchemeAt, Trap
from damosrl.damon.filters import ARGUMENT_OF, Filter, FilterLayer, FilterType
from damosrl.damon.scheme import Action

ADVICE = (
    Action.WILLNEED,
    Action.COLD,
    Action.PAGEOUT,
    Action.HUGEPAGE,
    Action.NOHUGEPAGE,
    Action.COLLAPSE,
)
"""Actions that vaddr hands to madvise as a whole region."""


def filter_traps(at: SchemeAt) -> Iterator[Trap]:
    """Yield what may surprise about what a scheme leaves out."""
    for index, item in enumerate(at.scheme.filters):
        yield from _single_traps(at, item, f"{at.where}.filters[{index}]")
    yield from _layer_traps(at)
    for layer in FilterLayer:
        yield from _order_traps(at, layer)
    yield from _young_traps(at)


def young_verdict(at: SchemeAt) -> bool | None:
    """Return what the first young filter makes of young pages: pass (True), left out, or None."""
    for item in at.ops_filters:
        if item.filter_type is FilterType.YOUNG:
            return item.allow == item.matching
    return None


def _single_traps(at: SchemeAt, item: Filter, place: str) -> Iterator[Trap]:
    context = at.at.context
    if item.damon_target_idx is not None and item.damon_target_idx >= len(context.targets):
        yield Trap(
            place,
            "filter-target-missing",
            f"there is no target {item.damon_target_idx}: no memory is of that kind",
            f"give a number below {len(context.targets)}",
        )
    if item.address_range is not None:
        size = context.min_region_sz
        start, end = (bound // size * size for bound in _bounds(item))
        pinned = [region for target in context.targets for region in target.regions]
        if start >= end:
            yield Trap(
                place,
                "filter-empty-range",
                f"both ends are rounded down to {size}: the range is empty, no memory is in it",
                "widen it to whole pages",
            )
        elif (
            context.ops is not Ops.VADDR
            and pinned
            and not any(start < region.end and region.start < end for region in pinned)
        ):
            yield Trap(
                place,
                "filter-outside-regions",
                "no monitored region lies in the range",
                "give addresses of the targets' regions (in units of addr_unit)",
            )
    if item.memcg_path is not None:
        yield Trap(
            place,
            "memcg-is-exact",
            f"only pages charged to {item.memcg_path} itself are of it, those of groups below "
            "are not",
            "give one filter per group",
        )
        if not item.memcg_path.startswith("/"):
            yield Trap(
                place,
                "memcg-path-relative",
                "paths are compared from the hierarchy's root: no such group, and on fails",
                f"give /{item.memcg_path}",
            )


def _bounds(item: Filter) -> tuple[int, int]:
    span = item.address_range
    return (span.start, span.end) if span is not None else (0, 0)


def _layer_traps(at: SchemeAt) -> Iterator[Trap]:
    core, ops, where = at.core_filters, at.ops_filters, f"{at.where}.filters"
    if ops and not at.at.physical and at.scheme.action in ADVICE:
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
            "where a core filter allows, the filters of pages are not asked; where none fires, "
            "beside filters of pages, the region passes",
            "reject the rest by core filters instead",
        )


def _order_traps(at: SchemeAt, layer: FilterLayer) -> Iterator[Trap]:
    """Find filters that can never decide, and an allow whose reject leaves the rest in."""
    items = [item for item in at.scheme.filters if item.layer is layer]
    place = 0
    for index, item in enumerate(at.scheme.filters):
        if item.layer is not layer:
            continue
        before = items[:place]
        place += 1
        same = any(_kind(one) == _kind(item) and one.matching == item.matching for one in before)
        if same or _all_decided(before):
            yield Trap(
                f"{at.where}.filters[{index}]",
                "filter-unreachable",
                "filters before it have decided about all memory that it could fire on",
                "remove it, or move it up",
            )
    if items and not items[-1].allow and any(item.allow for item in items):
        yield Trap(
            f"{at.where}.filters",
            "default-allow",
            f"the last {layer} filter rejects, so what no filter names passes",
            "end with an allowing filter if only the named memory is to pass",
        )


def _kind(item: Filter) -> tuple[FilterType, object]:
    argument = ARGUMENT_OF.get(item.filter_type)
    return item.filter_type, None if argument is None else getattr(item, argument)


def _all_decided(items: list[Filter]) -> bool:
    """Tell whether memory of a kind and all other memory have been decided about."""
    kinds = [(_kind(item), item.matching) for item in items]
    return any((kind, not matching) in kinds for kind, matching in kinds)


def _young_traps(at: SchemeAt) -> Iterator[Trap]:
    verdict, where, action = young_verdict(at), f"{at.where}.filters", at.scheme.action
    if verdict is None and at.at.physical:
        if action is Action.PAGEOUT:
            yield Trap(
                where,
                "pageout-rejects-young",
                "the kernel appends a filter that leaves out pages accessed since the last look",
                "give a young filter of your own to choose otherwise",
            )
        elif at.migrates:
            yield Trap(
                where,
                "migrates-unchecked-pages",
                "a region's count is an estimate, and all of its pages are moved, whether "
                "accessed or not",
                "let migrate_hot allow young pages, and migrate_cold reject them, as mtier does",
            )
    if verdict is not None and (at.migrates or action is Action.STAT):
        yield Trap(
            where,
            "young-filter-clears",
            "asking whether a page is young makes it old, for access checks as well",
            "use one scheme with a young filter per memory",
        )
    wrong = {Action.MIGRATE_HOT: False, Action.MIGRATE_COLD: True, Action.PAGEOUT: True}
    if verdict is not None and wrong.get(action) is verdict:
        passes = "young" if verdict else "not young"
        yield Trap(
            where,
            "young-filter-contradicts",
            f"{action} gets only pages that are {passes}",
            f"{'reject' if verdict else 'allow'} young pages",
        )
