"""How accesses are sampled: one address per region and sample, or one draw for many samples.

Exact mode is the kernel's (mm/damon/core.c, semantics 1.6). In fast mode the count of k samples
of a region is drawn at once: a sample's address is uniform in the region and samples do not
influence each other, so the count is Binomial(k, p) with p the mean probability over the region.
"""

from typing import Any

import numpy as np

from damosrl.emulator.arithmetic import U, at_least_one
from damosrl.emulator.counting import draw_counts
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.probing import probe_exact, probe_fast
from damosrl.emulator.rng import rand, stream
from damosrl.emulator.state import VADDR, EngineState
from damosrl.emulator.world import check_accesses, fill_hit_probability

LONGEST_US = U(1 << 61)
"""Longest sleep, 73,000 years: two of them do not wrap the clock around."""


@inner_kernel
def stretched_us(context: Any, interval_us: np.uint64) -> np.uint64:
    """Return how long a sleep really takes: from 1 us, so that time passes, to `LONGEST_US`."""
    interval_us = min(interval_us, LONGEST_US)
    if context.overshoot == 1.0:
        return at_least_one(interval_us)
    return at_least_one(U(interval_us * context.overshoot + 0.5))


@inner_kernel
def sample_exact(world: Any, state: EngineState, c: int) -> None:
    """Sleep one sampling interval and check one random address of every region.

    The kernel draws all addresses before the sleep and checks them after it. Drawing them after it
    is the same: nothing else draws in between.
    """
    context, regions = state.contexts[c], state.regions
    context.now_us += stretched_us(context, context.sample_us)
    context.passed += U(1)
    if context.nr_probes > 0:
        probe_exact(world, state, c)
        return
    for r in range(regions.nr_regions[c]):
        state.scratch[c, 0, r] = rand(context, regions.start[c, r], regions.end[c, r])
    check_accesses(world, state, c)


@inner_kernel
def samples_to_event(state: EngineState, c: int, until_us: np.uint64) -> np.uint64:
    """Return the samples up to the next aggregation, due scheme, ops update, or end of time.

    A request is served, and a pause begins, after the next sample.
    """
    context = state.contexts[c]
    if context.request != 0 or context.paused != 0:
        return U(1)
    event = context.next_aggr
    if context.ops == VADDR:
        event = min(event, context.next_ops)
    for s in range(context.nr_schemes):
        scheme = state.schemes[c, s]
        if scheme.activated != 0:
            event = min(event, scheme.next_apply)
    sample_us = stretched_us(context, context.sample_us)
    to_end = (until_us - context.now_us + sample_us - U(1)) // sample_us
    to_event = event - context.passed if event > context.passed else U(1)
    return min(to_event, to_end)


@inner_kernel
def sample_fast(world: Any, state: EngineState, c: int, until_us: np.uint64) -> None:
    """Let all samples up to the next event pass at once."""
    context = state.contexts[c]
    samples = samples_to_event(state, c, until_us)
    if context.nr_probes > 0:
        probe_fast(world, state, c, np.int64(samples))
    else:
        fill_hit_probability(world, state, c)
        draw_counts(state, c, np.int64(samples), stream(context))
    context.now_us += samples * stretched_us(context, context.sample_us)
    context.passed += samples
