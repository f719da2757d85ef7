"""What happens to regions at the end of an aggregation: age, merge, reset, split.

Kernel 7.3, mm/damon/core.c; section numbers are those of its description in the semantics notes:
merge 1.8, split 1.9.
"""

from typing import Any

import numpy as np

from damosrl.emulator.arithmetic import BASIS, MASK_32, U, align_down, at_least_one
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.regions import Index, place, size_of
from damosrl.emulator.rng import lcg, short_span
from damosrl.emulator.state import REGIONS_FULL, EngineState, Regions

UNIT = U(1)
SMALL_VALUE, SMALL_SIZE = U(1 << 16), U(1 << 48)
"""Below these a value times a size stays below 2^64."""


@inner_kernel
def highest_count(regions: Regions, c: int) -> np.int64:
    """Return the largest access count of all regions."""
    highest = np.int64(0)
    for r in range(regions.nr_regions[c]):
        highest = max(highest, np.int64(regions.nr_accesses[c, r]))
    return highest


@inner_kernel
def age_regions(regions: Regions, c: int, threshold: np.int64, to_zero_counts: bool) -> None:
    """Age regions by one aggregation; where the count has changed, the age starts anew.

    Args:
        regions: The regions.
        c: Context.
        threshold: Largest difference that is no change.
        to_zero_counts: Whether a change from or to zero always is one (not in 6.12).
    """
    for r in range(regions.nr_regions[c]):
        now = np.int64(regions.nr_accesses[c, r])
        last = np.int64(regions.last_nr_accesses[c, r])
        turned = ((now == 0) != (last == 0)) & to_zero_counts
        kept = (abs(now - last) <= threshold) & (not turned)
        regions.age[c, r] = regions.age[c, r] + np.uint32(1) if kept else np.uint32(0)


@inner_kernel
def weighted_mean(
    left: np.uint64, left_size: np.uint64, right: np.uint64, right_size: np.uint64
) -> np.uint64:
    """Return the mean of two regions' values weighted by their sizes, truncated.

    The kernel's products wrap at 2^64; only where they cannot is the division left out.
    """
    total = left_size + right_size
    if left == right and left < SMALL_VALUE and total < SMALL_SIZE:
        return left
    return (left * left_size + right * right_size) // total


@inner_kernel
def close_region(
    regions: Regions, c: int, r: Index, end: np.uint64, count: np.uint64, age: np.uint64
) -> None:
    """Write what merging has made of a region."""
    regions.end[c, r] = end
    regions.nr_accesses[c, r] = np.uint32(count)
    regions.age[c, r] = np.uint32(age)


@lean_kernel
def merge_once(regions: Regions, c: int, threshold: np.int64, cap: np.uint64) -> None:
    """Walk left to right, joining neighbours of like counts up to the size cap.

    The region that grows is held in variables until its right neighbour stays apart. Its place is
    unsigned: a signed index would be tested for being negative at each access.
    """
    if regions.nr_regions[c] == 0:
        return
    kept, has_bp = U(0), regions.nr_accesses_bp.shape[1] != 0
    target, start, end = regions.target[c, 0], regions.start[c, 0], regions.end[c, 0]
    count, age = U(regions.nr_accesses[c, 0]), U(regions.age[c, 0])
    for r in range(1, regions.nr_regions[c]):
        right_start, right_end = regions.start[c, r], regions.end[c, r]
        right_count, right_age = U(regions.nr_accesses[c, r]), U(regions.age[c, r])
        if (
            abs(np.int64(count) - np.int64(right_count)) <= threshold
            and end == right_start
            and right_end - start <= cap
            and target == regions.target[c, r]
        ):
            size, right_size = end - start, right_end - right_start
            count = weighted_mean(count, size, right_count, right_size) & MASK_32
            age = weighted_mean(age, size, right_age, right_size) & MASK_32
            end = right_end
            if has_bp:
                regions.nr_accesses_bp[c, kept] = np.uint32(count * BASIS)
        else:
            close_region(regions, c, kept, end, count, age)
            kept += UNIT
            target, start, end = regions.target[c, r], right_start, right_end
            count, age = right_count, right_age
            if kept != U(r):
                regions.target[c, kept] = target
                regions.start[c, kept] = start
                regions.last_nr_accesses[c, kept] = regions.last_nr_accesses[c, r]
                if has_bp:
                    regions.nr_accesses_bp[c, kept] = regions.nr_accesses_bp[c, r]
    close_region(regions, c, kept, end, count, age)
    regions.nr_regions[c] = kept + UNIT


@inner_kernel
def wider_threshold(threshold: np.int64, samples: np.int64) -> np.int64:
    """Return the threshold of the next merge while there are too many regions."""
    if threshold < samples // 2:
        return max(np.int64(1), np.int64(2) * threshold)
    return samples


@lean_kernel
def merge_regions(
    regions: Regions, context: Any, c: int, threshold: np.int64, cap: np.uint64
) -> None:
    """Age and merge; with too many regions merge again under growing thresholds."""
    samples = np.int64(context.aggr_us // at_least_one(context.sample_us))
    age_regions(regions, c, threshold, context.legacy == 0)
    merge_once(regions, c, threshold, cap)
    while U(regions.nr_regions[c]) > context.max_nr_regions and threshold < samples:
        threshold = wider_threshold(threshold, samples)
        merge_once(regions, c, threshold, cap)


@inner_kernel
def reset_counts(regions: Regions, c: int) -> None:
    """Start a new aggregation window."""
    for r in range(regions.nr_regions[c]):
        regions.last_nr_accesses[c, r] = regions.nr_accesses[c, r]
        regions.nr_accesses[c, r] = 0


@inner_kernel
def cut_of(x: np.uint64, size: np.uint64, unit: np.uint64) -> np.uint64:
    """Return the size of a left part in tenths of the whole, as rand(1, 10) says.

    Args:
        x: State of the context's generator after the draw.
        size: Size of the whole.
        unit: Smallest region size.

    Returns:
        Bytes of the left part; 0 if nothing would be cut.
    """
    part = align_down(short_span(x, UNIT, U(9)) * size // U(10), unit)
    return part if part < size else U(0)


@inner_kernel
def draw_cuts_above_half(state: EngineState, c: int) -> int:
    """Choose cuts with more than half of max_nr_regions: every step-th region, in turn."""
    context, regions = state.contexts[c], state.regions
    unit = U(context.min_region_sz)
    room = context.max_nr_regions - U(regions.nr_regions[c])
    step = context.max_nr_regions // room
    turn = context.rotation % step
    context.rotation += UNIT
    x, draws, cuts = U(context.rng), U(0), 0
    for r in range(regions.nr_regions[c]):
        state.scratch[c, 0, r] = U(0)
        state.scratch[c, 1, r] = U(0)
        if turn != U(0):
            turn -= UNIT
            continue
        turn = step - UNIT
        size = size_of(regions, c, r)
        if size >= U(2) * unit:
            x = lcg(x)
            draws += UNIT
            part = cut_of(x, size, unit)
            state.scratch[c, 0, r] = part
            cuts += part != U(0)
    context.rng = x
    context.draws += draws
    return cuts


@inner_kernel
def draw_cuts(state: EngineState, c: int) -> int:
    """Choose up to one cut per region, two when the last split has brought nothing."""
    context, regions = state.contexts[c], state.regions
    unit, used = U(context.min_region_sz), U(regions.nr_regions[c])
    twice = context.last_nr_regions == used and used < context.max_nr_regions // U(3)
    x, draws, cuts = U(context.rng), U(0), 0
    for r in range(regions.nr_regions[c]):
        size = size_of(regions, c, r)
        first = second = U(0)
        if size > U(2) * unit:
            x = lcg(x)
            draws += UNIT
            first = cut_of(x, size, unit)
        if twice:
            size = first if first != U(0) else size
            if size > U(2) * unit:
                x = lcg(x)
                draws += UNIT
                second = cut_of(x, size, unit)
        state.scratch[c, 0, r] = first
        state.scratch[c, 1, r] = second
        cuts += (first != U(0)) + (second != U(0))
    context.rng = x
    context.draws += draws
    return cuts


@inner_kernel
def cut_regions(state: EngineState, c: int, cuts: int) -> None:
    """Make the chosen cuts, from the last region to the first so that each moves once."""
    regions = state.regions
    used = regions.nr_regions[c]
    if used + cuts > regions.start.shape[1]:
        state.contexts[c].status = REGIONS_FULL
        return
    r, to = U(used - 1), U(used + cuts - 1)
    while to > r:
        start, end = regions.start[c, r], regions.end[c, r]
        first, second = state.scratch[c, 0, r], state.scratch[c, 1, r]
        if first != U(0):
            place(regions, c, r, to, start + first, end)
            end = start + first
            to -= UNIT
        if second != U(0):
            place(regions, c, r, to, start + second, end)
            end = start + second
            to -= UNIT
        place(regions, c, r, to, start, end)
        to -= UNIT
        r -= UNIT
    regions.nr_regions[c] += cuts


@lean_kernel
def split_regions(state: EngineState, c: int) -> None:
    """Cut regions at random so that borders can move where the accesses are."""
    context = state.contexts[c]
    used = U(state.regions.nr_regions[c])
    if context.legacy != 0 and used > context.max_nr_regions // U(2):
        return
    if used < context.max_nr_regions:
        if used > context.max_nr_regions // U(2):
            cuts = draw_cuts_above_half(state, c)
        else:
            cuts = draw_cuts(state, c)
        if cuts:
            cut_regions(state, c, cuts)
    context.last_nr_regions = used
