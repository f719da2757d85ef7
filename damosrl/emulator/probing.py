"""Probes in the monitor: counting, scores, ageing and merging (semantics 1.8, 1.12; kernel 7.3).

Contexts with probes take their own way through sampling and merging, so that others pay nothing.
A probe looks at the very page that is checked for accesses. If any probe has a weight, accesses are
not checked at all, and the weighted sum of a region's hits stands for its access count.
"""

from typing import Any

import numpy as np

from damosrl.emulator.arithmetic import MASK_32, U
from damosrl.emulator.chance import draw_binomial
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.monitor import weighted_mean, wider_threshold
from damosrl.emulator.probe_state import IN_FORCE, MAX_PROBES, OUTCOMES
from damosrl.emulator.regions import Index, move, moving_sum, size_of
from damosrl.emulator.rng import rand
from damosrl.emulator.state import EngineState, Regions
from damosrl.emulator.world import check_accesses, fill_probe_outcomes, probe_outcome

HALF = U(8 * MAX_PROBES)
"""Bits of all counters of a window."""
BYTE = U(255)


@inner_kernel
def hits_of(regions: Regions, c: int, r: Index, i: int) -> np.uint64:
    """Return a counter: hits of probe i, or from `MAX_PROBES` on those of the window before."""
    return (regions.hits[c, r] >> U(8 * i)) & BYTE


@inner_kernel
def set_hits(regions: Regions, c: int, r: Index, i: int, hits: np.uint64) -> None:
    """Write a counter; what does not fit into 8 bits is cut off."""
    shift = U(8 * i)
    regions.hits[c, r] = (regions.hits[c, r] & ~(BYTE << shift)) | ((hits & BYTE) << shift)


@inner_kernel
def outcome_of(state: EngineState, c: int, has_folio: bool, anon: bool, memcg: int) -> int:
    """Return which probes a page passes: bit i is set if it passes probe i.

    The first filter that fires decides; the default is the opposite of what the last one does. A
    page without a folio (free, or a hole) is of no type.

    Args:
        state: The engine.
        c: Context.
        has_folio: Whether there is a page on an LRU list.
        anon: Whether it is anonymous.
        memcg: Its control group.
    """
    probes, outcome = state.probes, 0
    for i in range(state.contexts[c].nr_probes):
        passes = True
        for f in range(probes[c, IN_FORCE, i, 0].nr_filters):
            condition = probes[c, IN_FORCE, i, f]
            matched = has_folio and (
                anon if condition.anon != 0 else bool(memcg == condition.memcg)
            )
            passes = condition.allow == 0
            if matched == (condition.matching != 0):
                passes = condition.allow != 0
                break
        outcome |= int(passes) << i
    return outcome


@inner_kernel
def count_outcome(state: EngineState, c: int, r: Index, outcome: int, samples: np.int64) -> None:
    """Count some samples of one outcome for the probes that they pass; counters have 8 bits."""
    for i in range(state.contexts[c].nr_probes):
        if (outcome >> i) & 1:
            hits = hits_of(state.regions, c, r, i) + U(samples)
            set_hits(state.regions, c, r, i, hits)


@inner_kernel
def probe_exact(world: Any, state: EngineState, c: int) -> None:
    """Check one random address of every region, for accesses and for what the probes ask."""
    context, regions = state.contexts[c], state.regions
    for r in range(regions.nr_regions[c]):
        state.scratch[c, 0, r] = rand(context, regions.start[c, r], regions.end[c, r])
    if context.weighted == 0:
        check_accesses(world, state, c)
    for r in range(regions.nr_regions[c]):
        address, target = state.scratch[c, 0, r], regions.target[c, r]
        count_outcome(state, c, r, probe_outcome(world, state, c, target, address), np.int64(1))


@inner_kernel
def probe_fast(world: Any, state: EngineState, c: int, samples: np.int64) -> None:
    """Draw what some samples of every region meet at once.

    The outcomes of independent samples are multinomial: each is binomial in what is left by those
    before it; and of the samples of one outcome a binomial number is accessed.
    """
    context, regions, outcomes = state.contexts[c], state.regions, state.outcomes
    for r in range(regions.nr_regions[c]):
        fill_probe_outcomes(world, state, c, r)
        left, rest, count = samples, 1.0, np.int64(0)
        for outcome in range(OUTCOMES):
            share = outcomes[c, 0, outcome]
            if share <= 0.0 or left == 0:
                continue
            certain = share >= rest * (1.0 - 1e-12)
            number = left if certain else draw_binomial(context, left, share / rest)
            left -= number
            rest -= share
            count_outcome(state, c, r, outcome, number)
            if context.weighted == 0:
                count += draw_binomial(context, number, outcomes[c, 1, outcome] / share)
        regions.nr_accesses[c, r] += np.uint32(count)


@inner_kernel
def score_of(state: EngineState, c: int, r: Index, last: bool) -> np.int64:
    """Return what stands for a region's accesses in this window, or in the last one."""
    regions = state.regions
    if state.contexts[c].weighted == 0:
        return np.int64(regions.last_nr_accesses[c, r] if last else regions.nr_accesses[c, r])
    score = U(0)
    for i in range(state.contexts[c].nr_probes):
        hits = hits_of(regions, c, r, MAX_PROBES + i if last else i)
        score += hits * state.probes[c, IN_FORCE, i, 0].weight
    return np.int64(score & MASK_32)


@inner_kernel
def highest_score(state: EngineState, c: int) -> np.int64:
    """Return the largest score of all regions."""
    highest = np.int64(0)
    for r in range(state.regions.nr_regions[c]):
        highest = max(highest, score_of(state, c, r, False))
    return highest


@inner_kernel
def age_probed(state: EngineState, c: int, threshold: np.int64) -> None:
    """Age regions by one aggregation; where the score has changed, the age starts anew."""
    for r in range(state.regions.nr_regions[c]):
        now, last = score_of(state, c, r, False), score_of(state, c, r, True)
        kept = abs(now - last) <= threshold and (now == 0) == (last == 0)
        age = state.regions.age[c, r]
        state.regions.age[c, r] = age + np.uint32(1) if kept else np.uint32(0)


@inner_kernel
def join_probed(state: EngineState, c: int, left: Index, r: Index) -> None:
    """Join a region to its left neighbour: means weighted by size, the left one's last counts."""
    regions = state.regions
    size, right_size = size_of(regions, c, left), size_of(regions, c, r)
    count = weighted_mean(
        U(regions.nr_accesses[c, left]), size, U(regions.nr_accesses[c, r]), right_size
    )
    age = weighted_mean(U(regions.age[c, left]), size, U(regions.age[c, r]), right_size)
    regions.nr_accesses[c, left] = np.uint32(count & MASK_32)
    regions.age[c, left] = np.uint32(age & MASK_32)
    for i in range(state.contexts[c].nr_probes):
        hits, right_hits = hits_of(regions, c, left, i), hits_of(regions, c, r, i)
        set_hits(regions, c, left, i, weighted_mean(hits, size, right_hits, right_size))
    regions.end[c, left] = regions.end[c, r]


@inner_kernel
def merge_probed_once(state: EngineState, c: int, threshold: np.int64, cap: np.uint64) -> None:
    """Walk left to right, joining neighbours of like scores up to the size cap."""
    regions, kept = state.regions, 0
    for r in range(1, regions.nr_regions[c]):
        near = abs(score_of(state, c, kept, False) - score_of(state, c, r, False)) <= threshold
        if (
            near
            and regions.target[c, kept] == regions.target[c, r]
            and regions.end[c, kept] == regions.start[c, r]
            and regions.end[c, r] - regions.start[c, kept] <= cap
        ):
            join_probed(state, c, kept, r)
        else:
            kept += 1
            if kept != r:
                move(regions, c, r, kept)
    regions.nr_regions[c] = min(kept + 1, regions.nr_regions[c])


@inner_kernel
def merge_probed(state: EngineState, c: int) -> None:
    """Age and merge regions with probes; with too many, merge again under growing thresholds."""
    context = state.contexts[c]
    threshold = highest_score(state, c) // 10
    age_probed(state, c, threshold)
    merge_probed_once(state, c, threshold, context.sz_limit)
    samples = np.int64(context.aggr_samples)
    while U(state.regions.nr_regions[c]) > context.max_nr_regions and threshold < samples:
        threshold = wider_threshold(threshold, samples)
        merge_probed_once(state, c, threshold, context.sz_limit)


@inner_kernel
def reset_hits(regions: Regions, c: int) -> None:
    """Start a new aggregation window for the probes."""
    for r in range(regions.nr_regions[c]):
        regions.hits[c, r] <<= HALF


@inner_kernel
def packed_hits(state: EngineState, c: int, r: Index) -> np.uint64:
    """Return the moving sums of a region's hits, 8 bits each, probe 0 lowest."""
    regions, packed = state.regions, U(0)
    for i in range(state.contexts[c].nr_probes):
        now = np.uint32(hits_of(regions, c, r, i))
        last = np.uint32(hits_of(regions, c, r, MAX_PROBES + i))
        packed |= (moving_sum(state.contexts[c], now, last) & BYTE) << U(8 * i)
    return packed
