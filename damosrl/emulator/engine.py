"""The kdamond's main loop over a range of contexts, in one compiled call (semantics 1.7)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.arithmetic import U, at_least_one, reached
from damosrl.emulator.intervals import tune_intervals
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.monitor import highest_count, merge_regions, reset_counts, split_regions
from damosrl.emulator.regions import apply_min_nr_regions
from damosrl.emulator.sampling import sample_exact, sample_fast, stretched_us
from damosrl.emulator.schemes import apply_schemes
from damosrl.emulator.state import EXACT, RUNNING, EngineState
from damosrl.emulator.watermarks import shortest_wait_us
from damosrl.emulator.world import on_aggregation, on_intervals


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
    context.sz_limit = apply_min_nr_regions(state.regions, context, c)


@inner_kernel
def wait_activation(world: Any, state: EngineState, c: int, until_us: np.uint64) -> None:
    """Sleep, without sampling, while the watermarks keep every scheme inactive."""
    context = state.contexts[c]
    wait_us = shortest_wait_us(world, state, c)
    while wait_us != U(0) and context.now_us < until_us:
        context.now_us += stretched_us(context, wait_us)
        if context.now_us < until_us:
            wait_us = shortest_wait_us(world, state, c)


@inner_kernel
def merge_and_cap(state: EngineState, c: int) -> None:
    """End the counting of a window: merge like neighbours, then keep min_nr_regions."""
    context = state.contexts[c]
    threshold = highest_count(state.regions, c) // 10
    merge_regions(state.regions, context, c, threshold, context.sz_limit)
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
    split_regions(state, c)


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
    stopped = 0
    for c in range(first, last):
        context = state.contexts[c]
        until = U(until_us[c])
        while context.now_us < until and context.status == RUNNING:
            if context.paused != 0:
                context.now_us += stretched_us(context, context.sample_us)
                continue
            wait_activation(world, state, c, until)
            if context.now_us >= until:
                break
            window_end = context.next_aggr
            if context.monitor == EXACT:
                sample_exact(world, state, c)
            else:
                sample_fast(world, state, c, until)
            if reached(context.passed, window_end):
                merge_and_cap(state, c)
            apply_schemes(world, state, c)
            if reached(context.passed, window_end):
                end_aggregation(world, state, c, window_end)
        stopped += context.status != RUNNING
    return stopped
