"""The kdamond's main loop over a range of contexts, in one compiled call (semantics 1.7)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.arithmetic import U, at_least_one, reached
from damosrl.emulator.fitting import begin_fitting, end_of_target, fit_regions, keep_regions
from damosrl.emulator.intervals import tune_intervals
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.legacy import begin_moving_sums, end_moving_sums
from damosrl.emulator.monitor import highest_count, merge_regions, reset_counts, split_regions
from damosrl.emulator.passing import pointer_to
from damosrl.emulator.probing import merge_probed, reset_hits
from damosrl.emulator.regions import apply_min_nr_regions, size_limit
from damosrl.emulator.requests import cancel_walk, serve_goals, serve_requests
from damosrl.emulator.sampling import sample_exact, sample_fast, stretched_us
from damosrl.emulator.schemes import apply_schemes
from damosrl.emulator.state import (
    AREAS,
    AT_PAUSE,
    AT_TOP,
    AT_WATERMARKS,
    ENDED,
    EXACT,
    PADDR,
    RUNNING,
    TOO_MUCH_WORK,
    VADDR,
    EngineState,
)
from damosrl.emulator.watermarks import shortest_wait_us
from damosrl.emulator.world import find_areas, on_aggregation, on_intervals, target_is_valid


@lean_kernel
def start_context(state: EngineState, c: int) -> None:
    """Set all schedules of a freshly loaded context and apply the size cap once."""
    context = state.contexts[c]
    sample_us = at_least_one(context.sample_us)
    context.aggr_samples = context.aggr_us // sample_us
    context.next_aggr = context.passed + context.aggr_us // sample_us
    context.next_ops = context.passed + context.ops_update_us // sample_us
    context.next_tune = context.next_aggr * context.goal_aggrs
    for s in range(context.nr_schemes):
        scheme = state.schemes[c, s]
        interval_us = scheme.apply_interval_us
        if interval_us == U(0):
            interval_us = context.aggr_us
        scheme.next_apply = context.passed + interval_us // sample_us
    context.sz_limit = first_size_cap(state, c)


@inner_kernel
def first_size_cap(state: EngineState, c: int) -> np.uint64:
    """Apply min_nr_regions at the start; kernel 6.12 leaves the given regions whole."""
    context = state.contexts[c]
    if context.legacy != 0:
        return size_limit(state.regions, context, c)
    return apply_min_nr_regions(state.regions, context, c)


@inner_kernel
def is_activated(world: Any, state: EngineState, c: int) -> bool:
    """Evaluate the watermarks; while they keep every scheme inactive, sleep without sampling.

    The shortest wait is kept over all rounds of one wait, as in the kernel (semantics 9).
    """
    context = state.contexts[c]
    wait_us = shortest_wait_us(world, state, c)
    if context.phase == AT_WATERMARKS:
        wait_us = min(wait_us, context.wmark_wait_us)
    if wait_us == U(0):
        context.phase = AT_TOP
        return True
    context.wmark_wait_us = wait_us
    context.phase = AT_WATERMARKS
    context.now_us += stretched_us(context, wait_us)
    return False


@inner_kernel
def merge_and_cap(state: EngineState, c: int) -> None:
    """End the counting of a window: merge like neighbours, then keep min_nr_regions."""
    context = state.contexts[c]
    if context.nr_probes > 0:
        merge_probed(state, c)
    else:
        threshold = highest_count(state.regions, c) // 10
        merge_regions(state.regions, context, c, threshold, context.sz_limit)
    if context.legacy == 0:
        context.sz_limit = apply_min_nr_regions(state.regions, context, c)


@inner_kernel
def end_aggregation(world: Any, state: EngineState, c: int, window_end: np.uint64) -> None:
    """Tune intervals if it is time, report the window, start a new one, split."""
    context = state.contexts[c]
    if context.goal_aggrs != U(0) and reached(context.passed, context.next_tune):
        context.next_aggr = window_end
        context.next_tune += context.aggr_samples * context.goal_aggrs
        if tune_intervals(state, c):
            on_intervals(world, state, c)
    context.next_aggr = window_end + context.aggr_us // at_least_one(context.sample_us)
    on_aggregation(world, state, c)
    reset_counts(state.regions, c)
    if state.contexts[c].nr_probes > 0:
        reset_hits(state.regions, c)
    split_regions(state, c)


@inner_kernel
def sample_and_merge(world: Any, state: EngineState, c: int, until_us: np.uint64) -> None:
    """Run the first half of an iteration: sleep, check accesses, end a full window's counting."""
    context = state.contexts[c]
    context.window_end = context.next_aggr
    context.ops_end = context.next_ops
    if context.legacy != 0:
        serve_goals(state, c)
        begin_moving_sums(state, c)
    passed = context.passed
    if context.monitor == EXACT:
        sample_exact(world, state, c)
    else:
        sample_fast(world, state, c, until_us)
    if context.legacy != 0:
        end_moving_sums(state, c, context.passed - passed)
    complete = reached(context.passed, context.window_end)
    if complete:
        merge_and_cap(state, c)
    if complete or context.legacy == 0:
        serve_requests(state, c)


@inner_kernel
def is_paused(state: EngineState, c: int) -> bool:
    """Sleep an interval in the middle of the iteration if a commit has paused the context."""
    context = state.contexts[c]
    if context.paused == 0:
        context.phase = AT_TOP
        return False
    cancel_walk(context)
    context.phase = AT_PAUSE
    context.now_us += stretched_us(context, context.sample_us)
    return True


@inner_kernel
def has_ended(world: Any, state: EngineState, c: int) -> bool:
    """End the kdamond, targets and all, if no process that it monitors exists any more."""
    context = state.contexts[c]
    if context.ops == PADDR:
        return False
    for target in range(context.nr_targets):
        if target_is_valid(world, state, c, target):
            return False
    cancel_walk(context)
    context.status = ENDED
    state.regions.nr_regions[c] = 0
    return True


@inner_kernel
def update_targets(world: Any, state: EngineState, c: int) -> None:
    """Fit every target's regions to what its process maps now (damon_va_update)."""
    context = state.contexts[c]
    read = begin_fitting(state.regions, c)
    write = int(np.int64(0))  # not a literal: those would compile every callee twice
    unit = U(context.min_region_sz)
    for target in range(context.nr_targets):
        last = end_of_target(state, c, read, target)
        if find_areas(world, state, c, target):
            areas = state.scratch
            write = fit_regions(state, c, write, read, last, target, areas, c, 0, AREAS, unit)
        else:
            write = keep_regions(state, c, write, read, last, target)
        read = last
    state.regions.nr_regions[c] = write


@inner_kernel
def update_operations(world: Any, state: EngineState, c: int) -> None:
    """Set the time of the next ops update; do this one where the operation set has any."""
    context = state.contexts[c]
    sample_us = at_least_one(context.sample_us)
    context.next_ops = context.ops_end + context.ops_update_us // sample_us
    if context.ops == VADDR:
        update_targets(world, state, c)
    if context.legacy != 0:
        context.sz_limit = size_limit(state.regions, context, c)


@inner_kernel
def schemes_and_reset(world: Any, state: EngineState, c: int) -> None:
    """Run the second half of an iteration: due schemes, then a full window's end."""
    context = state.contexts[c]
    if context.nr_schemes == 0:
        cancel_walk(context)
    else:
        apply_schemes(world, state, c)
    if reached(context.passed, context.window_end):
        end_aggregation(world, state, c, context.window_end)
    if reached(context.passed, context.ops_end):
        update_operations(world, state, c)


@inner_kernel
def step(world: Any, state: EngineState, c: int, until_us: np.uint64) -> None:
    """Go on from where the main loop stands up to the end of an iteration, or to a sleep in it."""
    context = state.contexts[c]
    if context.phase == AT_PAUSE:
        serve_requests(state, c)
        if has_ended(world, state, c):
            return
    else:
        if context.phase == AT_WATERMARKS:
            if context.legacy != 0:
                serve_goals(state, c)
            else:
                serve_requests(state, c)
            cancel_walk(context)
        if has_ended(world, state, c) or not is_activated(world, state, c):
            return
        sample_and_merge(world, state, c, until_us)
    if not is_paused(state, c):
        schemes_and_reset(world, state, c)


@inner_kernel
def work_budget(context: Any, until_us: np.uint64) -> np.uint64:
    """Return how many regions may be looked at up to a time: a second's worth at least."""
    left_us = until_us - context.now_us if until_us > context.now_us else U(0)
    seconds = at_least_one(left_us // U(1000000))
    if context.work_limit > ~U(0) // seconds:
        return ~U(0)
    return U(context.work_limit * seconds)


@lean_kernel
def run_until(
    state: EngineState, world: Any, first: int, last: int, until_us: NDArray[np.int64]
) -> int:
    """Run the contexts [first, last) until each has reached its time; releases the GIL.

    Whole iterations of the main loop are run (in fast mode all iterations up to the next event at
    once): a context may end up to one sampling or watermark interval late, and goes on from there
    in the next call.

    Args:
        state: The engine.
        world: A world that provides the functions of `damosrl.emulator.world`.
        first: First context.
        last: One past the last context.
        until_us: ``(C,)`` int64, absolute time of every context.

    Returns:
        Number of contexts that had to stop early (`damosrl.emulator.loading.check_status` raises
        the error that names the limit).
    """
    engine, around, stopped = pointer_to(state), pointer_to(world), 0
    for c in range(first, last):
        context = state.contexts[c]
        until = U(until_us[c])
        budget, work = work_budget(context, until), U(0)
        while context.now_us < until and context.status == RUNNING:
            step(around, engine, c, until)
            work += U(state.regions.nr_regions[c]) + context.pieces + U(1)
            context.pieces = U(0)
            if work > budget:
                context.status = TOO_MUCH_WORK
        if context.status == ENDED:
            context.now_us = max(context.now_us, until)
        else:
            stopped += context.status != RUNNING
    return stopped
