"""The swap store: faults that bring pages back, and the time that they take.

Faults follow from the access model: a page with rate r is touched in a time d with probability
1 - exp(-r d). All swapped pages of a piece are alike, so they are counted, not walked. The threads
that touch such pages stall, which slows the application and with it the rate of faults; the share
of time stalled is the root at which both agree. Where no node has room left, faults reclaim
(`damosrl.emulator.reclaim`) and pay for the writing, unless kswapd does it for them.
"""

import math

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.latency import idle_ns, loaded_ns, peak_gbps
from damosrl.emulator.memory_state import PAGE_BYTES, MemoryWorld
from damosrl.emulator.migration import move_pieces
from damosrl.emulator.rates import piece_rate
from damosrl.emulator.reclaim import free_memory, reclaim, uniform

MOST_WRITES = 0.5
"""Share of the swap store's peak that writing may take: reading goes on beside it."""

STALL_TOLERANCE = 1e-7
"""Relative error of the share of time stalled."""

MOST_STEPS = 60
"""Steps in which that is found in any case: bisection takes thirty."""


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
    for piece in range(machine.num_pieces):
        stored = world.pieces[m, piece].stored
        rate = piece_rate(world, m, piece) if stored > 0 else 0.0
        if rate > 0.0:
            touched = -math.expm1(-rate * exposure_s)
            left_s = exposure_s - touched / rate
            frames += stored * (touched + machine.reclaimed_hz * left_s)
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
def _excess_ns(
    world: MemoryWorld, m: int, speed: float, duration_s: float, stalled: float
) -> float:
    """Return the time that faults take beyond a share of the threads' time taken to be stalled."""
    faults = expected_faults(world, m, speed * (1.0 - stalled) * duration_s)
    thread_ns = world.machines[m].threads * duration_s * 1e9
    return faults * _fault_time_ns(world, m, faults, duration_s) - stalled * thread_ns


@inner_kernel
def _stalled_share(world: MemoryWorld, m: int, speed: float, duration_s: float) -> float:
    """Find the share of time stalled, within `STALL_TOLERANCE` of it.

    Regula falsi with the Illinois rule (Dowell and Jarratt, 1971); bisection while the store
    cannot serve the faults of the lower end at all.
    """
    low, high = 0.0, 1.0
    below = _excess_ns(world, m, speed, duration_s, low)
    if below <= 0.0:
        return 0.0
    thread_ns = world.machines[m].threads * duration_s * 1e9
    above, side = -thread_ns, 0
    for _ in range(MOST_STEPS):
        if high - low <= STALL_TOLERANCE * high:
            break
        middle = 0.5 * (low + high)
        if below < math.inf:
            middle = low + (high - low) * below / (below - above)
        excess = _excess_ns(world, m, speed, duration_s, middle)
        if abs(excess) <= STALL_TOLERANCE * middle * thread_ns:
            return middle
        if excess > 0.0:
            low, below = middle, excess
            above = 0.5 * above if side > 0 else above
            side = 1
        else:
            high, above = middle, excess
            below = 0.5 * below if side < 0 else below
            side = -1
    return high


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
    stalled = _stalled_share(world, m, speed, duration_s)
    faults = expected_faults(world, m, speed * (1.0 - stalled) * duration_s)
    thread_ns = world.machines[m].threads * duration_s * 1e9
    world.machines[m].stalled = stalled
    world.machines[m].fault_ns = (
        stalled * thread_ns / faults if faults > 0.0 else idle_ns(world, m, node)
    )
    world.machines[m].faults += faults
    return faults


@inner_kernel
def draw_faults(world: MemoryWorld, m: int, exposure_s: float, wanted: NDArray[np.int64]) -> int:
    """Draw which swapped frames were touched into ``wanted (P,)``; return how many.

    A piece loses whole frames; their mean number is that of the pages touched.
    """
    total = 0
    for piece in range(world.machines[m].num_pieces):
        stored = world.pieces[m, piece].stored
        rate = piece_rate(world, m, piece) if stored > 0 else 0.0
        if rate > 0.0:
            touched = -stored * math.expm1(-rate * exposure_s)
            wanted[piece] = int(touched + uniform(world, m))
            total += wanted[piece]
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
