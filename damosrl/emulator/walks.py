"""Tried regions: write down what each scheme handles in its next pass (semantics 2.15).

Kernel 7.3, ``damos_walk()`` of mm/damon/core.c. A request stays until every scheme has had a
complete due pass; the pieces go to a row of `EngineState.tried`, of which no more is written than
fits; ``walk_count`` counts on.
"""

from typing import Any

import numpy as np

from damosrl.emulator.arithmetic import U
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.probing import packed_hits
from damosrl.emulator.state import WALK_DONE, WALK_PENDING, EngineState


@inner_kernel
def record_piece(
    state: EngineState, c: int, s: int, r: int, count: np.uint64, passed_bytes: np.uint64
) -> None:
    """Report a region that a scheme was just applied to, its age not yet reset.

    Args:
        state: The engine; the context has a request pending.
        c: Context.
        s: Scheme.
        r: The region.
        count: Pseudo moving sum of its accesses.
        passed_bytes: Bytes that have passed the operation filters.
    """
    context, scheme, regions = state.contexts[c], state.schemes[c, s], state.regions
    if scheme.walk_done != 0:
        return
    scheme.walk_bytes += regions.end[c, r] - regions.start[c, r]
    row, place = context.walk_row, context.walk_count
    if row < 0:
        return
    context.walk_count = place + 1
    if place < state.tried.shape[1]:
        piece = state.tried[row, place]
        piece.start = regions.start[c, r]
        piece.end = regions.end[c, r]
        piece.nr_accesses = count
        piece.age = U(regions.age[c, r])
        piece.sz_filter_passed = passed_bytes
        piece.probe_hits = packed_hits(state, c, r)
        piece.scheme = s
        piece.target = regions.target[c, r]


@inner_kernel
def complete_walk(state: EngineState, c: int, s: int) -> None:
    """Note that a due pass of a scheme is over; the request is served when none is missing."""
    context = state.contexts[c]
    if context.walk != WALK_PENDING:
        return
    state.schemes[c, s].walk_done = 1
    for other in range(context.nr_schemes):
        if state.schemes[c, other].walk_done == 0:
            return
    context.walk = WALK_DONE


@inner_kernel
def is_walking(context: Any) -> bool:
    """Tell whether a tried-regions request is pending."""
    return bool(context.walk == WALK_PENDING)
