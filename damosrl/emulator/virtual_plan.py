"""Which frames of a process's address range are meant, where they are, and where they should be.

An extent holds pages of a piece, not which ones. Of a range that covers a share of a piece's frames
the same share of the piece's frames in each node is taken to lie in the range, rounded so that the
sum is exact. The frames of a range are those whose centre lies in it: no frame belongs to two
ranges, and none is lost between.
"""

import math

from damosrl.emulator.arithmetic import U
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.state import EngineState
from damosrl.emulator.swap import uniform
from damosrl.emulator.virtual_state import Range


@inner_kernel
def meets(world: MemoryWorld, wanted: Range, s: int) -> bool:
    """Tell whether a span is mapped, by page tables too, and has addresses in a range."""
    span = world.virtual.spans[wanted.m, s]
    return bool(
        world.virtual.areas[wanted.m, span.area].mapped != 0
        and span.start < wanted.end
        and wanted.start < span.end
        and world.pieces[wanted.m, span.piece].unmapped == 0
    )


@inner_kernel
def span_frames(world: MemoryWorld, wanted: Range, s: int) -> int:
    """Count the frames of a span whose centre lies in a range that it meets."""
    span = world.virtual.spans[wanted.m, s]
    granule = world.machines[wanted.m].granule_bytes
    low, high = max(wanted.start, span.start), min(wanted.end, span.end)
    first = math.ceil(span.frame + float(low - span.start) / granule - 0.5)
    last = math.ceil(span.frame + float(high - span.start) / granule - 0.5)
    return max(last - first, 0)


@inner_kernel
def ask_frames(world: MemoryWorld, wanted: Range) -> None:
    """Find the frames of every piece in a range, and how many of them lie in each node."""
    plans, moves, m = world.virtual.plans, world.virtual.moves, wanted.m
    for s in range(wanted.first_span, wanted.end_span):
        if meets(world, wanted, s):
            moves[m, world.virtual.spans[m, s].piece].asked = 0
    for s in range(wanted.first_span, wanted.end_span):
        if meets(world, wanted, s):
            moves[m, world.virtual.spans[m, s].piece].asked += span_frames(world, wanted, s)
    for s in range(wanted.first_span, wanted.end_span):
        if not meets(world, wanted, s):
            continue
        piece = world.virtual.spans[m, s].piece
        move, below, before = moves[m, piece], 0, 0
        move.asked = min(move.asked, move.frames)
        rounding = int(uniform(world, m) * move.frames)
        for node in range(world.nodes.shape[1]):
            plan = plans[m, node, piece]
            below += plan.resident
            upto = (move.asked * below + rounding) // move.frames
            plan.inside, plan.wanted = upto - before, 0
            before = upto


@inner_kernel
def want_in(world: MemoryWorld, wanted: Range, node: int) -> None:
    """Want all frames of a range in one node."""
    for s in range(wanted.first_span, wanted.end_span):
        if meets(world, wanted, s):
            piece = world.virtual.spans[wanted.m, s].piece
            asked = world.virtual.moves[wanted.m, piece].asked
            world.virtual.plans[wanted.m, node, piece].wanted = asked


@inner_kernel
def folio_order(world: MemoryWorld, m: int, piece: int) -> int:
    """Return the order of the folios that a piece starts with."""
    return int(world.pieces[m, piece].order)


@inner_kernel
def numbers_up_to(number: int, low: int, high: int, total: int) -> int:
    """Count the numbers below one whose remainder of a division by ``total`` is in [low, high)."""
    return number // total * (high - low) + min(max(number % total - low, 0), high - low)


@inner_kernel
def weigh_span(world: MemoryWorld, state: EngineState, wanted: Range, s: int, total: int) -> None:
    """Spread a span's frames in a range over the destinations by weight.

    The folio at an address of an area has the number idx = (area start >> 12 >> o) + ((address -
    area start) >> 12 + o), o its order; idx modulo the sum of weights tells the destination
    (``damos_va_migrate_dests_add()``; anonymous memory, whose page offset is its address). Folios
    smaller than a frame are counted, and frames are shared out as the folios are.
    """
    m, c = wanted.m, wanted.c
    span, plans = world.virtual.spans[m, s], world.virtual.plans
    area, shift = world.virtual.areas[m, span.area], U(12 + folio_order(world, m, span.piece))
    low = max(wanted.start, span.start) - area.start
    high = min(wanted.end, span.end) - area.start
    base = area.start >> shift
    first, end = int(base + (low >> shift)), int(base + ((high - U(1)) >> shift)) + 1
    frames, weight, folios, before = span_frames(world, wanted, s), 0, 0, 0
    for d in range(state.schemes[c, wanted.scheme].nr_dests):
        dest = state.dests[c, wanted.scheme, d]
        upper = weight + int(dest.weight)
        folios += numbers_up_to(end, weight, upper, total)
        folios -= numbers_up_to(first, weight, upper, total)
        weight = upper
        upto = (2 * frames * folios + end - first) // (2 * (end - first))
        if 0 <= dest.nid < world.nodes.shape[1] - 1:
            plans[m, dest.nid, span.piece].wanted += upto - before
        before = upto


@inner_kernel
def keep_present(world: MemoryWorld, m: int, piece: int) -> None:
    """Lower what is wanted of a piece to the share of it that is not swapped."""
    store, plans = world.nodes.shape[1] - 1, world.virtual.plans
    gone, asked = plans[m, store, piece].inside, world.virtual.moves[m, piece].asked
    if gone == 0:
        return
    for node in range(store):
        plan = plans[m, node, piece]
        plan.wanted = (plan.wanted * (asked - gone) + asked // 2) // asked


@inner_kernel
def want_by_weight(world: MemoryWorld, state: EngineState, wanted: Range) -> None:
    """Want the frames of a range where the scheme's destinations and their weights say."""
    total = 0
    for d in range(state.schemes[wanted.c, wanted.scheme].nr_dests):
        total += int(state.dests[wanted.c, wanted.scheme, d].weight)
    if total == 0:
        return
    for s in range(wanted.first_span, wanted.end_span):
        if meets(world, wanted, s):
            weigh_span(world, state, wanted, s, total)
    last = -1
    for s in range(wanted.first_span, wanted.end_span):
        if meets(world, wanted, s) and world.virtual.spans[wanted.m, s].piece != last:
            last = world.virtual.spans[wanted.m, s].piece
            keep_present(world, wanted.m, last)
