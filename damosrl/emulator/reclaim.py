"""Which pages reclaim takes: a clock with second chance over a memory node.

Corbato, 1968; the kernel's inactive list with referenced bits. Direct reclaim works on the slowest
node, kswapd (`damosrl.emulator.kswapd`) on every one; both turn the same hand.
"""

import math

from damosrl.emulator.compression import is_refused
from damosrl.emulator.extents import locate
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.migration import move_frames
from damosrl.emulator.rates import piece_rate
from damosrl.emulator.rng import draw

REFERENCE_WINDOW_S = 1.0
"""A page touched within this time has its referenced bit set when the clock hand comes."""


@inner_kernel
def uniform(world: MemoryWorld, m: int) -> float:
    """Draw a number uniform in [0, 1)."""
    return float(draw(world.machines[m])) / 4294967296.0


@inner_kernel
def free_memory(world: MemoryWorld, m: int) -> int:
    """Return the free frames of all memory nodes."""
    free = 0
    for node in range(world.nodes.shape[1] - 1):
        free += world.nodes[m, node].free
    return free


@lean_kernel
def reclaim(world: MemoryWorld, m: int, frames: int) -> int:
    """Write frames of the slowest memory node to the swap store; return how many."""
    store = world.nodes.shape[1] - 1
    return sweep(world, m, store - 1, store, frames)


@lean_kernel
def sweep(world: MemoryWorld, m: int, node: int, target: int, frames: int) -> int:
    """Move frames that were not used of late from a node to another; return how many.

    The hand passes over memory referenced lately and, as long as there is any other, over what lies
    on the active list (``lru_prio`` puts it there); in the last round it takes what it meets. Notes
    the mean rate of what went to the swap store.
    """
    machine = world.machines[m]
    store = world.nodes.shape[1] - 1
    reclaimed, rounds, touches_hz = 0, 0, 0.0
    last_round = 2 + (machine.uses_active != 0)
    while reclaimed < frames and rounds <= last_round and world.nodes[m, target].free > 0:
        slot = locate(world, m, node, world.nodes[m, node].hand)
        if slot == NONE:
            world.nodes[m, node].hand = 0
            rounds += 1
            continue
        extent = world.slots[m, slot]
        world.nodes[m, node].hand = extent.start + extent.length
        if extent.piece == FREE or (extent.active != 0 and rounds < 2):
            continue
        if target == store and is_refused(world, m, slot):
            continue
        rate = piece_rate(world, m, extent.piece)
        quiet = math.exp(-rate * machine.speed * REFERENCE_WINDOW_S)
        if rounds < last_round and uniform(world, m) >= quiet:
            continue
        wanted = min(frames - reclaimed, extent.length)
        world.nodes[m, node].hand = extent.start + wanted
        moved, _ = move_frames(world, m, node, target, slot, wanted, machine.time_s)
        reclaimed += moved
        touches_hz += moved * rate
        if moved == 0:
            break
    if reclaimed > 0 and target == store:
        machine.reclaimed_hz = touches_hz / reclaimed
    return reclaimed
