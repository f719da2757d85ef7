"""Core filters of a scheme: which memory it must leave alone (semantics 2.12)."""

from typing import Any

import numpy as np

from damosrl.damon import FilterType
from damosrl.emulator.arithmetic import align_down
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.regions import split_at
from damosrl.emulator.state import EngineState, code_of

PASS_BY_DEFAULT = 0
ALLOWED = 1
REJECTED = 2
ADDR = code_of(FilterType.ADDR)


@inner_kernel
def match_addr(
    state: EngineState, c: int, condition: Any, r: int, free_from: int
) -> tuple[bool, int]:
    """Tell whether a region lies in an address filter's range, cutting it at the range's borders.

    Returns:
        Match of the part that is now the region, and that part's place.
    """
    context, regions = state.contexts[c], state.regions
    low = align_down(condition.start, context.min_region_sz)
    high = align_down(condition.end, context.min_region_sz)
    start, end = regions.start[c, r], regions.end[c, r]
    if low <= start and end <= high:
        return True, r
    if end <= low or high <= start:
        return False, r
    if start < low:
        return False, split_at(regions, context, c, r, low - start, free_from)
    return True, split_at(regions, context, c, r, high - start, free_from)


@lean_kernel
def core_filter(state: EngineState, c: int, s: int, r: int, free_from: int) -> tuple[np.int64, int]:
    """Ask a scheme's core filters about a region; the first that fires decides.

    Returns:
        PASS_BY_DEFAULT, ALLOWED or REJECTED, and the place of the region, which may have been cut.
    """
    scheme = state.schemes[c, s]
    for f in range(scheme.nr_filters):
        condition = state.filters[c, s, f]
        if condition.type == ADDR:
            matched, r = match_addr(state, c, condition, r, free_from)
        else:
            matched = state.regions.target[c, r] == condition.target_idx
        if matched == (condition.matching != 0):
            return np.int64(ALLOWED if condition.allow != 0 else REJECTED), r
    return np.int64(REJECTED if scheme.default_reject != 0 else PASS_BY_DEFAULT), r
