"""The swap store: faults that bring pages back, and direct reclaim that makes room for them.

Faults follow from the access model: a page with rate r is touched in a time d with probability
1 - exp(-r d). The threads that touch such pages stall, which slows the application and with it
the rate of faults; bisection finds the share of time stalled. Reclaim is a clock with second chance
(Corbato, 1968; the kernel's inactive list with referenced bits) over the slowest memory node.
"""

import math

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.compression import is_refused
from damosrl.emulator.extents import locate
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.latency import idle_ns, loaded_ns, peak_gbps
from damosrl.emulator.memory_state import FREE, NONE, PAGE_BYTES, MemoryWorld
from damosrl.emulator.migration import move_frames, move_pieces
from damosrl.emulator.rates import piece_rate
from damosrl.emulator.rng import draw

MOST_WRITES = 0.5
"""Share of the swap store's peak that writing may take: reading goes on beside it."""

REFERENCE_WINDOW_S = 1.0
"""A page touched within this time has its referenced bit set when the clock hand comes."""


@inner_kernel
def clear_swap(world: MemoryWorld, m: int, seed: int) -> None:
    """Begin an episode of one machine."""
    world.machines[m].rng = np.uint64(seed)
    world.machines[m].draws = np.uint64(0)
    world.machines[m].hand = 0
    world.machines[m].faults = 0.0
    world.machines[m].stalled = 0.0
    world.machines[m].fault_ns = 0.0
    world.machines[m].reclaimed_hz = 0.0


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


@inner_kernel
def expected_faults(world: MemoryWorld, m: int, exposure_s: float) -> float:
    """Return the faults to expect in a time at full speed.

    A swapped page with rate r faults once with probability 1 - exp(-r t). When memory is full
    another page takes its place in the swap store and faults in the time that is left, on average
    (r t - (1 - exp(-r t))) / r, at the rate of what was reclaimed of late.
    """
    machine = world.machines[m]
    frames = 0.0
    slot = world.nodes[m, world.nodes.shape[1] - 1].first
    while slot != NONE:
        extent = world.slots[m, slot]
        rate = piece_rate(world, m, extent.piece)
        if rate > 0.0:
            touched = -math.expm1(-rate * exposure_s)
            left_s = exposure_s - touched / rate
            frames += extent.length * (touched + machine.reclaimed_hz * left_s)
        slot = extent.after
    return frames * machine.granule_bytes / PAGE_BYTES


@inner_kernel
def _fault_time_ns(world: MemoryWorld, m: int, faults: float, duration_s: float) -> float:
    """Return the time of a fault at a fault rate; infinite beyond what the store can serve."""
    node = world.nodes.shape[1] - 1
    peak = peak_gbps(world, m, node)
    written = min(world.nodes[m, node].background_gbps, MOST_WRITES * peak)
    load = faults * PAGE_BYTES / duration_s * 1e-9 + written
    if load > peak:
        return math.inf
    time_ns = loaded_ns(world, m, node, load)
    if free_memory(world, m) == 0:
        time_ns += world.machines[m].store_ns
    return time_ns


@inner_kernel
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


@inner_kernel
def draw_faults(world: MemoryWorld, m: int, exposure_s: float, wanted: NDArray[np.int64]) -> int:
    """Draw which swapped frames were touched into ``wanted (P,)``; return how many.

    An extent loses whole frames; their mean number is that of the pages touched.
    """
    total = 0
    slot = world.nodes[m, world.nodes.shape[1] - 1].first
    while slot != NONE:
        extent = world.slots[m, slot]
        if extent.piece != FREE:
            rate = piece_rate(world, m, extent.piece)
            touched = -extent.length * math.expm1(-rate * exposure_s)
            frames = int(touched + uniform(world, m)) if rate > 0.0 else 0
            wanted[extent.piece] += frames
            total += frames
        slot = extent.after
    return total


@inner_kernel
def fault_in(world: MemoryWorld, m: int, exposure_s: float) -> None:
    """Bring back the swapped memory that was touched, to the fastest node with room.

    Where there is none, direct reclaim makes room in the slowest memory node first.
    """
    wanted = world.wanted[m]
    wanted[:] = 0
    world.machines[m].reclaimed_hz = 0.0
    store = world.nodes.shape[1] - 1
    left = draw_faults(world, m, exposure_s, wanted)
    while left > 0:
        reclaim(world, m, left - free_memory(world, m))
        moved = 0
        for node in range(store):
            moved += move_pieces(world, m, store, node, wanted)
        left -= moved
        if moved == 0:
            break


@lean_kernel
def reclaim(world: MemoryWorld, m: int, frames: int) -> int:
    """Write frames of the slowest memory node to the swap store; return how many.

    The hand passes over memory referenced lately and, as long as there is any other, over what lies
    on the active list (``lru_prio`` puts it there); in the last round it takes what it meets. Notes
    the mean rate of what it took.
    """
    machine = world.machines[m]
    store = world.nodes.shape[1] - 1
    node = store - 1
    reclaimed, rounds, touches_hz = 0, 0, 0.0
    last_round = 2 + (machine.uses_active != 0)
    while reclaimed < frames and rounds <= last_round and world.nodes[m, store].free > 0:
        slot = locate(world, m, node, machine.hand)
        if slot == NONE:
            machine.hand = 0
            rounds += 1
            continue
        extent = world.slots[m, slot]
        machine.hand = extent.start + extent.length
        if extent.piece == FREE or (extent.active != 0 and rounds < 2):
            continue
        if is_refused(world, m, slot):
            continue
        rate = piece_rate(world, m, extent.piece)
        quiet = math.exp(-rate * machine.speed * REFERENCE_WINDOW_S)
        if rounds < last_round and uniform(world, m) >= quiet:
            continue
        wanted = min(frames - reclaimed, extent.length)
        machine.hand = extent.start + wanted
        moved, _ = move_frames(world, m, node, store, slot, wanted, machine.time_s)
        reclaimed += moved
        touches_hz += moved * rate
        if moved == 0:
            break
    if reclaimed > 0:
        machine.reclaimed_hz = touches_hz / reclaimed
    return reclaimed
