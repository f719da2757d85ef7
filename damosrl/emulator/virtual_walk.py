"""Walking over a range's frames in one node: moving, advising, or counting them."""

from damosrl.emulator.arithmetic import U
from damosrl.emulator.extents import isolate, join_previous
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.madvise import advise
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.migration import move_frames
from damosrl.emulator.ops_filters import looks_at_age, passing_folios
from damosrl.emulator.physical_actions import STAT, folio_frames
from damosrl.emulator.places import sampling_s
from damosrl.emulator.rates import accesses_by
from damosrl.emulator.state import EngineState
from damosrl.emulator.virtual_plan import next_share
from damosrl.emulator.virtual_state import Range


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
def treat(
    world: MemoryWorld,
    state: EngineState,
    wanted: Range,
    slot: int,
    frames: int,
    way: tuple[int, int],
) -> tuple[int, int]:
    """Do what a scheme does to the first frames of an extent.

    Args:
        world: The machines.
        state: The engine.
        wanted: The range.
        slot: The extent.
        frames: Frames, at least one.
        way: The extent's node, and the node they go to; below 0 they stay.

    Returns:
        Frames that it was done to, and a slot behind them.
    """
    m, scheme = wanted.m, state.schemes[wanted.c, wanted.scheme]
    source, target = way
    if target >= 0:
        piece = world.slots[m, slot].piece
        now_s = world.machines[m].time_s
        moved, slot = move_frames(world, m, source, target, slot, frames, now_s)
        world.virtual.plans[m, source, piece].inside -= moved
        world.virtual.plans[m, target, piece].inside += moved
        return moved, slot
    if scheme.action != STAT:
        now_s = float(state.contexts[wanted.c].now_us) * 1e-6
        slot, copy_ns = advise(world, m, source, slot, frames, scheme.action, now_s)
        scheme.total_charged_ns += U(copy_ns)
        return frames, slot
    return frames, join_previous(world, m, source, slot)


@inner_kernel
def walk_range(
    world: MemoryWorld, state: EngineState, wanted: Range, source: int, target: int, asks: bool
) -> int:
    """Treat the frames of a range in a node that a walk is about; return how many it were.

    Where filters are asked, or nothing moves, the frames are spread over all extents of a piece;
    else the lowest ones stand for all.
    """
    m, total = wanted.m, 0
    slot = world.nodes[m, source].first
    while slot != NONE and (target < 0 or world.nodes[m, target].free > 0):
        extent = world.slots[m, slot]
        frames, stop = 0, extent.start + extent.length
        if extent.piece != FREE and world.virtual.plans[m, source, extent.piece].left > 0:
            plan = world.virtual.plans[m, source, extent.piece]
            if asks or target < 0:
                frames = next_share(plan, extent.length)
            else:
                unit = folio_frames(world, m, extent.order)
                frames = min(-(-plan.left // unit) * unit, extent.length)
                plan.left = max(plan.left - frames, 0)
        if frames > 0 and asks:
            frames, slot = let_pass(world, state, wanted, slot, frames)
            if slot == NONE:
                break
        if frames > 0:
            treated, slot = treat(world, state, wanted, slot, frames, (source, target))
            total += treated
        while slot != NONE and world.slots[m, slot].start < stop:
            slot = world.slots[m, slot].after
    return total
