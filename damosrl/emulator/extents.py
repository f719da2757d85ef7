"""Which memory lies in which frames: extents sorted by physical address, one list per node.

An extent is a run of frames of one node that holds one piece of the workload's address space, or
nothing. Within a piece all pages have one access rate, so which of its pages lies where does not
matter and neighbouring extents of one piece are one extent. Extents are doubly linked in a pool
of slots per machine, so splitting and joining cost the same however large memory is.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import kernel

FREE = -1
"""Piece of an extent of free frames."""

NONE = -1
"""No slot."""

Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]


class Extents(NamedTuple):
    """Extents of N machines with T memory nodes (the last one is the swap store).

    Arrays ``(N, E)`` describe slots, arrays ``(N, T)`` nodes; all counts are frames.
    """

    start: Int32Array
    """First frame within the node, ``(N, E)``."""
    length: Int32Array
    """Frames, ``(N, E)``."""
    piece: Int32Array
    """Piece of the workload, or `FREE`, ``(N, E)``."""
    moved_at: Int32Array
    """When it was last migrated: deciseconds since the start, negative when it went to a slower
    node, 0 when long ago, ``(N, E)``."""
    after: Int32Array
    """Next slot in address order (or in the chain of spare slots), ``(N, E)``."""
    before: Int32Array
    """Previous slot in address order, ``(N, E)``."""
    spare: Int32Array
    """First spare slot, ``(N,)``."""
    first: Int32Array
    """First slot of each node, ``(N, T)``; `NONE` for a node without memory."""
    cursor: Int32Array
    """Slot at which the last search ended, ``(N, T)``."""
    lowest_free: Int32Array
    """No free extent lies before this slot, ``(N, T)``; `NONE` when none is free."""
    free: Int64Array
    """Free frames, ``(N, T)``."""
    total: Int64Array
    """All frames, ``(N, T)``."""
    exhausted: NDArray[np.uint8]
    """1 once a machine ran out of slots, ``(N,)``."""


def allocate_extents(machines: int, nodes: int, slots: int) -> Extents:
    """Make room for the extents of some machines; every node is without memory."""

    def slot_array() -> Int32Array:
        return np.zeros((machines, slots), np.int32)

    def node_array() -> Int32Array:
        return np.full((machines, nodes), NONE, np.int32)

    return Extents(
        start=slot_array(),
        length=slot_array(),
        piece=slot_array(),
        moved_at=slot_array(),
        after=slot_array(),
        before=slot_array(),
        spare=np.full(machines, NONE, np.int32),
        first=node_array(),
        cursor=node_array(),
        lowest_free=node_array(),
        free=np.zeros((machines, nodes), np.int64),
        total=np.zeros((machines, nodes), np.int64),
        exhausted=np.zeros(machines, np.uint8),
    )


@kernel
def clear_extents(x: Extents, m: int) -> None:
    """Take all memory of one machine away."""
    slots = x.start.shape[1]
    for slot in range(slots):
        x.after[m, slot] = slot + 1
    x.after[m, slots - 1] = NONE
    x.spare[m] = 0
    x.first[m] = NONE
    x.cursor[m] = NONE
    x.lowest_free[m] = NONE
    x.free[m] = 0
    x.total[m] = 0
    x.exhausted[m] = 0


@kernel
def take_slot(x: Extents, m: int) -> int:
    """Take a spare slot; `NONE`, and the machine marked, when there is none."""
    slot = x.spare[m]
    if slot == NONE:
        x.exhausted[m] = 1
        return NONE
    x.spare[m] = x.after[m, slot]
    return slot


@kernel
def append_extent(x: Extents, m: int, node: int, last: int, length: int, piece: int) -> int:
    """Add an extent behind a node's last slot (`NONE` for the first); return its slot."""
    slot = take_slot(x, m)
    if slot == NONE:
        return last
    x.length[m, slot] = length
    x.piece[m, slot] = piece
    x.moved_at[m, slot] = 0
    x.after[m, slot] = NONE
    x.before[m, slot] = last
    if last == NONE:
        x.first[m, node] = slot
        x.cursor[m, node] = slot
        x.start[m, slot] = 0
    else:
        x.after[m, last] = slot
        x.start[m, slot] = x.start[m, last] + x.length[m, last]
    x.total[m, node] += length
    if piece == FREE:
        x.free[m, node] += length
        if x.lowest_free[m, node] == NONE:
            x.lowest_free[m, node] = slot
    return slot


@kernel
def locate(x: Extents, m: int, node: int, frame: int) -> int:
    """Return the slot of the extent that holds a frame, walking from the last one found."""
    slot = x.cursor[m, node]
    if slot == NONE:
        return NONE
    while x.start[m, slot] > frame:
        slot = x.before[m, slot]
    while x.start[m, slot] + x.length[m, slot] <= frame:
        following = x.after[m, slot]
        if following == NONE:
            return NONE
        slot = following
    x.cursor[m, node] = slot
    return slot


@kernel
def split_extent(x: Extents, m: int, slot: int, frames: int) -> int:
    """Cut an extent after some frames; return the slot of the right part, or `NONE`."""
    right = take_slot(x, m)
    if right == NONE:
        return NONE
    x.start[m, right] = x.start[m, slot] + frames
    x.length[m, right] = x.length[m, slot] - frames
    x.piece[m, right] = x.piece[m, slot]
    x.moved_at[m, right] = x.moved_at[m, slot]
    x.length[m, slot] = frames
    following = x.after[m, slot]
    x.before[m, right] = slot
    x.after[m, right] = following
    x.after[m, slot] = right
    if following != NONE:
        x.before[m, following] = right
    return right


@kernel
def unlink(x: Extents, m: int, node: int, slot: int) -> None:
    """Take a slot out of its list; its frames already belong to a neighbour."""
    previous, following = x.before[m, slot], x.after[m, slot]
    neighbour = following if previous == NONE else previous
    if previous == NONE:
        x.first[m, node] = following
    else:
        x.after[m, previous] = following
    if following != NONE:
        x.before[m, following] = previous
    if x.cursor[m, node] == slot:
        x.cursor[m, node] = neighbour
    if x.lowest_free[m, node] == slot:
        x.lowest_free[m, node] = neighbour
    x.after[m, slot] = x.spare[m]
    x.spare[m] = slot


@kernel
def join_following(x: Extents, m: int, node: int, slot: int) -> bool:
    """Join an extent with the one after it when both hold the same; say whether they did."""
    following = x.after[m, slot]
    if (
        following == NONE
        or x.piece[m, following] != x.piece[m, slot]
        or x.moved_at[m, following] != x.moved_at[m, slot]
    ):
        return False
    x.length[m, slot] += x.length[m, following]
    unlink(x, m, node, following)
    return True


@kernel
def release_extent(x: Extents, m: int, node: int, slot: int) -> int:
    """Free an extent's frames; return the slot that covers them after joining."""
    x.free[m, node] += x.length[m, slot]
    x.piece[m, slot] = FREE
    x.moved_at[m, slot] = 0
    join_following(x, m, node, slot)
    previous = x.before[m, slot]
    if previous != NONE and join_following(x, m, node, previous):
        slot = previous
    lowest = x.lowest_free[m, node]
    if lowest == NONE or x.start[m, slot] < x.start[m, lowest]:
        x.lowest_free[m, node] = slot
    return slot


@kernel
def find_free(x: Extents, m: int, node: int) -> int:
    """Return the free extent of the lowest address, or `NONE`."""
    if x.free[m, node] == 0:
        return NONE
    slot = x.lowest_free[m, node]
    while slot != NONE and x.piece[m, slot] != FREE:
        slot = x.after[m, slot]
    x.lowest_free[m, node] = slot
    return slot


@kernel
def fill_free(
    x: Extents, m: int, node: int, slot: int, frames: int, piece: int, moved_at: int
) -> int:
    """Put a piece into the first frames of a free extent; return how many found room.

    Grows the extent before it when that holds the same, so that memory migrated together stays
    one extent.
    """
    count = min(frames, x.length[m, slot])
    previous = x.before[m, slot]
    if previous != NONE and x.piece[m, previous] == piece and x.moved_at[m, previous] == moved_at:
        x.length[m, previous] += count
        x.start[m, slot] += count
        x.length[m, slot] -= count
        if x.length[m, slot] == 0:
            unlink(x, m, node, slot)
            join_following(x, m, node, previous)
    else:
        if count < x.length[m, slot] and split_extent(x, m, slot, count) == NONE:
            return 0
        x.piece[m, slot] = piece
        x.moved_at[m, slot] = moved_at
        join_following(x, m, node, slot)
    x.free[m, node] -= count
    return count


@kernel
def forget_old_moves(x: Extents, m: int, oldest: int) -> None:
    """Forget migrations before a time (deciseconds) and join what then holds the same."""
    for node in range(x.first.shape[1]):
        slot = x.first[m, node]
        while slot != NONE:
            if abs(x.moved_at[m, slot]) < oldest:
                x.moved_at[m, slot] = 0
            previous = x.before[m, slot]
            if previous != NONE and join_following(x, m, node, previous):
                slot = previous
            slot = x.after[m, slot]
