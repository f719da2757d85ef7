"""What somebody who knows all future access rates would move: the upper end of the scale.

For each pair of memory nodes the hottest memory below is exchanged with the coldest above, as long
as the work done over a horizon, copying included, is predicted to grow. Since latency
depends on load, filling the fast tier with all that is hot need not be best: when it is the slower
one under load, hot memory goes down instead (Vuppalapati and Agarwal, Tiered Memory Management:
Access Latency is the Key!, SOSP 2024). What is swapped, `damosrl.emulator.swap_oracle` weighs.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.application import set_shares, solve_loop
from damosrl.emulator.jit import kernel, lean_kernel
from damosrl.emulator.memory_state import FREE, NONE, PAGE_BYTES, MemoryWorld
from damosrl.emulator.migration import move_pieces

CANDIDATES = 32
"""Sizes of an exchange that are tried, evenly spaced up to the largest useful one."""

LEAST_GAIN = 1e-5
"""Predicted gain, relative to the work done, below which nothing is moved."""

COPY_S = 1.0
"""Time within which an exchange is copied."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@lean_kernel
def resident_frames(world: MemoryWorld, m: int, node: int, frames: IntArray) -> None:
    """Count each piece's frames in a node into ``frames (P,)``."""
    frames[:] = 0
    slot = world.nodes[m, node].first
    while slot != NONE:
        if world.slots[m, slot].piece != FREE:
            frames[world.slots[m, slot].piece] += world.slots[m, slot].length
        slot = world.slots[m, slot].after


@kernel
def predicted_work(
    world: MemoryWorld,
    m: int,
    load: FloatArray,
    pair: tuple[int, int],
    moved_bytes: float,
    horizon_s: float,
) -> float:
    """Predict the accesses served over a horizon with these loads, copying at its start.

    Args:
        world: The machines.
        m: Machine.
        load: Load of each memory node after the exchange.
        pair: The nodes of the exchange.
        moved_bytes: Bytes to copy.
        horizon_s: Time over which it has to pay.
    """
    for node in range(len(load)):
        world.nodes[m, node].met_load = load[node]
    set_shares(world, m)
    for node in range(world.nodes.shape[1]):
        world.nodes[m, node].background_gbps = 0.0
    after = solve_loop(world, m, 1.0)
    if moved_bytes == 0.0:
        return after * horizon_s
    copy_s = min(COPY_S, horizon_s)
    for node in pair:
        world.nodes[m, node].background_gbps = moved_bytes / copy_s * 1e-9
    move_s = moved_bytes / PAGE_BYTES * world.machines[m].move_page_ns * 1e-9
    running = max(1.0 - move_s / copy_s / world.machines[m].threads, 0.0)
    during = solve_loop(world, m, running)
    for node in pair:
        world.nodes[m, node].background_gbps = 0.0
    return during * copy_s + after * (horizon_s - copy_s)


@dataclass(frozen=True)
class Exchange:
    """Frames that go from one node to another, hottest first, and those that make room.

    Args:
        source: Node that gives its hottest memory.
        target: Node that takes it and gives its coldest.
        hot: Pieces of the source by falling rate, with their frames there.
        cold: Pieces of the target by rising rate, with their frames there.
        room: Free frames of the target.
        rate: Rate of every piece.
    """

    source: int
    target: int
    hot: IntArray
    hot_frames: IntArray
    cold: IntArray
    cold_frames: IntArray
    room: int
    rate: FloatArray

    def largest_useful(self, budget_frames: float) -> float:
        """Return how many frames to move hottest first until hot and cold meet."""
        hot_end = np.cumsum(self.hot_frames, dtype=np.float64)
        cold_end = self.room + np.cumsum(self.cold_frames, dtype=np.float64)
        if not len(hot_end):
            return 0.0
        borders = np.unique(np.concatenate([[0.0], hot_end, [float(self.room)], cold_end]))
        borders = borders[borders <= min(hot_end[-1], cold_end[-1] if len(cold_end) else self.room)]
        gain = self.load_moved(borders)
        best = float(borders[int(np.argmax(gain))])
        # into free frames each frame is one copy, beyond them one has to come back for it
        swapped = 0.5 * (budget_frames + self.room)
        return min(best, budget_frames if budget_frames <= self.room else swapped)

    def load_moved(self, frames: FloatArray) -> FloatArray:
        """Return the load that leaves the source when frames are moved, cold ones coming back."""
        hot = _cumulated(self.rate[self.hot], self.hot_frames, frames)
        back = np.maximum(frames - self.room, 0.0)
        return hot - _cumulated(self.rate[self.cold], self.cold_frames, back)

    def wanted(self, frames: int) -> tuple[IntArray, IntArray]:
        """Return frames of each piece to move and to move back, ``(P,)`` each."""
        there = first_frames(self.hot, self.hot_frames, frames, len(self.rate))
        back = max(frames - self.room, 0)
        return there, first_frames(self.cold, self.cold_frames, back, len(self.rate))


def _cumulated(rate: FloatArray, frames: IntArray, upto: FloatArray) -> FloatArray:
    ends = np.concatenate([[0.0], np.cumsum(frames, dtype=np.float64)])
    loads = np.concatenate([[0.0], np.cumsum(rate * frames)])
    return np.interp(upto, ends, loads)


def first_frames(pieces: IntArray, frames: IntArray, total: int, count: int) -> IntArray:
    """Return how many frames of each of ``count`` pieces are among the first ones, ``(count,)``.

    Args:
        pieces: Pieces in order, ``(L,)``.
        frames: Their frames, ``(L,)``.
        total: Frames to take.
        count: Pieces that there are.
    """
    before = np.cumsum(frames) - frames
    taken = np.zeros(count, np.int64)
    taken[pieces] = np.clip(total - before, 0, frames)
    return taken


def exchange_of(world: MemoryWorld, m: int, source: int, target: int, rate: FloatArray) -> Exchange:
    """Sort the memory of two nodes for an exchange; ``rate (P,)`` is that of every piece."""
    sides = []
    for node, sign in ((source, -1.0), (target, 1.0)):
        frames = np.zeros(len(rate), np.int64)
        resident_frames(world, m, node, frames)
        pieces = np.flatnonzero(frames)
        pieces = pieces[np.argsort(sign * rate[pieces], kind="stable")]
        sides.append((pieces, frames[pieces]))
    (hot, hot_frames), (cold, cold_frames) = sides
    room = int(world.nodes["free"][m, target])
    return Exchange(source, target, hot, hot_frames, cold, cold_frames, room, rate)


def rebalance(
    world: MemoryWorld, m: int, rate_hz: FloatArray, budget_bytes: float, horizon_s: float
) -> float:
    """Move what pays for itself within a horizon; return bytes moved.

    Args:
        world: The machines.
        m: Machine.
        rate_hz: True expected rate of each piece, ``(P,)``.
        budget_bytes: Most bytes to move.
        horizon_s: Time within which a move has to pay.
    """
    nodes = world.nodes.shape[1] - 1
    granule = float(world.machines["granule_bytes"][m])
    moved = 0.0
    for pair in combinations(range(nodes), 2):
        budget_frames = (budget_bytes - moved) / granule
        moved += granule * _rebalance_pair(world, m, pair, rate_hz, budget_frames, horizon_s)
    return moved


def _rebalance_pair(
    world: MemoryWorld,
    m: int,
    pair: tuple[int, int],
    rate: FloatArray,
    budget_frames: float,
    horizon_s: float,
) -> int:
    granule = float(world.machines["granule_bytes"][m])
    load = mean_loads(world, m, rate)
    stay = predicted_work(world, m, load, pair, 0.0, horizon_s)
    best_work, best = stay * (1.0 + LEAST_GAIN), None
    for source, target in (pair[::-1], pair):
        exchange = exchange_of(world, m, source, target, rate)
        most = exchange.largest_useful(budget_frames)
        for frames in np.unique(np.linspace(0, int(most), CANDIDATES + 1).astype(np.int64))[1:]:
            shifted = float(exchange.load_moved(np.array([float(frames)]))[0])
            after = load.copy()
            after[source] -= shifted
            after[target] += shifted
            copied = granule * (frames + max(frames - exchange.room, 0))
            work = predicted_work(world, m, after, pair, copied, horizon_s)
            if work > best_work:
                best_work, best = work, (exchange, int(frames))
    return 0 if best is None else carry_out(world, m, *best)


def mean_loads(world: MemoryWorld, m: int, rate: FloatArray) -> FloatArray:
    """Return the load of every memory node at these rates ``(T,)``; the swap store has none."""
    nodes = world.nodes.shape[1]
    load = np.zeros(nodes)
    frames = np.zeros(len(rate), np.int64)
    for node in range(nodes - 1):
        resident_frames(world, m, node, frames)
        load[node] = float(frames @ rate)
    return load


def carry_out(world: MemoryWorld, m: int, exchange: Exchange, frames: int) -> int:
    """Make an exchange, as far as there is room; return the frames that moved."""
    there, back = exchange.wanted(frames)
    total, moved = 0, 1
    while moved:
        moved = move_pieces(world, m, exchange.target, exchange.source, back)
        moved += move_pieces(world, m, exchange.source, exchange.target, there)
        total += moved
    return total
