"""The pass that applies due schemes to regions (kernel 7.3 mm/damon/core.c; semantics 2.5, 2.9)."""

from typing import Any

import numpy as np

from damosrl.damon import Action
from damosrl.emulator.arithmetic import U, align_down, at_least_one, reached
from damosrl.emulator.filters import ALLOWED, REJECTED, core_filter
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.quota import adjust_quota, charged_bytes, is_full, is_set, matches
from damosrl.emulator.regions import is_last, move, region_moving_sum, size_limit, size_of, split_at
from damosrl.emulator.scores import region_score
from damosrl.emulator.state import NO_TARGET, PADDR, TOO_MANY_CUTS, EngineState, Regions, code_of
from damosrl.emulator.walks import complete_walk, is_walking, record_piece
from damosrl.emulator.world import apply_action, on_applied, target_is_valid

STAT = code_of(Action.STAT)


@inner_kernel
def is_due(context: Any, scheme: Any) -> bool:
    """Tell whether a scheme's apply interval has passed."""
    return reached(context.passed, scheme.next_apply)


@lean_kernel
def skip_charged(state: EngineState, c: int, s: int, r: int, free_from: int) -> tuple[bool, int]:
    """Skip what the last quota window has handled already, up to the charge cursor.

    Returns:
        Whether to skip the region, and its place, as it may have been cut.
    """
    context, scheme, regions = state.contexts[c], state.schemes[c, s], state.regions
    if scheme.cursor_target == NO_TARGET:
        return False, r
    if regions.target[c, r] != scheme.cursor_target:
        return True, r
    skip = False
    address = scheme.cursor_addr
    if regions.end[c, r] <= address:
        skip = True
    elif regions.start[c, r] < address:
        skip = True
        size = align_down(address - regions.start[c, r], context.min_region_sz)
        if size == U(0):
            size = context.min_region_sz
        if size < size_of(regions, c, r):
            r = split_at(regions, context, c, r, size, free_from)
    if is_last(regions, c, r):
        scheme.cursor_target = NO_TARGET
        scheme.cursor_addr = U(0)
    return skip, r


@inner_kernel
def count_result(scheme: Any, size: np.uint64, applied: np.uint64) -> None:
    """Add one handled region to the scheme's statistics."""
    scheme.nr_tried += U(1)
    scheme.sz_tried += size
    if applied != U(0):
        scheme.nr_applied += U(1)
        scheme.sz_applied += applied


@inner_kernel
def act(world: Any, state: EngineState, c: int, s: int, r: int) -> None:
    """Apply the action to a whole region; charge the quota, restart the age, count."""
    context, scheme, regions = state.contexts[c], state.schemes[c, s], state.regions
    target, start, end = regions.target[c, r], regions.start[c, r], regions.end[c, r]
    count = np.uint32(region_moving_sum(regions, context, c, r))
    on_applied(world, state, c, s, target, start, end, count, regions.age[c, r])
    passed_before = scheme.sz_ops_filter_passed
    applied = U(apply_action(world, state, c, s, target, start, end))
    if is_walking(context):
        record_piece(state, c, s, r, U(count), scheme.sz_ops_filter_passed - passed_before)
    scheme.charged_sz += charged_bytes(scheme, end - start, applied)
    if is_full(context, scheme):
        scheme.cursor_target = target
        scheme.cursor_addr = end
    if scheme.action != STAT:
        regions.age[c, r] = 0
    count_result(scheme, end - start, applied)


@inner_kernel
def apply_in_quota(world: Any, state: EngineState, c: int, s: int, r: int, free_from: int) -> int:
    """Cut a matching region to the rest of the quota and to the filters, and act on it.

    Returns:
        The place of the handled part.
    """
    context, scheme, regions = state.contexts[c], state.schemes[c, s], state.regions
    if is_set(scheme) and scheme.charged_sz + size_of(regions, c, r) > scheme.esz:
        size = align_down(scheme.esz - scheme.charged_sz, context.min_region_sz)
        if size == U(0):
            count_result(scheme, U(0), U(0))
            return r
        r = split_at(regions, context, c, r, size, free_from)
    verdict, r = core_filter(state, c, s, r, free_from)
    if verdict != REJECTED:
        scheme.core_filters_allowed = verdict == ALLOWED
        act(world, state, c, s, r)
    return r


@inner_kernel
def is_prior(state: EngineState, c: int, s: int, r: int) -> bool:
    """Tell whether a region's priority lets it take part in the quota, if there is one."""
    scheme = state.schemes[c, s]
    if not is_set(scheme) or scheme.min_score == U(0):
        return True
    score = region_score(state.regions, state.contexts[c], scheme, c, r)
    return bool(score >= scheme.min_score)


@inner_kernel
def apply_scheme(world: Any, state: EngineState, c: int, s: int, r: int, free_from: int) -> int:
    """Let one due scheme look at one region; return the region's place."""
    context, scheme, regions = state.contexts[c], state.schemes[c, s], state.regions
    if is_full(context, scheme):
        return r
    skip, r = skip_charged(state, c, s, r, free_from)
    if skip:
        return r
    if U(0) < scheme.max_nr_snapshots <= scheme.nr_snapshots:
        return r
    if matches(regions, context, scheme, c, r) and is_prior(state, c, s, r):
        r = apply_in_quota(world, state, c, s, r, free_from)
    if is_last(regions, c, r) and scheme.legacy == 0:
        scheme.nr_snapshots += U(1)
    return r


@inner_kernel
def joins(regions: Regions, c: int, left: int, r: int, limit: np.uint64) -> bool:
    """Tell whether a handled region is like its predecessor in all that is known of them."""
    return bool(
        regions.target[c, left] == regions.target[c, r]
        and regions.end[c, left] == regions.start[c, r]
        and regions.age[c, left] == regions.age[c, r]
        and regions.last_nr_accesses[c, left] == regions.last_nr_accesses[c, r]
        and regions.nr_accesses[c, left] == regions.nr_accesses[c, r]
        and size_of(regions, c, left) + size_of(regions, c, r) <= limit
    )


@inner_kernel
def enter_target(world: Any, state: EngineState, c: int, before: int, target: int) -> bool:
    """Pass on from one target to a later one; cursors to targets without a process are cleared.

    Returns:
        Whether the process of the later one exists.
    """
    context, valid = state.contexts[c], True
    for passed in range(before + 1, target + 1):
        valid = target_is_valid(world, state, c, passed)
        if not valid:
            for s in range(context.nr_schemes):
                scheme = state.schemes[c, s]
                if scheme.cursor_target == passed:
                    scheme.cursor_target = NO_TARGET
                    scheme.cursor_addr = U(0)
    return valid


@inner_kernel
def walk_regions(world: Any, state: EngineState, c: int) -> None:
    """Apply all due schemes to all regions, in order; what was cut needlessly is joined again.

    Handled regions are compacted to the front, so that cuts fill the gap and joins open it. Regions
    that filters reject may be cut for ever (semantics 9): past ``cut_limit`` the context stops.
    Targets whose process is gone are left alone.
    """
    context, regions = state.contexts[c], state.regions
    limit = size_limit(regions, context, c)
    pieces, most = U(0), U(regions.nr_regions[c]) + context.cut_limit
    virtual, target, valid = context.ops != PADDR, int(np.int64(-1)), True
    kept = r = int(np.int64(0))  # not a literal: those would compile every callee twice
    while r < regions.nr_regions[c]:
        if pieces == most:
            context.status = TOO_MANY_CUTS
            break
        pieces += U(1)
        if virtual and regions.target[c, r] != target:
            valid = enter_target(world, state, c, target, regions.target[c, r])
            target = regions.target[c, r]
        for s in range(context.nr_schemes if valid else 0):
            scheme = state.schemes[c, s]
            if scheme.activated != 0 and is_due(context, scheme):
                r = apply_scheme(world, state, c, s, r, kept)
        if kept > 0 and valid and context.legacy == 0 and joins(regions, c, kept - 1, r, limit):
            regions.end[c, kept - 1] = regions.end[c, r]
        else:
            if kept != r:
                move(regions, c, r, kept)
            kept += 1
        r += 1
    for left in range(r, regions.nr_regions[c]):
        move(regions, c, left, kept)
        kept += 1
    regions.nr_regions[c] = kept
    if virtual:
        enter_target(world, state, c, target, context.nr_targets - 1)
    context.pieces += pieces


@inner_kernel
def schedule_schemes(state: EngineState, c: int) -> None:
    """Set the next time of all schemes that were due, active or not."""
    context = state.contexts[c]
    sample_us = at_least_one(context.sample_us)
    for s in range(context.nr_schemes):
        scheme = state.schemes[c, s]
        if is_due(context, scheme):
            interval_us = scheme.apply_interval_us
            if interval_us == U(0):
                interval_us = context.aggr_us
            scheme.next_apply = context.passed + interval_us // sample_us
            scheme.last_applied = U(0)
            complete_walk(state, c, s)


@inner_kernel
def apply_schemes(world: Any, state: EngineState, c: int) -> None:
    """Run the schemes that are due; nothing at all happens if none of them is active."""
    context = state.contexts[c]
    any_active = False
    for s in range(context.nr_schemes):
        scheme = state.schemes[c, s]
        if scheme.activated != 0 and is_due(context, scheme):
            adjust_quota(world, state, c, s)
            any_active = True
    if any_active:
        walk_regions(world, state, c)
        schedule_schemes(state, c)
