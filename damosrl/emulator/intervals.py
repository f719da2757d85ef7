"""Interval auto-tuning, and what new intervals do to a running context (semantics 1.11)."""

import numpy as np

from damosrl.emulator.arithmetic import BASIS, MASK_32, U, at_least_one, mult_frac, reached
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.quota import feed_loop_next_input
from damosrl.emulator.regions import size_of
from damosrl.emulator.state import EngineState


@inner_kernel
def convert_count(count: np.uint64, samples_before: np.uint64, samples: np.uint64) -> np.uint64:
    """Rescale an access count to another number of samples, in 32 bit with two floors."""
    remainder = (count % samples_before * BASIS) & MASK_32
    count_bp = (count // samples_before * BASIS + remainder // samples_before) & MASK_32
    return ((count_bp * samples) & MASK_32) // BASIS


@inner_kernel
def convert_legacy_region(
    state: EngineState, c: int, r: int, before: np.uint64, after: np.uint64, complete: bool
) -> None:
    """Rescale the one count that kernels up to 7.2 do, and start the moving sum from it."""
    regions = state.regions
    if complete:
        count = convert_count(U(regions.nr_accesses[c, r]), before, after)
        regions.nr_accesses[c, r] = np.uint32(count)
    else:
        count = convert_count(U(regions.last_nr_accesses[c, r]), before, after)
        regions.last_nr_accesses[c, r] = np.uint32(count)
        regions.nr_accesses[c, r] = 0
    regions.nr_accesses_bp[c, r] = np.uint32(count * BASIS)


@inner_kernel
def convert_regions(state: EngineState, c: int, sample_us: np.uint64, aggr_us: np.uint64) -> None:
    """Rescale counts and ages from the intervals in force to new ones."""
    context, regions = state.contexts[c], state.regions
    before = at_least_one(context.aggr_us // context.sample_us)
    after = aggr_us // sample_us
    complete = reached(context.passed, context.next_aggr)
    for r in range(regions.nr_regions[c]):
        if context.legacy != 0:
            convert_legacy_region(state, c, r, before, after, complete)
        else:
            regions.last_nr_accesses[c, r] = convert_count(
                U(regions.last_nr_accesses[c, r]), before, after
            )
            regions.nr_accesses[c, r] = (
                convert_count(U(regions.nr_accesses[c, r]), before, after) if complete else U(0)
            )
        regions.age[c, r] = U(regions.age[c, r]) * context.aggr_us // aggr_us


@lean_kernel
def set_intervals(
    state: EngineState, c: int, sample_us: np.uint64, aggr_us: np.uint64, ops_update_us: np.uint64
) -> None:
    """Put new intervals into force: convert all regions and restart every schedule."""
    context = state.contexts[c]
    if (
        context.sample_us != U(0)
        and context.aggr_us != U(0)
        and sample_us != U(0)
        and aggr_us != U(0)
    ):
        convert_regions(state, c, sample_us, aggr_us)
    context.sample_us, context.aggr_us, context.ops_update_us = sample_us, aggr_us, ops_update_us
    sample = at_least_one(sample_us)
    context.aggr_samples = aggr_us // sample
    context.next_aggr = context.passed + aggr_us // sample
    context.next_ops = context.passed + ops_update_us // sample
    for s in range(context.nr_schemes):
        scheme = state.schemes[c, s]
        interval = scheme.apply_interval_us if scheme.apply_interval_us != U(0) else aggr_us
        scheme.next_apply = context.passed + interval // sample


@lean_kernel
def intervals_score(state: EngineState, c: int) -> np.uint64:
    """Return observed accesses against the goal's share of the possible ones, in basis points."""
    context, regions = state.contexts[c], state.regions
    possible, seen = U(0), U(0)
    for r in range(regions.nr_regions[c]):
        size = size_of(regions, c, r)
        possible += size * context.aggr_samples
        seen += size * U(regions.nr_accesses[c, r])
    wanted = possible * context.goal_access_bp // BASIS
    return mult_frac(seen, BASIS, at_least_one(wanted))


@lean_kernel
def intervals_adaptation_bp(score: np.uint64) -> np.uint64:
    """Return the factor for both intervals in basis points: slower shrinking than growing."""
    adaptation_bp = feed_loop_next_input(U(100000000), score) // BASIS
    if adaptation_bp <= BASIS:
        return U(5000) + adaptation_bp // U(2)
    return adaptation_bp


@lean_kernel
def tune_intervals(state: EngineState, c: int) -> bool:
    """Tune the intervals towards the goal; tell whether they were set (also to the same value)."""
    context = state.contexts[c]
    adaptation_bp = intervals_adaptation_bp(intervals_score(state, c))
    if adaptation_bp == BASIS:
        return False
    sample_us = min(context.goal_max_sample_us, context.sample_us * adaptation_bp // BASIS)
    sample_us = max(context.goal_min_sample_us, sample_us)
    aggr_us = sample_us * context.aggr_samples
    set_intervals(state, c, sample_us, aggr_us, context.ops_update_us)
    return True
