"""The swap store: faults that bring pages back, and direct reclaim that makes room for them.

Faults follow from the access model: a page with rate r is touched in a time d with probability
1 - exp(-r d). The threads that touch such pages stall, which slows the application and with it
the rate of faults; bisection finds the share of time stalled. Reclaim is a clock with second chance
(Corbato, 1968; the kernel's inactive list with referenced bits) over the slowest memory node.
"""

import math

import numpy as np

from damosrl.emulator.extents import locate
from damosrl.emulator.jit import kernel
from damosrl.emulator.latency import idle_ns, loaded_ns, peak_gbps
from damosrl.emulator.memory_state import FREE, NONE, PAGE_BYTES, MemoryWorld
from damosrl.emulator.migration import move_frames
from damosrl.emulator.rates import piece_rate
from damosrl.emulator.rng import draw

REFERENCE_WINDOW_S = 1.0
"""A page touched within this time has its referenced bit set when the clock hand comes."""


@kernel
def clear_swap(world: MemoryWorld, m: int, seed: int) -> None:
    """Begin an episode of one machine."""
    world.machines[m].rng = np.uint64(seed)
    world.machines[m].draws = np.uint64(0)
    world.machines[m].hand = 0
    world.machines[m].faults = 0.0
    world.machines[m].stalled = 0.0
    world.machines[m].fault_ns = 0.0


@kernel
def uniform(world: MemoryWorld, m: int) -> float:
    """Draw a number uniform in [0, 1)."""
    return float(draw(world.machines[m])) / 4294967296.0


@kernel
def free_memory(world: MemoryWorld, m: int) -> int:
    """Return the free frames of all memory nodes."""
    free = 0
    for node in range(world.nodes.shape[1] - 1):
        free += world.nodes[m, node].free
    return free


@kernel
def expected_faults(world: MemoryWorld, m: int, exposure_s: float) -> float:
    """Return the number of swapped pages touched at least once in a time at full speed."""
    node = world.nodes.shape[1] - 1
    pages = 0.0
    slot = world.nodes[m, node].first
    while slot != NONE:
        rate = piece_rate(world, m, world.slots[m, slot].piece)
        if rate > 0.0:
            pages -= world.slots[m, slot].length * math.expm1(-rate * exposure_s)
        slot = world.slots[m, slot].after
    return pages * world.machines[m].granule_bytes / PAGE_BYTES


@kernel
def _fault_time_ns(world: MemoryWorld, m: int, faults: float, duration_s: float) -> float:
    """Return the time of a fault at a fault rate; infinite beyond what the store can serve."""
    node = world.nodes.shape[1] - 1
    load = faults * PAGE_BYTES / duration_s * 1e-9 + world.nodes[m, node].background_gbps
    if load > peak_gbps(world, m, node):
        return math.inf
    time_ns = loaded_ns(world, m, node, load)
    if free_memory(world, m) == 0:
        time_ns += world.machines[m].store_ns
    return time_ns


@kernel
def solve_stalls(
    world: MemoryWorld,
    m: int,
    speed: float,
    duration_s: float,
) -> float:
    """Find the share of the threads' time stalled on faults over an interval.

    Args:
        world: The machines; ``stalled`` and ``fault_ns`` are written.
        m: Machine.
        speed: Speed of the application, were there no faults.
        duration_s: Length of the interval.

    Returns:
        Page faults in the interval.
    """
    node = world.nodes.shape[1] - 1
    world.machines[m].stalled = 0.0
    if world.nodes[m, node].free == world.nodes[m, node].total:
        return 0.0
    thread_ns = world.machines[m].threads * duration_s * 1e9
    low, high = 0.0, 1.0
    for step in range(30):
        stalled = 0.0 if step == 0 else 0.5 * (low + high)
        exposure = speed * (1.0 - stalled) * duration_s
        faults = expected_faults(world, m, exposure)
        if faults * _fault_time_ns(world, m, faults, duration_s) > stalled * thread_ns:
            low = stalled
        else:
            high = stalled
        if high == 0.0:
            break
    faults = expected_faults(world, m, speed * (1.0 - high) * duration_s)
    world.machines[m].stalled = high
    world.machines[m].fault_ns = (
        high * thread_ns / faults if faults > 0.0 else idle_ns(world, m, node)
    )
    world.machines[m].faults += faults
    return faults


@kernel
def fault_in(world: MemoryWorld, m: int, exposure_s: float, now_s: float) -> None:
    """Bring back the swapped memory that was touched; whole frames, drawn with the right mean."""
    node = world.nodes.shape[1] - 1
    slot = world.nodes[m, node].first
    while slot != NONE:
        following = world.slots[m, slot].after
        rate = piece_rate(world, m, world.slots[m, slot].piece)
        if rate > 0.0:
            touched = -world.slots[m, slot].length * math.expm1(-rate * exposure_s)
            frames = int(touched + uniform(world, m))
            while frames > 0:
                target = _memory_with_room(world, m, frames, now_s)
                if target == NONE:
                    return
                moved, following = move_frames(world, m, node, target, slot, frames, now_s)
                frames -= moved
                slot = following
                if moved == 0 or slot == NONE or world.slots[m, slot].piece == FREE:
                    break
        slot = following


@kernel
def _memory_with_room(world: MemoryWorld, m: int, frames: int, now_s: float) -> int:
    """Return the fastest node with a free frame, reclaiming from the slowest if there is none."""
    nodes = world.nodes.shape[1] - 1
    for node in range(nodes):
        if world.nodes[m, node].free > 0:
            return node
    reclaim(world, m, frames, now_s)
    return nodes - 1 if world.nodes[m, nodes - 1].free > 0 else NONE


@kernel
def reclaim(world: MemoryWorld, m: int, frames: int, now_s: float) -> int:
    """Write frames of the slowest memory node to the swap store; return how many.

    The hand passes over memory referenced lately; in a second round it takes what it meets.
    """
    store = world.nodes.shape[1] - 1
    node = store - 1
    reclaimed, rounds = 0, 0
    while reclaimed < frames and rounds < 3 and world.nodes[m, store].free > 0:
        slot = locate(world, m, node, world.machines[m].hand)
        if slot == NONE:
            world.machines[m].hand = 0
            rounds += 1
            continue
        length = world.slots[m, slot].length
        world.machines[m].hand = world.slots[m, slot].start + length
        if world.slots[m, slot].piece == FREE:
            continue
        exposure = world.machines[m].speed * REFERENCE_WINDOW_S
        quiet = math.exp(-piece_rate(world, m, world.slots[m, slot].piece) * exposure)
        if rounds < 2 and uniform(world, m) >= quiet:
            continue
        wanted = min(frames - reclaimed, length)
        world.machines[m].hand = world.slots[m, slot].start + wanted
        moved, _ = move_frames(world, m, node, store, slot, wanted, now_s)
        reclaimed += moved
        if moved == 0:
            break
    return reclaimed
