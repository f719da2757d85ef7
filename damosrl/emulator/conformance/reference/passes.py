"""The pass that applies due schemes to all regions (semantics 2.5, 2.7, 2.9)."""

from damosrl.emulator.conformance.reference.context import Context, value_at
from damosrl.emulator.conformance.reference.filters import core_verdict
from damosrl.emulator.conformance.reference.integers import align_down, reached, u64
from damosrl.emulator.conformance.reference.priority import (
    fill_histogram,
    lowest_score,
    matches,
    region_score,
)
from damosrl.emulator.conformance.reference.quota import set_effective_quota
from damosrl.emulator.conformance.reference.regions import split_at
from damosrl.emulator.conformance.reference.scheme import Scheme


def apply_schemes(context: Context) -> None:
    """Apply all due and active schemes; nothing happens if there is none (2.5)."""
    due = [
        (number, scheme)
        for number, scheme in enumerate(context.schemes)
        if reached(context.passed, scheme.next_apply)
    ]
    active = [(number, scheme) for number, scheme in due if scheme.activated]
    if not active:
        return
    for number, scheme in active:
        adjust_quota(context, number, scheme)
    limit = context.size_limit()
    for target, regions in enumerate(context.targets):
        index = 0
        while index < len(regions):
            for number, scheme in active:
                visit(context, number, scheme, target, index)
            if not rejoin(context, target, index, limit):
                index += 1
    for _, scheme in due:
        context.schedule(scheme)


def rejoin(context: Context, target: int, index: int, limit: int) -> bool:
    """Join a region to its predecessor if nothing tells them apart."""
    if index == 0:
        return False
    regions = context.targets[target]
    left, region = regions[index - 1], regions[index]
    if (
        left.end != region.start
        or left.age != region.age
        or left.last_nr_accesses != region.last_nr_accesses
        or left.nr_accesses != region.nr_accesses
        or left.size + region.size > limit
    ):
        return False
    left.end = region.end
    del regions[index]
    context.trace.rules.add("regions joined again")
    return True


def adjust_quota(context: Context, number: int, scheme: Scheme) -> None:
    """Open a quota window when it is time, and set the minimum score (2.7)."""
    quota, now = scheme.quota, context.ticks()
    if not quota.is_set():
        return
    if quota.total_charged_sz == 0 and quota.charged_from == 0:
        quota.charged_from = now
        _set_esz(context, scheme)
        context.trace.esz.append([context.now_us, number, quota.esz])
    if now >= quota.charged_from + quota.window_ticks():
        context.trace.rules.add("new quota window")
        if quota.is_full(context.min_region_sz):
            scheme.statistics["qt_exceeds"] += 1
            context.trace.rules.add("quota exceeded")
        quota.total_charged_sz = u64(quota.total_charged_sz + quota.charged)
        quota.charged = 0
        quota.charged_from = now
        before = quota.esz
        _set_esz(context, scheme)
        if quota.esz != before:
            context.trace.esz.append([context.now_us, number, quota.esz])
    quota.min_score = lowest_score(fill_histogram(context, scheme), quota.esz)
    if quota.min_score > 0:
        context.trace.rules.add("minimum score above 0")


def _set_esz(context: Context, scheme: Scheme) -> None:
    current = [value_at(series, context.now_us) for series in scheme.goal_series]
    set_effective_quota(scheme.quota, current, context.min_region_sz)


def visit(context: Context, number: int, scheme: Scheme, target: int, index: int) -> None:
    """Let one scheme look at one region (2.5)."""
    quota, regions = scheme.quota, context.targets[target]
    if quota.is_full(context.min_region_sz):
        return
    if skip_charged(context, scheme, target, index):
        context.trace.rules.add("charge cursor skips")
        return
    done = scheme.statistics["nr_snapshots"]
    if scheme.max_nr_snapshots != 0 and scheme.max_nr_snapshots <= done:
        context.trace.rules.add("max_nr_snapshots reached")
        return
    region = regions[index]
    if matches(context, scheme, region):
        if not quota.is_set() or region_score(context, scheme, region) >= quota.min_score:
            handle(context, number, scheme, target, index)
        else:
            context.trace.rules.add("score too low")
    if index == len(regions) - 1:
        scheme.statistics["nr_snapshots"] += 1


def skip_charged(context: Context, scheme: Scheme, target: int, index: int) -> bool:
    """Skip what the last window has handled, up to the cursor (2.9)."""
    quota, regions = scheme.quota, context.targets[target]
    if quota.cursor_target is None:
        return False
    if quota.cursor_target != target:
        return True
    region = regions[index]
    skip = region.start < quota.cursor_addr
    if skip and region.end > quota.cursor_addr:
        size = align_down(quota.cursor_addr - region.start, context.min_region_sz)
        size = size or context.min_region_sz
        if size < region.size:
            split_at(regions, index, size)
            context.trace.rules.add("charge cursor cuts")
    if index == len(regions) - 1:
        quota.cursor_target = None
        quota.cursor_addr = 0
    return skip


def handle(context: Context, number: int, scheme: Scheme, target: int, index: int) -> None:
    """Cut a region to the quota, filter it, apply the action, charge, count (2.5)."""
    quota, regions, statistics = scheme.quota, context.targets[target], scheme.statistics
    region = regions[index]
    if quota.is_set() and u64(quota.charged + region.size) > quota.esz:
        size = align_down(quota.esz - quota.charged, context.min_region_sz)
        if size == 0:
            statistics["nr_tried"] += 1
            return
        split_at(regions, index, size)
        context.trace.rules.add("quota cuts")
    before = len(regions)
    excluded, _ = core_verdict(
        scheme.filters, context.targets, target, index, context.min_region_sz
    )
    if len(regions) != before:
        context.trace.rules.add("filter cuts in the walk")
    if excluded:
        context.trace.rules.add("filter excludes")
        return
    size, count = region.size, context.count_of(region)
    context.trace.applied.append(
        [context.now_us, number, target, region.start, region.end, count, region.age]
    )
    applied = size * scheme.applied_percent // 100
    quota.charged = u64(quota.charged + quota.cost(size, applied))
    if quota.is_full(context.min_region_sz):
        quota.cursor_target, quota.cursor_addr = target, region.end
    if scheme.action != "stat":
        region.age = 0
    statistics["nr_tried"] += 1
    statistics["sz_tried"] += size
    if applied:
        statistics["nr_applied"] += 1
        statistics["sz_applied"] += applied
