"""Filters of a scheme: what is excluded, and the cuts of address filters (semantics 2.12)."""

from collections.abc import Sequence

from damosrl.emulator.conformance.reference.integers import align_down
from damosrl.emulator.conformance.reference.regions import Targets, split_at
from damosrl.emulator.conformance.reference.scheme import Filter

CORE_TYPES = ("addr", "target")


def default_rejects(filters: Sequence[Filter]) -> tuple[bool, bool]:
    """Tell whether core layer and operations layer reject what no filter fires on."""
    core = [condition for condition in filters if condition.type in CORE_TYPES]
    ops = [condition for condition in filters if condition.type not in CORE_TYPES]
    return bool(core) and core[-1].allow and not ops, bool(ops) and ops[-1].allow


def core_verdict(
    filters: Sequence[Filter], targets: Targets, target: int, index: int, min_region_sz: int
) -> tuple[bool, bool]:
    """Run the core filters on a region, which may be cut.

    Returns:
        Whether the region is excluded, and whether a filter has allowed it.
    """
    for condition in filters:
        if condition.type not in CORE_TYPES:
            continue
        if condition.type == "target":
            is_type = condition.target_idx == target
        else:
            is_type = _in_range(condition, targets, target, index, min_region_sz)
        if is_type == condition.matching:
            return not condition.allow, condition.allow
    return default_rejects(filters)[0], False


def _in_range(
    condition: Filter, targets: Targets, target: int, index: int, min_region_sz: int
) -> bool:
    """Tell whether a region, or the part of it that is left after a cut, lies in the range."""
    region = targets[target][index]
    start = align_down(condition.start, min_region_sz)
    end = align_down(condition.end, min_region_sz)
    if start <= region.start and region.end <= end:
        return True
    if region.end <= start or end <= region.start:
        return False
    if region.start < start:
        split_at(targets[target], index, start - region.start)
        return False
    split_at(targets[target], index, end - region.start)
    return True
