"""The swap store: faults that bring pages back, and the time that they take.

Faults follow from the access model: a page with rate r is touched in a time d with probability
1 - exp(-r d). The threads that touch such pages stall, which slows the application and with it
the rate of faults; bisection finds the share of time stalled. Where no node has room left, faults
reclaim (`damosrl.emulator.reclaim`) and pay for the writing, unless kswapd does it for them.
"""

import math

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.latency import idle_ns, loaded_ns, peak_gbps
from damosrl.emulator.memory_state import FREE, NONE, PAGE_BYTES, MemoryWorld
from damosrl.emulator.migration import move_pieces
from damosrl.emulator.rates import piece_rate
from damosrl.emulator.reclaim import free_memory, reclaim, uniform

MOST_WRITES = 0.5
"""Share of the swap store's peak that writing may take: reading goes on beside it."""


@inner_kernel
def clear_swap(world: MemoryWorld, m: int, seed: int) -> None:
    """Begin an episode of one machine."""
    world.machines[m].rng = np.uint64(seed)
    world.machines[m].draws = np.uint64(0)
    world.machines[m].faults = 0.0
    world.machines[m].stalled = 0.0
    world.machines[m].fault_ns = 0.0
    world.machines[m].reclaimed_hz = 0.0
    for node in range(world.nodes.shape[1]):
        world.nodes[m, node].hand = 0


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
    written = world.machines[m].store_ns * direct_share(world, m, faults, duration_s)
    return float(loaded_ns(world, m, node, load) + written)


@inner_kernel
def direct_share(world: MemoryWorld, m: int, faults: float, duration_s: float) -> float:
    """Return the share of faults that have to write a page first, 0..1.

    Without kswapd it is all of them once memory is full. With kswapd those wait that come when what
    was free, and what one thread can write meanwhile, is used up.
    """
    machine, free = world.machines[m], free_memory(world, m)
    if machine.kswapd == 0 or machine.store_ns == 0.0:
        return 1.0 if free == 0 else 0.0
    ready = free * machine.granule_bytes / PAGE_BYTES + duration_s * 1e9 / machine.store_ns
    return float(1.0 - ready / faults) if faults > ready else 0.0


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
