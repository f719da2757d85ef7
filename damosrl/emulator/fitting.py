"""Fitting a target's regions to ranges inside the engine (damon_set_regions, semantics 1.3).

Regions are read from the end of their row and written to its front, so that nothing is allocated;
`begin_fitting` moves them there.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.arithmetic import U, align_down, align_up
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.regions import move
from damosrl.emulator.state import REGIONS_FULL, EngineState, Regions


@inner_kernel
def begin_fitting(regions: Regions, c: int) -> int:
    """Move all regions to the end of the row; return the place of the first."""
    used = regions.nr_regions[c]
    offset = regions.start.shape[1] - used
    if offset > 0:
        for r in range(used - 1, -1, -1):
            move(regions, c, r, r + offset)
    return offset


@inner_kernel
def write_fresh(
    state: EngineState,
    c: int,
    write: int,
    read: int,
    target: int,
    start: np.uint64,
    end: np.uint64,
) -> int:
    """Write a region about which nothing is known; return the next place."""
    regions = state.regions
    if write >= read:
        state.contexts[c].status = REGIONS_FULL
        return write
    regions.start[c, write] = start
    regions.end[c, write] = end
    regions.target[c, write] = target
    regions.nr_accesses[c, write] = 0
    regions.last_nr_accesses[c, write] = 0
    regions.age[c, write] = 0
    if regions.hits.shape[1] != 0:
        regions.hits[c, write] = U(0)
    if regions.nr_accesses_bp.shape[1] != 0:
        regions.nr_accesses_bp[c, write] = 0
    return write + 1


@inner_kernel
def keep_regions(state: EngineState, c: int, write: int, read: int, last: int, target: int) -> int:
    """Write the regions [read, last) as they are, for a target; return the next place."""
    for r in range(read, last):
        move(state.regions, c, r, write)
        state.regions.target[c, write] = target
        write += 1
    return write


@inner_kernel
def fit_regions(
    state: EngineState,
    c: int,
    write: int,
    read: int,
    last: int,
    target: int,
    ranges: NDArray[np.uint64],
    row: int,
    first_range: int,
    last_range: int,
    unit: np.uint64,
) -> int:
    """Fit the regions [read, last) to ranges.

    What was learnt about regions that stay is kept; outer borders move and holes are filled with
    fresh regions. A region that spans two ranges is cut to the first.

    Args:
        state: The engine.
        c: Context.
        write: Place of the first region to write, not above ``read``.
        read: First region to read.
        last: One past the last.
        target: Index of the target the written regions belong to.
        ranges: ``(., 2, Q)`` starts and ends, ascending and disjoint once they are aligned.
        row: Row of the ranges.
        first_range: First range of the row.
        last_range: One past the last range.
        unit: What borders are aligned to; whether a region meets a range, the range itself tells.

    Returns:
        The next place to write. Without room the context's status says so.
    """
    regions = state.regions
    for q in range(first_range, last_range):
        low, high = ranges[row, 0, q], ranges[row, 1, q]
        begun = False
        while read < last and regions.start[c, read] < high:
            start, end = regions.start[c, read], regions.end[c, read]
            if end > low:
                if begun and regions.end[c, write - 1] != start:
                    hole = regions.end[c, write - 1]
                    write = write_fresh(state, c, write, read, target, hole, start)
                move(regions, c, read, write)
                regions.target[c, write] = target
                if not begun:
                    regions.start[c, write] = align_down(low, unit)
                begun = True
                write += 1
            read += 1
        if begun:
            regions.end[c, write - 1] = align_up(high, unit)
        else:
            start, end = align_down(low, unit), align_up(high, unit)
            write = write_fresh(state, c, write, read, target, start, end)
    return write


@inner_kernel
def end_of_target(state: EngineState, c: int, read: int, target: int) -> int:
    """Return one past the last region of a target, from its first one on, after `begin_fitting`."""
    capacity = state.regions.start.shape[1]
    while read < capacity and state.regions.target[c, read] == target:
        read += 1
    return read


@lean_kernel
def set_regions(state: EngineState, c: int, target: int, ranges: NDArray[np.uint64]) -> None:
    """Fit one target's regions to ranges and leave those of the others alone.

    Args:
        state: The engine.
        c: Context.
        target: The target.
        ranges: ``(1, 2, Q)`` starts and ends; `damosrl.emulator.targets.aligned_ranges` says which
            ranges the kernel refuses.
    """
    context = state.contexts[c]
    read = begin_fitting(state.regions, c)
    write = int(np.int64(0))  # not a literal: those would compile every callee twice
    for other in range(context.nr_targets):
        last = end_of_target(state, c, read, other)
        if other == target:
            write = fit_regions(
                state,
                c,
                write,
                read,
                last,
                other,
                ranges,
                0,
                0,
                ranges.shape[2],
                context.min_region_sz,
            )
        else:
            write = keep_regions(state, c, write, read, last, other)
        read = last
    state.regions.nr_regions[c] = write
