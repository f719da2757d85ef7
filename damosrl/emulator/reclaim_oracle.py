"""What somebody who knows all future access rates would page out.

A swapped page saves the memory that it does not take in the pool, and costs a fault when it is
touched. With a price on slowdown the two compare page by page: out goes what stays out for so long
that its memory outweighs its fault.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.absence import pays
from damosrl.emulator.memory_state import PAGE_BYTES, MemoryWorld
from damosrl.emulator.migration import move_pieces
from damosrl.emulator.oracle import resident_frames

FloatArray = NDArray[np.float64]


def break_even_s(world: MemoryWorld, m: int, slowdown_price: float) -> FloatArray:
    """Return how long a page has to stay out until that pays for its fault, by piece, ``(P,)``.

    One page of F saves (1 - pool share) / F of all memory as long as it is out. Its fault stalls
    one of ``threads`` threads for the time of fault and writing; that slows the application by as
    much, at a price of so many times all memory. What saves nothing never pays.

    Args:
        world: The machines.
        m: Machine.
        slowdown_price: Cost of running twice as long, in units of all the memory in use.
    """
    count = int(world.machines["num_pieces"][m])
    pieces = world.pieces[m, :count]
    pages = pieces["frames"].sum() * world.machines["granule_bytes"][m] / PAGE_BYTES
    fault_s = (world.curves["latency_ns"][m, -1, 0] + world.machines["store_ns"][m]) * 1e-9
    paid_s = slowdown_price * fault_s * pages / world.machines["threads"][m]
    saved = 1.0 - pieces["pool_share"].astype(np.float64)
    return np.divide(paid_s, saved, where=saved > 0.0, out=np.full(count, np.inf))


def page_out(
    world: MemoryWorld, m: int, lengths_s: FloatArray, rate_hz: FloatArray, slowdown_price: float
) -> float:
    """Page out of all memory nodes what pays; return the bytes moved.

    Args:
        world: The machines.
        m: Machine.
        lengths_s: Lengths of the stretches of constant rates from now on, ``(S,)``.
        rate_hz: True rate of each piece in each stretch, ``(S, P)``.
        slowdown_price: As of `break_even_s`.
    """
    store = world.nodes.shape[1] - 1
    cold = pays(lengths_s, rate_hz, break_even_s(world, m, slowdown_price))
    moved = 0
    for node in range(store):
        frames = np.zeros(rate_hz.shape[1], np.int64)
        resident_frames(world, m, node, frames)
        moved += move_pieces(world, m, node, store, np.where(cold, frames, 0))
    return moved * float(world.machines["granule_bytes"][m])
