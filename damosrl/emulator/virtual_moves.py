"""Moving a range's frames from node to node: as planned, and as far as filters let them pass."""

from damosrl.emulator.extents import isolate, join_previous
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.migration import move_frames
from damosrl.emulator.ops_filters import looks_at_age, passing_folios
from damosrl.emulator.physical_actions import folio_frames
from damosrl.emulator.places import sampling_s
from damosrl.emulator.rates import accesses_by
from damosrl.emulator.state import EngineState
from damosrl.emulator.virtual_plan import meets
from damosrl.emulator.virtual_state import Range


@inner_kernel
def plan_moves(world: MemoryWorld, wanted: Range, source: int, target: int) -> int:
    """Write how many frames of each piece go from one node to another; return the sum.

    What is there too much in the one, as far as it is missing in the other.
    """
    m, plans, moves, total = wanted.m, world.virtual.plans, world.virtual.moves, 0
    for s in range(wanted.first_span, wanted.end_span):
        if meets(world, wanted, s):
            piece = world.virtual.spans[m, s].piece
            surplus = plans[m, source, piece].inside - plans[m, source, piece].wanted
            missing = plans[m, target, piece].wanted - plans[m, target, piece].inside
            total -= moves[m, piece].left  # of a piece that two spans hold
            moves[m, piece].left = max(min(surplus, missing), 0)
            moves[m, piece].met = 0
            moves[m, piece].there = plans[m, source, piece].resident
            total += moves[m, piece].left
    return total


@inner_kernel
def forget_moves(world: MemoryWorld, wanted: Range) -> None:
    """Forget what is still to be moved: it found no room, or was not let pass."""
    for s in range(wanted.first_span, wanted.end_span):
        if meets(world, wanted, s):
            world.virtual.moves[wanted.m, world.virtual.spans[wanted.m, s].piece].left = 0


@inner_kernel
def next_share(world: MemoryWorld, m: int, slot: int) -> int:
    """Return how many frames of an extent belong to those asked for, spread over all alike."""
    extent = world.slots[m, slot]
    move = world.virtual.moves[m, extent.piece]
    before = (move.left * move.met + move.there // 2) // move.there
    move.met += extent.length
    return int((move.left * move.met + move.there // 2) // move.there - before)


@inner_kernel
def let_pass(
    world: MemoryWorld, state: EngineState, wanted: Range, slot: int, frames: int
) -> tuple[int, int]:
    """Ask a scheme's filters about the first frames of an extent.

    Returns:
        Frames that pass, whole folios, and the slot of the extent, which may have been cut.
    """
    m, c, s = wanted.m, wanted.c, wanted.scheme
    unit = folio_frames(world, m, world.slots[m, slot].order)
    if looks_at_age(state, c, s):
        start = world.slots[m, slot].start
        slot = isolate(world, m, slot, start, start + frames)
        if slot == NONE:
            return 0, NONE
    folios = -(-frames // unit)
    passed, tested = passing_folios(world, state, c, s, m, slot, folios, sampling_s(state, c))
    if tested:
        now_s = float(state.contexts[c].now_us) * 1e-6
        world.slots[m, slot].old_at = accesses_by(world, m, world.slots[m, slot].piece, now_s)
    return min(int(passed) * unit, frames), slot


@inner_kernel
def move_passing(
    world: MemoryWorld, state: EngineState, wanted: Range, source: int, target: int
) -> int:
    """Move the frames that pass the filters, extent by extent; return how many were moved."""
    m, plans, total = wanted.m, world.virtual.plans, 0
    slot = world.nodes[m, source].first
    while slot != NONE and world.nodes[m, target].free > 0:
        piece = world.slots[m, slot].piece
        if piece == FREE or world.virtual.moves[m, piece].left == 0:
            slot = world.slots[m, slot].after
            continue
        stop = world.slots[m, slot].start + world.slots[m, slot].length
        share = next_share(world, m, slot)
        if share == 0:
            slot = world.slots[m, slot].after
            continue
        frames, slot = let_pass(world, state, wanted, slot, share)
        if slot == NONE:
            break
        moved, following = 0, join_previous(world, m, source, slot) if frames == 0 else slot
        if frames > 0:
            now_s = world.machines[m].time_s
            moved, following = move_frames(world, m, source, target, slot, frames, now_s)
        plans[m, source, piece].inside -= moved
        plans[m, target, piece].inside += moved
        total += moved
        slot = following
        while slot != NONE and world.slots[m, slot].start < stop:
            slot = world.slots[m, slot].after
    return total


@inner_kernel
def move_all(world: MemoryWorld, m: int, source: int, target: int, left: int) -> int:
    """Move so many frames as planned, the lowest ones of each piece; return how many were moved."""
    total = 0
    slot = world.nodes[m, source].first
    while slot != NONE and total < left and world.nodes[m, target].free > 0:
        piece = world.slots[m, slot].piece
        if piece == FREE or world.virtual.moves[m, piece].left == 0:
            slot = world.slots[m, slot].after
            continue
        unit = folio_frames(world, m, world.slots[m, slot].order)
        frames = -(-world.virtual.moves[m, piece].left // unit) * unit
        moved, slot = move_frames(world, m, source, target, slot, frames, world.machines[m].time_s)
        move = world.virtual.moves[m, piece]
        move.left = max(move.left - moved, 0)
        world.virtual.plans[m, source, piece].inside -= moved
        world.virtual.plans[m, target, piece].inside += moved
        total += moved
        if moved == 0:
            break
    return total


@inner_kernel
def carry(
    world: MemoryWorld, state: EngineState, wanted: Range, source: int, target: int, asks: bool
) -> int:
    """Move what lies in one node and is wanted in another; return frames moved."""
    left = plan_moves(world, wanted, source, target)
    if left == 0:
        return 0
    if asks:
        moved = move_passing(world, state, wanted, source, target)
    else:
        moved = move_all(world, wanted.m, source, target, left)
    forget_moves(world, wanted)
    return moved
