"""Where every page would lie if latency did not depend on load: placement as an assignment.

Pages i with access rates r_i are assigned to frames j with latencies L_j, one page to a frame, so
that the sum of r_i L_j is least. Filling the fastest node with the hottest pages, then the next
one, is exact. Proof: let a placement have a hotter page a on a slower node and a colder page b on a
faster one. To exchange them changes the sum by (r_a - r_b) (L_faster - L_slower) <= 0, so pages
can be sorted by such exchanges without the sum ever growing (the rearrangement inequality; Hardy,
Littlewood and Polya, Inequalities, 1934, theorem 368). Moving a page to a free frame of a faster
node does not make it grow either. What is left when neither is possible is the greedy placement.
A swap store is the slowest node of all.

Latencies depend on load in truth, and copying costs time: `damosrl.emulator.oracle` weighs both,
for one pair of nodes after another. This one sees all nodes at once and weighs neither.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.migration import move_pieces
from damosrl.emulator.oracle import resident_frames

FREE_SHARE = 0.005
"""Share of every upper node that stays free, so that pages can change places (mtier's 0.5 %)."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def greedy_moves(rate: FloatArray, frames: IntArray, capacity: IntArray) -> IntArray:
    """Return the frames of each piece to move from node to node, ``(T, T, P)``.

    Among equally hot pages those of faster nodes come first, so that none of them changes places
    without need.

    Args:
        rate: Rate of every piece, ``(P,)``.
        frames: Frames of each piece by node, ``(T, P)``.
        capacity: Frames that each node may hold, ``(T,)``; the last one takes what is left over.

    Example:
        >>> frames = np.array([[0, 3], [2, 0]])  # three cold frames above two hot ones
        >>> moves = greedy_moves(np.array([9.0, 1.0]), frames, np.array([3, 9]))
        >>> moves[1, 0].tolist(), moves[0, 1].tolist()
        ([2, 0], [0, 2])
    """
    nodes, pieces = frames.shape
    node, piece = np.nonzero(frames)
    order = np.lexsort((node, -rate[piece]))
    node, piece = node[order], piece[order]
    count = frames[node, piece]
    last = np.cumsum(count)
    first = last - count
    top = np.cumsum(capacity)
    top[-1] = max(int(top[-1]), int(frames.sum()))
    moves = np.zeros((nodes, nodes, pieces), np.int64)
    for target in range(nodes):
        bottom = top[target - 1] if target else 0
        inside = np.clip(np.minimum(last, top[target]) - np.maximum(first, bottom), 0, None)
        moves[node, target, piece] = inside
        moves[target, target] = 0
    return moves


def assign(world: MemoryWorld, m: int, rate_hz: FloatArray, budget_bytes: float) -> float:
    """Move one machine's memory towards the best assignment; return bytes moved.

    Args:
        world: The machines.
        m: Machine.
        rate_hz: True expected rate of each piece, ``(P,)``.
        budget_bytes: Most bytes to move; half of them down, coldest first, half up, hottest first.
    """
    store = world.nodes.shape[1] - 1
    nodes = store + int(world.nodes["total"][m, store] > 0)
    granule = float(world.machines["granule_bytes"][m])
    frames = np.zeros((nodes, len(rate_hz)), np.int64)
    for node in range(nodes):
        resident_frames(world, m, node, frames[node])
    capacity = np.floor(world.nodes["total"][m, :nodes] * (1.0 - FREE_SHARE)).astype(np.int64)
    moves = greedy_moves(rate_hz, frames, capacity)
    return granule * _carry_out(world, m, moves, rate_hz, capacity, int(budget_bytes / granule))


def _carry_out(
    world: MemoryWorld,
    m: int,
    moves: IntArray,
    rate_hz: FloatArray,
    capacity: IntArray,
    budget: int,
) -> int:
    """Move down from the slowest nodes on, then up, until nothing finds room any more.

    Moves up leave free what lies beyond the capacity: it is the room in which pages of full nodes
    change places. Only what has moved counts against the budget, half of it each way.
    """
    nodes, left_down, left_up, moved = len(moves), budget // 2, budget - budget // 2, 1
    while moved:
        moved = 0
        for target in reversed(range(nodes)):
            for source in reversed(range(target)):
                done = _move(world, m, source, target, moves, rate_hz, left_down)
                left_down, moved = left_down - done, moved + done
        for target in range(nodes):
            for source in range(target + 1, nodes):
                used = int(world.nodes["total"][m, target] - world.nodes["free"][m, target])
                room = min(max(int(capacity[target]) - used, 0), left_up)
                done = _move(world, m, source, target, moves, -rate_hz, room)
                left_up, moved = left_up - done, moved + done
    return budget - left_down - left_up


def _move(
    world: MemoryWorld,
    m: int,
    source: int,
    target: int,
    moves: IntArray,
    key: FloatArray,
    most: int,
) -> int:
    """Carry out moves between two nodes, smallest keys first; return the frames that moved."""
    row = moves[source, target]
    order = np.argsort(key, kind="stable")
    before = np.cumsum(row[order]) - row[order]
    wanted = np.zeros_like(row)
    wanted[order] = np.clip(most - before, 0, row[order])
    row -= wanted
    moved = move_pieces(world, m, source, target, wanted)
    row += wanted
    return moved
