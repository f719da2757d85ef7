"""Filters of the operations layer: which folios a scheme may touch (semantics 2.12).

Kernel 7.3, ``damos_folio_filter_match()`` of mm/damon/ops-common.c. All folios of an extent are of
one kind but for having been accessed, so an extent is decided at once: whatever fires fires for all
of its folios, and for ``young`` the number that fires is drawn.
"""

from typing import Any

import numpy as np

from damosrl.damon import Action, FilterType
from damosrl.emulator.aging import young_probability
from damosrl.emulator.arithmetic import U
from damosrl.emulator.chance import draw_binomial
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import PAGE_BYTES, MemoryWorld
from damosrl.emulator.state import EngineState, code_of

ANON, ACTIVE = code_of(FilterType.ANON), code_of(FilterType.ACTIVE)
MEMCG, YOUNG = code_of(FilterType.MEMCG), code_of(FilterType.YOUNG)
HUGEPAGE_SIZE = code_of(FilterType.HUGEPAGE_SIZE)
PAGEOUT = code_of(Action.PAGEOUT)
PAGE = U(PAGE_BYTES)


@inner_kernel
def looks_at_age(state: EngineState, c: int, s: int) -> bool:
    """Tell whether some filter asks for young folios; pageout brings one along (2.1)."""
    scheme = state.schemes[c, s]
    if scheme.core_filters_allowed != 0:
        return False
    if scheme.action == PAGEOUT:
        return True
    for f in range(scheme.nr_filters, scheme.nr_filters + scheme.nr_ops_filters):
        if state.filters[c, s, f].type == YOUNG:
            return True
    return False


@inner_kernel
def is_of_type(world: MemoryWorld, m: int, slot: int, condition: Any) -> bool:
    """Tell whether the folios of an extent are of a filter's type, ``young`` excepted."""
    extent = world.slots[m, slot]
    piece = world.pieces[m, extent.piece]
    if condition.type == ANON:
        return bool(piece.file == 0)
    if condition.type == ACTIVE:
        return bool(extent.active != 0)
    if condition.type == MEMCG:
        return bool(piece.memcg == condition.memcg)
    if condition.type == HUGEPAGE_SIZE:
        size = PAGE << U(extent.order)
        return bool(condition.start <= size <= condition.end)
    return bool(piece.unmapped != 0)


@inner_kernel
def passing_folios(
    world: MemoryWorld,
    state: EngineState,
    c: int,
    s: int,
    m: int,
    slot: int,
    folios: int,
    interval_s: float,
) -> tuple[np.int64, bool]:
    """Count the folios of an extent that pass a scheme's filters.

    Args:
        world: The machines.
        state: The engine.
        c: Context; ``young`` draws from its generator.
        s: Scheme.
        m: Machine.
        slot: The extent, not a free one.
        folios: How many of its folios are looked at.
        interval_s: Sampling interval.

    Returns:
        Folios that pass, and whether all have been asked for being young, and made old.
    """
    scheme, context = state.schemes[c, s], state.contexts[c]
    left, passed, tested = np.int64(folios), np.int64(0), False
    if scheme.core_filters_allowed != 0:
        return left, tested
    own_young = scheme.action == PAGEOUT
    now_s = float(context.now_us) * 1e-6
    for f in range(scheme.nr_filters, scheme.nr_filters + scheme.nr_ops_filters):
        condition = state.filters[c, s, f]
        if condition.type == YOUNG:
            own_young = False
            young = np.int64(0)  # those asked before have just been made old
            if not tested and left > 0:
                tested = True
                probability = young_probability(world, m, slot, now_s, interval_s)
                young = draw_binomial(context, left, probability)
            fired = young if condition.matching != 0 else left - young
        else:
            matched = is_of_type(world, m, slot, condition)
            fired = left if matched == (condition.matching != 0) else np.int64(0)
        left -= fired
        if condition.allow != 0:
            passed += fired
    if own_young and left > 0:
        tested = True
        left -= draw_binomial(context, left, young_probability(world, m, slot, now_s, interval_s))
    if scheme.ops_default_reject == 0:
        passed += left
    return passed, tested
