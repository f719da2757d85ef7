"""Which memory lies in which frames: extents sorted by physical address, one list per node.

An extent is a run of frames of one node that holds one piece of the workload's address space, or
nothing. Within a piece all pages have one access rate, so which of its pages lies where does not
matter and neighbouring extents of one piece are one extent. Extents are doubly linked in a pool
of slots per machine, so splitting and joining cost the same however large memory is. Lists that
migration has scattered over the pool are put in order now and then: a walk then reads memory from
front to back, which takes a fraction of the time.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld

SCATTERED_ONE_IN = 4
"""Share of the extents that may have been taken from anywhere in the pool."""


@lean_kernel
def clear_extents(world: MemoryWorld, m: int) -> None:
    """Take all memory of one machine away."""
    machine = world.machines[m]
    machine.spare = NONE
    machine.unused = 0
    machine.scattered = 0
    machine.listed = 0
    machine.exhausted = 0
    for n in range(world.nodes.shape[1]):
        node = world.nodes[m, n]
        node.first = NONE
        node.cursor = NONE
        node.lowest_free = NONE
        node.free = 0
        node.total = 0


@inner_kernel
def take_slot(world: MemoryWorld, m: int) -> int:
    """Take a spare slot; `NONE`, and the machine marked, when there is none."""
    machine = world.machines[m]
    slot = machine.spare
    if slot != NONE:
        machine.spare = world.slots[m, slot].after
    elif machine.unused < world.slots.shape[1]:
        slot = machine.unused
        machine.unused += 1
    else:
        machine.exhausted = 1
        return NONE
    machine.scattered += 1
    return slot


@inner_kernel
def clear_extent(world: MemoryWorld, m: int, slot: int, piece: int) -> None:
    """Write what nobody has touched yet into an extent: on the inactive list, old."""
    extent = world.slots[m, slot]
    extent.piece = piece
    extent.moved_at = 0
    extent.active = 0
    extent.old_at = 0.0
    extent.order = 0
    if piece != FREE:
        extent.order = world.pieces[m, piece].order


@inner_kernel
def copy_content(world: MemoryWorld, m: int, slot: int, to: int) -> None:
    """Write what an extent holds into another one."""
    source, copy = world.slots[m, slot], world.slots[m, to]
    copy.piece = source.piece
    copy.moved_at = source.moved_at
    copy.order = source.order
    copy.active = source.active
    copy.old_at = source.old_at


@inner_kernel
def hold_the_same(world: MemoryWorld, m: int, slot: int, other: int) -> bool:
    """Tell whether two extents differ in nothing but their place."""
    one, two = world.slots[m, slot], world.slots[m, other]
    return bool(
        one.piece == two.piece
        and one.moved_at == two.moved_at
        and one.order == two.order
        and one.active == two.active
        and one.old_at == two.old_at
    )


@lean_kernel
def append_extent(world: MemoryWorld, m: int, node: int, last: int, length: int, piece: int) -> int:
    """Add an extent behind a node's last slot (`NONE` for the first); return its slot."""
    slot = take_slot(world, m)
    if slot == NONE:
        return last
    world.slots[m, slot].length = length
    clear_extent(world, m, slot, piece)
    world.slots[m, slot].after = NONE
    world.slots[m, slot].before = last
    if last == NONE:
        world.nodes[m, node].first = slot
        world.nodes[m, node].cursor = slot
        world.slots[m, slot].start = 0
    else:
        world.slots[m, last].after = slot
        world.slots[m, slot].start = world.slots[m, last].start + world.slots[m, last].length
    world.nodes[m, node].total += length
    if piece == FREE:
        world.nodes[m, node].free += length
        if world.nodes[m, node].lowest_free == NONE:
            world.nodes[m, node].lowest_free = slot
    return slot


@lean_kernel
def locate(world: MemoryWorld, m: int, node: int, frame: int) -> int:
    """Return the slot of the extent that holds a frame, walking from the last one found."""
    slot = world.nodes[m, node].cursor
    if slot == NONE:
        return NONE
    while world.slots[m, slot].start > frame:
        slot = world.slots[m, slot].before
    while world.slots[m, slot].start + world.slots[m, slot].length <= frame:
        following = world.slots[m, slot].after
        if following == NONE:
            return NONE
        slot = following
    world.nodes[m, node].cursor = slot
    return slot


@lean_kernel
def split_extent(world: MemoryWorld, m: int, slot: int, frames: int) -> int:
    """Cut an extent after some frames; return the slot of the right part, or `NONE`."""
    right = take_slot(world, m)
    if right == NONE:
        return NONE
    world.slots[m, right].start = world.slots[m, slot].start + frames
    world.slots[m, right].length = world.slots[m, slot].length - frames
    copy_content(world, m, slot, right)
    world.slots[m, slot].length = frames
    following = world.slots[m, slot].after
    world.slots[m, right].before = slot
    world.slots[m, right].after = following
    world.slots[m, slot].after = right
    if following != NONE:
        world.slots[m, following].before = right
    return right


@inner_kernel
def unlink(world: MemoryWorld, m: int, node: int, slot: int) -> None:
    """Take a slot out of its list; its frames already belong to a neighbour."""
    previous, following = world.slots[m, slot].before, world.slots[m, slot].after
    neighbour = following if previous == NONE else previous
    if previous == NONE:
        world.nodes[m, node].first = following
    else:
        world.slots[m, previous].after = following
    if following != NONE:
        world.slots[m, following].before = previous
    if world.nodes[m, node].cursor == slot:
        world.nodes[m, node].cursor = neighbour
    if world.nodes[m, node].lowest_free == slot:
        world.nodes[m, node].lowest_free = neighbour
    world.slots[m, slot].after = world.machines[m].spare
    world.machines[m].spare = slot


@inner_kernel
def join_following(world: MemoryWorld, m: int, node: int, slot: int) -> bool:
    """Join an extent with the one after it when both hold the same; say whether they did."""
    following = world.slots[m, slot].after
    if following == NONE or not hold_the_same(world, m, slot, following):
        return False
    world.slots[m, slot].length += world.slots[m, following].length
    unlink(world, m, node, following)
    return True


@inner_kernel
def join_previous(world: MemoryWorld, m: int, node: int, slot: int) -> int:
    """Join an extent with the one before it if both hold the same; return what covers it."""
    previous = world.slots[m, slot].before
    if previous != NONE and join_following(world, m, node, previous):
        return previous
    return slot


@lean_kernel
def release_extent(world: MemoryWorld, m: int, node: int, slot: int) -> int:
    """Free an extent's frames; return the slot that covers them after joining."""
    world.nodes[m, node].free += world.slots[m, slot].length
    clear_extent(world, m, slot, FREE)
    join_following(world, m, node, slot)
    slot = join_previous(world, m, node, slot)
    lowest = world.nodes[m, node].lowest_free
    if lowest == NONE or world.slots[m, slot].start < world.slots[m, lowest].start:
        world.nodes[m, node].lowest_free = slot
    return slot


@lean_kernel
def find_free(world: MemoryWorld, m: int, node: int) -> int:
    """Return the free extent of the lowest address, or `NONE`."""
    if world.nodes[m, node].free == 0:
        return NONE
    slot = world.nodes[m, node].lowest_free
    while slot != NONE and world.slots[m, slot].piece != FREE:
        slot = world.slots[m, slot].after
    world.nodes[m, node].lowest_free = slot
    return slot


@lean_kernel
def fill_free(world: MemoryWorld, m: int, node: int, slot: int, frames: int, source: int) -> int:
    """Put what an extent holds into the first frames of a free one; return how many found room.

    Grows the extent before it when that holds the same, so that memory migrated together stays
    one extent.
    """
    count = min(frames, world.slots[m, slot].length)
    previous = world.slots[m, slot].before
    if previous != NONE and hold_the_same(world, m, previous, source):
        world.slots[m, previous].length += count
        world.slots[m, slot].start += count
        world.slots[m, slot].length -= count
        if world.slots[m, slot].length == 0:
            unlink(world, m, node, slot)
            join_following(world, m, node, previous)
    else:
        if count < world.slots[m, slot].length and split_extent(world, m, slot, count) == NONE:
            return 0
        copy_content(world, m, source, slot)
        join_following(world, m, node, slot)
    world.nodes[m, node].free -= count
    return count


@inner_kernel
def isolate(world: MemoryWorld, m: int, slot: int, first: int, end: int) -> int:
    """Make the frames [first, end) of an extent one of their own; return it, or `NONE`."""
    start = world.slots[m, slot].start
    if start < first:
        slot = split_extent(world, m, slot, first - start)
        if slot == NONE:
            return NONE
    extent = world.slots[m, slot]
    if end < extent.start + extent.length and split_extent(world, m, slot, end - first) == NONE:
        return NONE
    return slot


@inner_kernel
def forget_old_moves(world: MemoryWorld, m: int, oldest: int) -> None:
    """Forget migrations before a time (deciseconds) and join what then holds the same."""
    for node in range(world.nodes.shape[1]):
        slot = world.nodes[m, node].first
        while slot != NONE:
            if abs(world.slots[m, slot].moved_at) < oldest:
                world.slots[m, slot].moved_at = 0
            slot = join_previous(world, m, node, slot)
            slot = world.slots[m, slot].after


@inner_kernel
def tidy_slots(world: MemoryWorld, m: int, scratch: NDArray[np.void]) -> None:
    """Put a machine's extents into the order of its lists, if many were taken since the last time.

    Nothing but the numbers of the slots changes.

    Args:
        world: The machines.
        m: Machine.
        scratch: Room for all its slots, ``(E,)``.
    """
    machine, count = world.machines[m], 0
    if machine.scattered * SCATTERED_ONE_IN <= machine.listed:
        return
    for n in range(world.nodes.shape[1]):
        node, before = world.nodes[m, n], NONE
        slot, cursor, lowest_free = node.first, node.cursor, node.lowest_free
        node.first = NONE if slot == NONE else count
        while slot != NONE:
            scratch[count] = world.slots[m, slot]
            if slot == cursor:
                node.cursor = count
            if slot == lowest_free:
                node.lowest_free = count
            slot = scratch[count].after
            scratch[count].before = before
            scratch[count].after = NONE if slot == NONE else count + 1
            before, count = count, count + 1
    for slot in range(count):
        world.slots[m, slot] = scratch[slot]
    machine.spare = NONE
    machine.unused = count
    machine.listed = count
    machine.scattered = 0
