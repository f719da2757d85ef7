"""How memory lies when an episode starts: by first touch, at random, well or badly."""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.extents import append_extent, clear_extents
from damosrl.emulator.jit import lean_kernel
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.rate_store import GridModel
from damosrl.emulator.rates import invalidate_sums
from damosrl.emulator.workload.model import StartState

RANDOM_CHUNKS = 4096
"""Chunks, at most, into which random placement cuts the footprint."""

IntArray = NDArray[np.int64]


def start_order(
    model: GridModel, start: StartState, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Return pieces and their frames in the order in which they fill the nodes.

    Args:
        model: The workload.
        start: Which order.
        rng: Generator for random placement.

    Returns:
        Pieces ``(L,)`` and frames ``(L,)``; a piece may come several times.
    """
    pieces = np.arange(len(model.piece_frames))
    frames = model.piece_frames
    if start.placement == "random":
        size = max(1, int(frames.sum()) // RANDOM_CHUNKS)
        chunks = -(-frames // size)
        pieces = np.repeat(pieces, chunks)
        lengths = np.full(len(pieces), size)
        lengths[np.cumsum(chunks) - 1] = frames - (chunks - 1) * size
        order = rng.permutation(len(pieces))
        return pieces[order], lengths[order]
    if start.placement == "first_touch":
        return pieces, frames
    rate = model.rate_hz[0].astype(np.float64)
    order = np.argsort(-rate if start.placement == "good" else rate, kind="stable")
    return pieces[order], frames[order]


def start_fill(capacity: IntArray, footprint: int, fast_fill: float) -> IntArray:
    """Return the frames of each node that are in use at the start, ``(T,)``.

    Fast and middle tiers are in use to the share asked for, as far as the others can hold the rest;
    the last memory tier takes what remains, the swap store what finds no room.
    """
    used = np.zeros_like(capacity)
    left = footprint
    nodes = len(capacity) - 1
    for node in range(nodes):
        share = fast_fill if node < nodes - 1 or capacity[-1] > 0 else 1.0
        below = int(capacity[node + 1 :].sum())
        wanted = max(round(share * capacity[node]), left - below)
        used[node] = min(wanted, left, capacity[node])
        left -= used[node]
    used[-1] = left
    return used


def coldest_last(
    pieces: IntArray, frames: IntArray, rate: NDArray[np.float64], swapped: int
) -> tuple[IntArray, IntArray]:
    """Move the coldest frames to the end of an order: what reclaim had swapped out before.

    Args:
        pieces: Pieces in order, ``(L,)``.
        frames: Their frames, ``(L,)``.
        rate: Mean rate of every piece, ``(P,)``.
        swapped: Frames in the swap store.
    """
    coldest = np.argsort(rate[pieces], kind="stable")
    gone = np.zeros_like(frames)
    before = np.cumsum(frames[coldest]) - frames[coldest]
    gone[coldest] = np.clip(swapped - before, 0, frames[coldest])
    pieces = np.concatenate([pieces, pieces])
    frames = np.concatenate([frames - gone, gone])
    return pieces[frames > 0], frames[frames > 0]


@lean_kernel
def lay_out(
    world: MemoryWorld,
    m: int,
    capacity: NDArray[np.int64],
    used: NDArray[np.int64],
    pieces: NDArray[np.int64],
    frames: NDArray[np.int64],
) -> None:
    """Fill a machine's nodes, lowest addresses first, and leave the rest of each node free."""
    clear_extents(world, m)
    item, taken = 0, 0
    for node in range(len(capacity)):
        last, left = NONE, used[node]
        while left > 0:
            count = min(left, frames[item] - taken)
            same = last != NONE and world.slots[m, last].piece == pieces[item]
            if same:
                world.slots[m, last].length += count
                world.nodes[m, node].total += count
            else:
                last = append_extent(world, m, node, last, count, pieces[item])
            left -= count
            taken += count
            if taken == frames[item]:
                item, taken = item + 1, 0
        if capacity[node] > used[node]:
            append_extent(world, m, node, last, capacity[node] - used[node], FREE)


@lean_kernel
def lay_runs(
    world: MemoryWorld,
    m: int,
    node: NDArray[np.int64],
    frames: NDArray[np.int64],
    pieces: NDArray[np.int64],
) -> None:
    """Lay a machine's memory out anew, run by run: what a real machine's page map tells.

    Args:
        world: The machines.
        m: Which one.
        node: Node of each run, ``(L,)``; runs of a node follow one another by address.
        frames: Length of each run, ``(L,)``.
        pieces: Piece that lies there, ``(L,)``; `FREE` for free frames.
    """
    clear_extents(world, m)
    last = NONE
    for run in range(len(node)):
        if run == 0 or node[run] != node[run - 1]:
            last = NONE
        last = append_extent(world, m, node[run], last, frames[run], pieces[run])
    for each in range(world.nodes.shape[1]):
        invalidate_sums(world, m, each)
