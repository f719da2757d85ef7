"""What somebody who knows all future access rates would page out.

A swapped page saves the memory that it does not take in the pool, and costs a fault whenever it is
touched. With a price on slowdown the two compare page by page: out goes what is touched so rarely
that its faults cost less than its memory.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.migration import move_pieces
from damosrl.emulator.oracle import resident_frames

FloatArray = NDArray[np.float64]


def rate_limits_hz(world: MemoryWorld, m: int, slowdown_price: float) -> FloatArray:
    """Return the access rate of a page up to which paging it out pays, by piece, ``(P,)``.

    One page of F is worth (1 - pool share) / F of all memory. Touched r times a second, it stalls
    its threads for r x fault time, of ``threads`` seconds a second; that slows the application by
    as much, at a price of so many times all memory.

    Args:
        world: The machines.
        m: Machine.
        slowdown_price: Cost of running twice as long, in units of all the memory in use.
    """
    count = int(world.machines["num_pieces"][m])
    pieces = world.pieces[m, :count]
    pages = pieces["frames"].sum() * world.machines["granule_bytes"][m] / 4096.0
    fault_s = (world.curves["latency_ns"][m, -1, 0] + world.machines["store_ns"][m]) * 1e-9
    worth = (1.0 - pieces["pool_share"]) / max(pages, 1.0)
    return np.asarray(worth * world.machines["threads"][m] / (fault_s * slowdown_price))


def page_out(world: MemoryWorld, m: int, rate_hz: FloatArray, slowdown_price: float) -> float:
    """Page out of all memory nodes what pays; return the bytes moved.

    Args:
        world: The machines.
        m: Machine.
        rate_hz: True expected rate of each piece, ``(P,)``.
        slowdown_price: As of `rate_limits_hz`.
    """
    store = world.nodes.shape[1] - 1
    cold = rate_hz < rate_limits_hz(world, m, slowdown_price)
    moved = 0
    for node in range(store):
        frames = np.zeros(len(rate_hz), np.int64)
        resident_frames(world, m, node, frames)
        moved += move_pieces(world, m, node, store, np.where(cold, frames, 0))
    return moved * float(world.machines["granule_bytes"][m])
