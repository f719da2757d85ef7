"""What a guest's program and kernel do to memory in one second: grow, shrink, churn, fault."""

import math
from typing import Any

from damosrl.acma.blocks import FREE, LEAF_PAGES, LEAVES_PER_BLOCK, MOVABLE, SMALL, UNMOVABLE
from damosrl.acma.chance import Stream, rounded
from damosrl.acma.compiling import kernel
from damosrl.acma.counting import Counts, allocate, leaves, pin_fresh, release, whole
from damosrl.acma.transitions import Whole

EXIT = int(Whole.EXIT)
RESERVE = 0.01
"""Share of a guest's leaves that the kernel keeps free in the background (its low watermark)."""
AGGREGATION_S = 20.0
"""ACMA's aggregation interval in the RFC: what nobody touched for so long counts as cold."""


@kernel
def usable_leaves(counts: Counts, guest: Any) -> int:
    """Count the leaves that the guest has, used or free."""
    return LEAVES_PER_BLOCK * (guest.blocks - counts[-1])


@kernel
def page_out(counts: Counts, guest: Any, wanted: int, cold_share: float, stream: Stream) -> int:
    """Page out memory of the program, a share of it from its cold end; returns leaves."""
    out = release(counts, MOVABLE, wanted, stream)
    cold = rounded(stream, out * cold_share)
    guest.cold_out += cold
    guest.warm_out += out - cold
    guest.out_total += out
    return out


@kernel
def cold_leaves(guest: Any, load: Any) -> int:
    """Count the leaves that look cold to DAMON and are not paged out yet.

    The touch rate at the cold quantile x is touch * skew * x^(skew - 1) when the coldest share q
    gets q^skew of all touches; cold is what is touched less than once per aggregation.
    """
    if load.skew <= 1.0:
        share = 1.0 if load.touch * AGGREGATION_S < 1.0 else 0.0
    else:
        rate = load.touch * load.skew * AGGREGATION_S
        share = min((1.0 / max(rate, 1e-9)) ** (1.0 / (load.skew - 1.0)), 1.0)
    return max(int(share * guest.program) - guest.cold_out - guest.warm_out, 0)


@kernel
def grow(counts: Counts, guest: Any, host: Any, pattern: int, need: int, stream: Stream) -> int:
    """Allocate leaves; reclaims directly, and stalls, where there is no room.

    Returns:
        Leaves allocated; what is lacking counts as failed.
    """
    lacking = need - leaves(counts, FREE)
    if lacking > 0:
        out = page_out(counts, guest, lacking, 0.5, stream)
        guest.stall_s += out * LEAF_PAGES * host.swap_out_s
    got, fresh = allocate(counts, pattern, need, stream)
    guest.new_blocks += fresh
    guest.failed_leaves += need - got
    return got


@kernel
def shrink_program(counts: Counts, guest: Any, load: Any, gone: int, stream: Stream) -> None:
    """Free a part of the program's memory, resident and paged out alike."""
    share = gone / max(guest.program, 1)
    cold, warm = rounded(stream, guest.cold_out * share), rounded(stream, guest.warm_out * share)
    cold, warm = min(cold, guest.cold_out), min(warm, guest.warm_out)
    guest.cold_out -= cold
    guest.warm_out -= warm
    resident = gone - cold - warm
    blocks = rounded(stream, resident * load.whole / LEAVES_PER_BLOCK)
    freed = LEAVES_PER_BLOCK * whole(counts, EXIT, blocks, stream)
    freed += release(counts, MOVABLE, max(resident - freed, 0), stream)
    guest.program -= cold + warm + freed


@kernel
def follow(counts: Counts, guest: Any, host: Any, load: Any, stream: Stream) -> None:
    """Bring the program's and the kernel's memory to what the load says."""
    size = LEAVES_PER_BLOCK * guest.blocks
    change = int(load.program * size) - guest.program
    if change > 0:
        guest.program += grow(counts, guest, host, MOVABLE, change, stream)
    elif change < 0:
        shrink_program(counts, guest, load, -change, stream)
    change = int(load.small * size) - leaves(counts, SMALL)
    if change > 0:
        grow(counts, guest, host, SMALL, change, stream)
    elif change < 0:
        release(counts, SMALL, -change, stream)
    change = int(load.unmovable * size) - leaves(counts, UNMOVABLE)
    if change > 0:
        pin(counts, guest, host, load, change, stream)
    elif change < 0:
        release(counts, UNMOVABLE, -change, stream)


@kernel
def pin(counts: Counts, guest: Any, host: Any, load: Any, wanted: int, stream: Stream) -> None:
    """Allocate unmovable leaves: beside their like, a share of them in blocks of their own."""
    apart, fresh = pin_fresh(counts, rounded(stream, wanted * load.scatter), stream)
    guest.new_blocks += fresh
    grow(counts, guest, host, UNMOVABLE, wanted - apart, stream)


@kernel
def churn(counts: Counts, guest: Any, host: Any, load: Any, stream: Stream) -> None:
    """Free memory in random places and allocate as much anew: what fragments a server."""
    for pattern in (MOVABLE, SMALL, UNMOVABLE):
        moving = rounded(stream, load.churn * leaves(counts, pattern))
        freed = release(counts, pattern, moving, stream)
        if pattern == UNMOVABLE:
            pin(counts, guest, host, load, freed, stream)
        else:
            got = grow(counts, guest, host, pattern, freed, stream)
            if pattern == MOVABLE:
                guest.program -= freed - got


@kernel
def fault(counts: Counts, guest: Any, host: Any, load: Any, stream: Stream) -> None:
    """Let the program touch what is paged out; it comes back, and its threads wait for it."""
    pages = LEAF_PAGES * max(guest.program, 1)
    touched = 1.0 - math.exp(-load.touch)
    cold = guest.cold_out / max(guest.program, 1)
    faults_cold = min(load.touch * pages * cold**load.skew, float(LEAF_PAGES * guest.cold_out))
    faults_warm = touched * LEAF_PAGES * guest.warm_out
    cold_in = min(rounded(stream, faults_cold / LEAF_PAGES), guest.cold_out)
    warm_in = min(rounded(stream, faults_warm / LEAF_PAGES), guest.warm_out)
    got = grow(counts, guest, host, MOVABLE, cold_in + warm_in, stream)
    back = min(got, cold_in)
    guest.cold_out -= back
    guest.warm_out -= got - back
    guest.refaults = faults_cold + faults_warm
    guest.stall_s += guest.refaults * host.swap_in_s


@kernel
def background_reclaim(counts: Counts, guest: Any, stream: Stream) -> None:
    """Page out in the background when little is free, as kswapd does; nobody waits for it."""
    lacking = int(RESERVE * usable_leaves(counts, guest)) - leaves(counts, FREE)
    if lacking > 0:
        page_out(counts, guest, lacking, 0.8, stream)
