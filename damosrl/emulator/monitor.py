"""What happens to regions at the end of an aggregation: age, merge, reset, split.

Kernel 7.3, mm/damon/core.c; section numbers are those of its description in the semantics notes:
merge 1.8, split 1.9.
"""

from typing import Any

import numpy as np

from damosrl.emulator.arithmetic import U, align_down, at_least_one
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.regions import move, place, size_of
from damosrl.emulator.rng import rand
from damosrl.emulator.state import REGIONS_FULL, EngineState, Regions

UNIT = U(1)
TENTHS = U(10)


@inner_kernel
def highest_count(regions: Regions, c: int) -> np.int64:
    """Return the largest access count of all regions."""
    highest = np.int64(0)
    for r in range(regions.nr_regions[c]):
        highest = max(highest, np.int64(regions.nr_accesses[c, r]))
    return highest


@inner_kernel
def update_age(regions: Regions, c: int, r: int, threshold: np.int64) -> None:
    """Age a region by one aggregation, or restart it when its count has changed."""
    now = np.int64(regions.nr_accesses[c, r])
    last = np.int64(regions.last_nr_accesses[c, r])
    if abs(now - last) > threshold or (now == 0) != (last == 0):
        regions.age[c, r] = 0
    else:
        regions.age[c, r] += 1


@lean_kernel
def merge_into(regions: Regions, c: int, left: int, right: int) -> None:
    """Extend the left region by the right one; count and age are means weighted by size."""
    left_size, right_size = size_of(regions, c, left), size_of(regions, c, right)
    total = left_size + right_size
    count = U(regions.nr_accesses[c, left]) * left_size
    count += U(regions.nr_accesses[c, right]) * right_size
    age = U(regions.age[c, left]) * left_size + U(regions.age[c, right]) * right_size
    regions.nr_accesses[c, left] = count // total
    regions.age[c, left] = age // total
    regions.end[c, left] = regions.end[c, right]


@inner_kernel
def merge_once(regions: Regions, c: int, threshold: np.int64, cap: np.uint64, ageing: bool) -> None:
    """Walk left to right, joining neighbours of like counts up to the size cap."""
    kept = int(np.int64(-1))  # not a literal: those would compile every callee twice
    for r in range(regions.nr_regions[c]):
        if ageing:
            update_age(regions, c, r, threshold)
        if (
            kept >= 0
            and regions.target[c, kept] == regions.target[c, r]
            and regions.end[c, kept] == regions.start[c, r]
            and abs(np.int64(regions.nr_accesses[c, kept]) - np.int64(regions.nr_accesses[c, r]))
            <= threshold
            and size_of(regions, c, kept) + size_of(regions, c, r) <= cap
        ):
            merge_into(regions, c, kept, r)
        else:
            kept += 1
            move(regions, c, r, kept)
    regions.nr_regions[c] = kept + 1


@lean_kernel
def merge_regions(
    regions: Regions, context: Any, c: int, threshold: np.int64, cap: np.uint64
) -> None:
    """Age and merge; with too many regions merge again under growing thresholds."""
    samples = np.int64(context.aggr_us // at_least_one(context.sample_us))
    merge_once(regions, c, threshold, cap, True)
    while U(regions.nr_regions[c]) > context.max_nr_regions and threshold < samples:
        threshold = max(np.int64(1), 2 * threshold) if threshold < samples // 2 else samples
        merge_once(regions, c, threshold, cap, False)


@inner_kernel
def reset_counts(regions: Regions, c: int) -> None:
    """Start a new aggregation window."""
    for r in range(regions.nr_regions[c]):
        regions.last_nr_accesses[c, r] = regions.nr_accesses[c, r]
        regions.nr_accesses[c, r] = 0


@inner_kernel
def draw_cut(context: Any, size: np.uint64) -> np.uint64:
    """Draw the size of a left part in tenths of the whole; 0 if nothing would be cut."""
    part = align_down(rand(context, UNIT, TENTHS) * size // TENTHS, context.min_region_sz)
    return part if part < size else U(0)


@inner_kernel
def draw_cuts_above_half(state: EngineState, c: int) -> int:
    """Choose cuts with more than half of max_nr_regions: every step-th region, in turn."""
    context, regions = state.contexts[c], state.regions
    room = context.max_nr_regions - U(regions.nr_regions[c])
    step = context.max_nr_regions // room
    turn = context.rotation % step
    context.rotation += UNIT
    cuts = 0
    for r in range(regions.nr_regions[c]):
        size = size_of(regions, c, r)
        first = U(0)
        if U(r) % step == turn and size >= U(2) * context.min_region_sz:
            first = draw_cut(context, size)
        state.cuts[c, 0, r] = first
        state.cuts[c, 1, r] = U(0)
        cuts += first != U(0)
    return cuts


@inner_kernel
def draw_cuts(state: EngineState, c: int) -> int:
    """Choose up to one cut per region, two when the last split has brought nothing."""
    context, regions = state.contexts[c], state.regions
    used = U(regions.nr_regions[c])
    attempts = 1
    if context.last_nr_regions == used and used < context.max_nr_regions // U(3):
        attempts = 2
    cuts = 0
    for r in range(regions.nr_regions[c]):
        size = size_of(regions, c, r)
        state.cuts[c, 0, r] = U(0)
        state.cuts[c, 1, r] = U(0)
        place_of_cut = 0
        for _ in range(attempts):
            if size <= U(2) * context.min_region_sz:
                break
            part = draw_cut(context, size)
            if part != U(0):
                state.cuts[c, place_of_cut, r] = part
                place_of_cut += 1
                size = part
        cuts += place_of_cut
    return cuts


@inner_kernel
def cut_regions(state: EngineState, c: int, cuts: int) -> None:
    """Make the chosen cuts, from the last region to the first so that each moves once."""
    regions = state.regions
    to = regions.nr_regions[c] + cuts - 1
    if to >= regions.start.shape[1]:
        state.contexts[c].status = REGIONS_FULL
        return
    for r in range(regions.nr_regions[c] - 1, -1, -1):
        start, end = regions.start[c, r], regions.end[c, r]
        for i in range(2):
            part = state.cuts[c, i, r]
            if part != U(0):
                place(regions, c, r, to, start + part, end)
                end = start + part
                to -= 1
        place(regions, c, r, to, start, end)
        to -= 1
    regions.nr_regions[c] += cuts


@lean_kernel
def split_regions(state: EngineState, c: int) -> None:
    """Cut regions at random so that borders can move where the accesses are."""
    context = state.contexts[c]
    used = U(state.regions.nr_regions[c])
    if used < context.max_nr_regions:
        if used > context.max_nr_regions // U(2):
            cuts = draw_cuts_above_half(state, c)
        else:
            cuts = draw_cuts(state, c)
        if cuts:
            cut_regions(state, c, cuts)
    context.last_nr_regions = used
