"""Which frames of a process's address range are meant, where they are, and where they should be.

An extent holds pages of a piece, not which ones. Of a range that covers a share of a piece's frames
the same share of the piece's frames in each node is taken to lie in the range, rounded so that the
sum is exact. The frames of a range are those whose centre lies in it: no frame belongs to two
ranges, and none is lost between.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.arithmetic import U
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.rng import draw
from damosrl.emulator.virtual_state import Range, VirtualMemory


@inner_kernel
def meets(virtual: VirtualMemory, wanted: Range, s: int) -> bool:
    """Tell whether a span is mapped, by page tables too, and has addresses in a range."""
    span = virtual.spans[wanted.m, s]
    return bool(
        span.present != 0
        and span.start < wanted.end
        and wanted.start < span.end
        and virtual.areas[wanted.m, span.area].mapped != 0
    )


@inner_kernel
def span_frames(span: Any, wanted: Range) -> int:
    """Count the frames of a span whose centre lies in a range that it meets."""
    low, high = max(wanted.start, span.start), min(wanted.end, span.end)
    first = math.ceil(span.frame + float(low - span.start) / wanted.granule_bytes - 0.5)
    last = math.ceil(span.frame + float(high - span.start) / wanted.granule_bytes - 0.5)
    return max(last - first, 0)


@inner_kernel
def spread_over_nodes(virtual: VirtualMemory, machine: Any, m: int, piece: int) -> None:
    """Say how many of the frames asked for lie in each node, and that none is wanted anywhere."""
    plans, nodes, total = virtual.plans, virtual.plans.shape[1], 0
    for node in range(nodes):
        total += plans[m, node, piece].resident
    asked, below, before = min(plans[m, nodes - 1, piece].asked, total), 0, 0
    plans[m, nodes - 1, piece].asked = asked
    rounding = int((draw(machine) * U(total)) >> U(32))
    for node in range(nodes):
        plan = plans[m, node, piece]
        below += plan.resident
        upto = (asked * below + rounding) // max(total, 1)
        plan.inside, plan.wanted = upto - before, 0
        before = upto


@inner_kernel
def ask_frames(virtual: VirtualMemory, machine: Any, wanted: Range) -> None:
    """Find the frames of every piece in a range, and how many of them lie in each node.

    Args:
        virtual: The processes.
        machine: The machine's record; rounding draws from its generator.
        wanted: The range.
    """
    plans, m, store = virtual.plans, wanted.m, virtual.plans.shape[1] - 1
    for s in range(wanted.first_span, wanted.end_span):
        if meets(virtual, wanted, s):
            plans[m, store, virtual.spans[m, s].piece].asked = 0
    for s in range(wanted.first_span, wanted.end_span):
        if meets(virtual, wanted, s):
            span = virtual.spans[m, s]
            plans[m, store, span.piece].asked += span_frames(span, wanted)
    for s in range(wanted.first_span, wanted.end_span):
        if meets(virtual, wanted, s):
            spread_over_nodes(virtual, machine, m, virtual.spans[m, s].piece)


@inner_kernel
def want_in(virtual: VirtualMemory, wanted: Range, first: int, end: int) -> None:
    """Want all frames of a range in each of the nodes [first, end)."""
    store = virtual.plans.shape[1] - 1
    for s in range(wanted.first_span, wanted.end_span):
        if meets(virtual, wanted, s):
            piece = virtual.spans[wanted.m, s].piece
            for node in range(first, end):
                plan = virtual.plans[wanted.m, node, piece]
                plan.wanted = virtual.plans[wanted.m, store, piece].asked


@inner_kernel
def numbers_up_to(number: int, low: int, high: int, total: int) -> int:
    """Count the numbers below one whose remainder of a division by ``total`` is in [low, high)."""
    return number // total * (high - low) + min(max(number % total - low, 0), high - low)


@inner_kernel
def weigh_span(
    virtual: VirtualMemory, dests: NDArray[np.void], wanted: Range, s: int, order: int, total: int
) -> None:
    """Spread a span's frames in a range over the destinations by weight.

    The folio at an address of an area has the number idx = (area start >> 12 >> o) + ((address -
    area start) >> 12 + o), o its order; idx modulo the sum of weights tells the destination
    (``damos_va_migrate_dests_add()``; anonymous memory, whose page offset is its address). Folios
    smaller than a frame are counted, and frames are shared out as the folios are.
    """
    m, span, nodes = wanted.m, virtual.spans[wanted.m, s], virtual.plans.shape[1] - 1
    area, shift = virtual.areas[m, span.area], U(12 + order)
    low = max(wanted.start, span.start) - area.start
    high = min(wanted.end, span.end) - area.start
    base = area.start >> shift
    first, end = int(base + (low >> shift)), int(base + ((high - U(1)) >> shift)) + 1
    frames, weight, folios, before = span_frames(span, wanted), 0, 0, 0
    for d in range(len(dests)):
        upper = weight + int(dests[d].weight)
        folios += numbers_up_to(end, weight, upper, total)
        folios -= numbers_up_to(first, weight, upper, total)
        weight = upper
        upto = (2 * frames * folios + end - first) // (2 * (end - first))
        if 0 <= dests[d].nid < nodes:
            virtual.plans[m, dests[d].nid, span.piece].wanted += upto - before
        before = upto


@inner_kernel
def keep_present(virtual: VirtualMemory, m: int, piece: int) -> None:
    """Lower what is wanted of a piece to the share of it that is not swapped."""
    store = virtual.plans.shape[1] - 1
    whole = virtual.plans[m, store, piece]
    if whole.inside == 0:
        return
    for node in range(store):
        plan = virtual.plans[m, node, piece]
        present = plan.wanted * (whole.asked - whole.inside)
        plan.wanted = (present + whole.asked // 2) // whole.asked


@inner_kernel
def want_by_weight(
    virtual: VirtualMemory, pieces: NDArray[np.void], dests: NDArray[np.void], wanted: Range
) -> None:
    """Want the frames of a range where destinations and their weights say.

    Args:
        virtual: The processes.
        pieces: The machine's pieces.
        dests: The scheme's destinations.
        wanted: The range.
    """
    total, last = 0, -1
    for d in range(len(dests)):
        total += int(dests[d].weight)
    if total == 0:
        return
    for s in range(wanted.first_span, wanted.end_span):
        if meets(virtual, wanted, s):
            order = int(pieces[virtual.spans[wanted.m, s].piece].order)
            weigh_span(virtual, dests, wanted, s, order, total)
    for s in range(wanted.first_span, wanted.end_span):
        if meets(virtual, wanted, s) and virtual.spans[wanted.m, s].piece != last:
            last = virtual.spans[wanted.m, s].piece
            keep_present(virtual, wanted.m, last)


@inner_kernel
def plan_walk(virtual: VirtualMemory, wanted: Range, source: int, target: int) -> int:
    """Write how many frames of each piece a walk over one node is about; return the sum.

    Towards another node, what is there too much in the one as far as it is missing in the other;
    without a target (below 0) all that lie in the range.
    """
    m, plans, total = wanted.m, virtual.plans, 0
    for s in range(wanted.first_span, wanted.end_span):
        if meets(virtual, wanted, s):
            piece = virtual.spans[m, s].piece
            plan = plans[m, source, piece]
            total -= plan.left  # of a piece that two spans hold
            plan.left = plan.inside
            if target >= 0:
                missing = plans[m, target, piece].wanted - plans[m, target, piece].inside
                plan.left = max(min(plan.inside - plan.wanted, missing), 0)
            plan.met = 0
            plan.there = plan.resident
            total += plan.left
    return total


@inner_kernel
def end_walk(virtual: VirtualMemory, wanted: Range, source: int) -> None:
    """Forget what a walk was about: what is left found no room, or was not let pass."""
    for s in range(wanted.first_span, wanted.end_span):
        if meets(virtual, wanted, s):
            virtual.plans[wanted.m, source, virtual.spans[wanted.m, s].piece].left = 0


@inner_kernel
def next_share(plan: Any, length: int) -> int:
    """Return how many frames of the next extent are meant, spread over all extents alike."""
    before = (plan.left * plan.met + plan.there // 2) // plan.there
    plan.met += length
    return int((plan.left * plan.met + plan.there // 2) // plan.there - before)
