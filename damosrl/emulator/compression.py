"""What swapped pages take in memory: a compressing swap store keeps them in a pool there.

zram and zswap keep a page as its compressed copy. Pages that hardly compress are kept whole by zram
(drivers/block/zram: above ``huge_class_size``, 3/4 of a page or so), or refused by zswap without
a device behind it, in which case they stay where they are. A disk takes no memory.

The pool is counted beside the memory nodes: capacities are what is left for pages. It is kept by
differences, as are the swapped frames of each piece, so that its cost follows what moves, never
the size of memory.
"""

import numpy as np

from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.presets import Tier
from damosrl.emulator.rate_store import GridModel
from damosrl.emulator.workload.model import PageLayout

RAW_BELOW = 4.0 / 3.0
"""Compression ratio below which a page counts as incompressible."""


def write_compression(
    world: MemoryWorld,
    machine: int,
    model: GridModel,
    granule_bytes: int,
    layout: PageLayout | None,
    swap: Tier | None,
) -> None:
    """Write what the pages of a machine's pieces become in its swap store.

    Args:
        world: The machines; the pieces' records are written already.
        machine: Index of the machine.
        model: Its pieces.
        granule_bytes: Size of a frame.
        layout: Page classes by address; None: all pages compress as the store says.
        swap: The swap store, if there is one.
    """
    pieces = world.pieces[machine]
    pieces["pool_share"], pieces["refused"] = 0.0, 0
    if swap is None or swap.compression == 0.0:
        return
    ratios = np.full(len(pieces), swap.compression)
    if layout is not None:
        frames = np.cumsum(model.piece_frames) - model.piece_frames
        own = [kind.compression for kind in layout.at(frames * granule_bytes)]
        ratios[: len(own)] = [swap.compression if ratio is None else ratio for ratio in own]
    raw = ratios < RAW_BELOW
    pieces["pool_share"] = np.where(raw, 1.0, 1.0 / ratios)
    pieces["refused"] = raw & (swap.incompressible == "refuse")


@inner_kernel
def count_stored(world: MemoryWorld, m: int) -> None:
    """Count swapped frames and their pool anew: at a start, and when memory is given up."""
    for piece in range(world.machines[m].num_pieces):
        world.pieces[m, piece].stored = 0
    frames = 0.0
    slot = world.nodes[m, world.nodes.shape[1] - 1].first
    while slot != NONE:
        extent = world.slots[m, slot]
        if extent.piece != FREE:
            piece = world.pieces[m, extent.piece]
            piece.stored += extent.length
            frames += extent.length * piece.pool_share
        slot = extent.after
    world.machines[m].pool_bytes = frames * world.machines[m].granule_bytes


@inner_kernel
def is_refused(world: MemoryWorld, m: int, slot: int) -> bool:
    """Tell whether the swap store takes no pages of an extent, which is not a free one."""
    return bool(world.pieces[m, world.slots[m, slot].piece].refused != 0)


@inner_kernel
def account_stored(world: MemoryWorld, m: int, piece: int, frames: int) -> None:
    """Book frames of a piece that went to the swap store, or came from it (negative)."""
    machine, kind = world.machines[m], world.pieces[m, piece]
    kind.stored += frames
    grown = machine.pool_bytes + float(frames * machine.granule_bytes) * kind.pool_share
    machine.pool_bytes = max(grown, 0.0)
