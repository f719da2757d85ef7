"""Regions of one context: cut, move, size cap, moving sum (kernel 7.3, mm/damon/core.c)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.arithmetic import BASIS, U, align_up, at_least_one, mult_frac, reached
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.state import REGIONS_FULL, EngineState, Regions

Index = int | np.uint64
"""A place in an array; unsigned ones are not tested for being negative."""


@inner_kernel
def size_of(regions: Regions, c: int, r: Index) -> np.uint64:
    """Return the size of a region in bytes."""
    size: np.uint64 = regions.end[c, r] - regions.start[c, r]
    return size


@inner_kernel
def is_last(regions: Regions, c: int, r: int) -> bool:
    """Tell whether a region is the last of its target."""
    after = r + 1
    return after == regions.nr_regions[c] or bool(regions.target[c, after] != regions.target[c, r])


@inner_kernel
def place(
    regions: Regions, c: int, source: Index, to: Index, start: np.uint64, end: np.uint64
) -> None:
    """Write a copy of a region elsewhere, with borders of its own."""
    regions.nr_accesses[c, to] = regions.nr_accesses[c, source]
    regions.last_nr_accesses[c, to] = regions.last_nr_accesses[c, source]
    regions.age[c, to] = regions.age[c, source]
    regions.target[c, to] = regions.target[c, source]
    if regions.nr_accesses_bp.shape[1] != 0:
        regions.nr_accesses_bp[c, to] = regions.nr_accesses_bp[c, source]
    if regions.hits.shape[1] != 0:
        regions.hits[c, to] = regions.hits[c, source]
    regions.start[c, to] = start
    regions.end[c, to] = end


@inner_kernel
def move(regions: Regions, c: int, source: Index, to: Index) -> None:
    """Copy a region to another place."""
    place(regions, c, source, to, regions.start[c, source], regions.end[c, source])


@inner_kernel
def split_at(
    regions: Regions, context: Any, c: int, r: int, size: np.uint64, free_from: int
) -> int:
    """Cut a region after ``size`` bytes; both parts keep counts and age.

    Args:
        regions: The regions.
        context: The context's record.
        c: Context.
        r: The region.
        size: Bytes of the left part, less than the region has.
        free_from: Places [free_from, r) are free: a walk has compacted what it handled.
            Equal to ``r`` if there is none; then all later regions move up.

    Returns:
        The place of the left part; the right one is at the next place. Without room nothing is cut
        and the context's status says so.
    """
    left = r
    if free_from < r:
        left = r - 1
        move(regions, c, r, left)
    else:
        used = regions.nr_regions[c]
        if used == regions.start.shape[1]:
            context.status = REGIONS_FULL
            return r
        for to in range(used, r, -1):
            move(regions, c, to - 1, to)
        regions.nr_regions[c] = used + 1
    border = regions.start[c, left] + size
    regions.end[c, left] = border
    regions.start[c, left + 1] = border
    return left


@lean_kernel
def size_limit(regions: Regions, context: Any, c: int) -> np.uint64:
    """Return the largest size that keeps min_nr_regions, unrounded (damon_region_sz_limit)."""
    total = U(0)
    for r in range(regions.nr_regions[c]):
        total += size_of(regions, c, r)
    return max(total // context.min_nr_regions, context.min_region_sz)


@inner_kernel
def largest_size(regions: Regions, c: int) -> np.uint64:
    """Return the size of the largest region."""
    largest = U(0)
    for r in range(regions.nr_regions[c]):
        largest = max(largest, size_of(regions, c, r))
    return largest


@lean_kernel
def apply_min_nr_regions(regions: Regions, context: Any, c: int) -> np.uint64:
    """Cut every region larger than the size cap; return the cap (semantics 1.10)."""
    cap = align_up(size_limit(regions, context, c), context.min_region_sz)
    if largest_size(regions, c) <= cap:
        return cap
    r = int(np.int64(0))  # not a literal: those would compile every callee twice
    while r < regions.nr_regions[c]:
        if size_of(regions, c, r) > cap:
            split_at(regions, context, c, r, cap, r)
        r += 1
    return cap


@lean_kernel
def moving_sum(context: Any, nr_accesses: np.uint32, last_nr_accesses: np.uint32) -> np.uint64:
    """Return the pseudo moving sum of the access count (damon_nr_accesses_mvsum, semantics 1.13).

    Args:
        context: The context's record; its counters say how much of the window is left.
        nr_accesses: Count of the running window.
        last_nr_accesses: Count of the previous window.
    """
    if reached(context.passed, context.next_aggr):
        return U(nr_accesses)
    window = at_least_one(context.aggr_us // at_least_one(context.sample_us))
    left_bp = mult_frac(context.next_aggr - context.passed, BASIS, window)
    if left_bp == BASIS:
        return U(last_nr_accesses)
    return U(nr_accesses) + mult_frac(U(last_nr_accesses), left_bp, BASIS)


@inner_kernel
def region_moving_sum(regions: Regions, context: Any, c: int, r: int) -> np.uint64:
    """Return the pseudo moving sum of one region; kernel 6.12 keeps it in the region."""
    if context.legacy != 0:
        return U(regions.nr_accesses_bp[c, r]) // BASIS
    return moving_sum(context, regions.nr_accesses[c, r], regions.last_nr_accesses[c, r])


@lean_kernel
def copy_regions(
    state: EngineState,
    first: int,
    last: int,
    start: NDArray[np.uint64],
    end: NDArray[np.uint64],
    sums: NDArray[np.uint32],
    age: NDArray[np.uint32],
) -> None:
    """Copy what schemes see of the contexts [first, last) into arrays ``(C, most)``.

    The access count is the moving sum; places beyond a context's regions are zero.
    """
    regions = state.regions
    for c in range(first, last):
        context, used = state.contexts[c], regions.nr_regions[c]
        for r in range(used):
            start[c, r] = regions.start[c, r]
            end[c, r] = regions.end[c, r]
            age[c, r] = regions.age[c, r]
        for r in range(used):
            sums[c, r] = region_moving_sum(regions, context, c, r)
        for r in range(used, start.shape[1]):
            start[c, r] = end[c, r] = U(0)
            sums[c, r] = age[c, r] = np.uint32(0)
