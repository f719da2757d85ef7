"""What somebody who knows all future access rates would hold in memory, and what in swap.

A swapped page stalls its threads when it is touched for the first time, with probability
1 - exp(-rate x horizon). Swapped pages therefore change places with colder ones in the slowest
node, and come to any node that has free frames, as long as more work is predicted to be done.
Reading ahead costs bandwidth and the time to copy, but nobody waits for it.
"""

import numpy as np

from damosrl.emulator.memory_state import PAGE_BYTES, MemoryWorld
from damosrl.emulator.oracle import (
    CANDIDATES,
    LEAST_GAIN,
    FloatArray,
    IntArray,
    carry_out,
    exchange_of,
    mean_loads,
    predicted_work,
    resident_frames,
)

FREE_SHARE = 0.005
"""Share of the slowest node that stays free, so that pages can change places."""


def stalled_share(
    world: MemoryWorld, m: int, frames: IntArray, rate_hz: FloatArray, horizon_s: float
) -> float:
    """Return the share of the threads' time that first touches of swapped pages take, 0..1.

    Args:
        world: The machines.
        m: Machine.
        frames: Swapped frames of each piece, ``(P,)``.
        rate_hz: Rate of each piece, ``(P,)``.
        horizon_s: Time in which they may be touched.
    """
    machine = world.machines[m]
    exposure_s = float(machine["speed"]) * horizon_s
    pages = frames * (float(machine["granule_bytes"]) / PAGE_BYTES)
    faults = float(pages @ -np.expm1(-rate_hz * exposure_s))
    fault_ns = float(world.curves["latency_ns"][m, -1, 0] + machine["store_ns"])
    return min(faults * fault_ns / (float(machine["threads"]) * horizon_s * 1e9), 1.0)


def fetch(
    world: MemoryWorld, m: int, rate_hz: FloatArray, budget_bytes: float, horizon_s: float
) -> float:
    """Exchange memory with the swap store where it pays; return the bytes moved.

    Args:
        world: The machines.
        m: Machine.
        rate_hz: True expected rate of each piece, ``(P,)``.
        budget_bytes: Most bytes to move.
        horizon_s: Time within which a move has to pay.
    """
    store = world.nodes.shape[1] - 1
    if world.nodes["total"][m, store] == 0:
        return 0.0
    granule = float(world.machines["granule_bytes"][m])
    left = int(budget_bytes / granule)
    moved = _make_room(world, m, rate_hz, left)
    for node in range(store):
        moved += _fetch_to(world, m, node, rate_hz, left - moved, horizon_s)
    return moved * granule


def _make_room(world: MemoryWorld, m: int, rate_hz: FloatArray, most: int) -> int:
    """Page out the coldest memory of a full slowest node."""
    store = world.nodes.shape[1] - 1
    last = world.nodes[m, store - 1]
    short = min(int(FREE_SHARE * last["total"]) - int(last["free"]), most)
    if short <= 0:
        return 0
    return carry_out(world, m, exchange_of(world, m, store - 1, store, -rate_hz), short)


def _fetch_to(
    world: MemoryWorld, m: int, node: int, rate_hz: FloatArray, budget: int, horizon_s: float
) -> int:
    """Bring swapped memory to a node: into its free frames, and only the slowest gives any back."""
    store = world.nodes.shape[1] - 1
    exchange = exchange_of(world, m, store, node, rate_hz)
    most = exchange.largest_useful(budget)
    if node < store - 1:
        most = min(most, exchange.room)
    swapped, load = np.zeros(len(rate_hz), np.int64), mean_loads(world, m, rate_hz)
    resident_frames(world, m, store, swapped)

    def work(frames: int) -> float:
        there, back = exchange.wanted(frames)
        after = load.copy()
        after[node] += float((there - back) @ rate_hz)
        copied = float(there.sum() + back.sum()) * float(world.machines["granule_bytes"][m])
        done = predicted_work(world, m, after, (node, store), copied, horizon_s)
        left = swapped - there + back
        return done * (1.0 - stalled_share(world, m, left, rate_hz, horizon_s))

    tried = np.unique(np.linspace(0, int(most), CANDIDATES + 1).astype(np.int64))
    gains = [work(int(frames)) for frames in tried]
    best = int(np.argmax(gains))
    if gains[best] <= gains[0] * (1.0 + LEAST_GAIN):
        return 0
    return carry_out(world, m, exchange, int(tried[best]))
