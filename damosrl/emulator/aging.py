"""Old and young pages: were they accessed since somebody cleared their accessed bit?

Kernel 7.3, ``damon_folio_mkold()`` and ``damon_folio_young()`` of mm/damon/ops-common.c. Accesses
to a page are a Poisson process, so its pages being young has probability 1 - exp(-a), where a is
the number of accesses to expect since they were made old. Filters make pages old, and so does the
start of an episode; a page is taken to have been old for at least one sampling interval. Left out
are the few pages that a monitor makes old, one per region and sample.
"""

import math

from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import FREE, NONE, TOUCHED, MemoryWorld
from damosrl.emulator.rates import accesses_by, piece_rate

CERTAIN = 40.0
"""Accesses to expect from which on being untouched has less probability than a double can tell
from 0."""


@inner_kernel
def young_probability(
    world: MemoryWorld, m: int, slot: int, now_s: float, interval_s: float
) -> float:
    """Return how likely a folio of an extent is young.

    Args:
        world: The machines.
        m: Machine.
        slot: The extent, not a free one.
        now_s: Present time.
        interval_s: Sampling interval: a page that was made old has been so for that long.
    """
    extent = world.slots[m, slot]
    since = accesses_by(world, m, extent.piece, now_s) - extent.old_at
    least = piece_rate(world, m, extent.piece) * world.machines[m].speed * interval_s
    return -math.expm1(-max(since, least) * 2.0**extent.order)


@inner_kernel
def forget_ages(world: MemoryWorld, m: int) -> None:
    """Note of pages that were certainly accessed no more than that, so that extents can join."""
    now_s = world.machines[m].time_s
    for node in range(world.nodes.shape[1]):
        slot = world.nodes[m, node].first
        while slot != NONE:
            extent = world.slots[m, slot]
            if extent.piece != FREE and extent.old_at != TOUCHED:
                since = accesses_by(world, m, extent.piece, now_s) - extent.old_at
                if since > CERTAIN:
                    extent.old_at = TOUCHED
            slot = extent.after
