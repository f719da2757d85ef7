"""The swap store: faults that bring pages back, and direct reclaim that makes room for them.

Faults follow from the access model: a page with rate r is touched in a time d with probability
1 - exp(-r d). The threads that touch such pages stall, which slows the application and with it
the rate of faults; bisection finds the share of time stalled. Reclaim is a clock with second chance
(Corbato, 1968; the kernel's inactive list with referenced bits) over the slowest memory node.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.application import Loop
from damosrl.emulator.extents import FREE, NONE, Extents, locate
from damosrl.emulator.jit import kernel
from damosrl.emulator.latency import Tiers, idle_ns, loaded_ns, peak_gbps
from damosrl.emulator.migration import Traffic, move_frames
from damosrl.emulator.rates import Rates, piece_rate
from damosrl.emulator.rng import draw

PAGE_BYTES = 4096.0
REFERENCE_WINDOW_S = 1.0
"""A page touched within this time has its referenced bit set when the clock hand comes."""

FloatArray = NDArray[np.float64]
DICE = np.dtype([("rng", "u8"), ("draws", "u8")])


class Swap(NamedTuple):
    """Swap stores of N machines."""

    dice: NDArray[np.void]
    """Random generator of each machine's reclaim, ``(N,)``."""
    hand: NDArray[np.int64]
    """Frame at which the clock hand stands, ``(N,)``."""
    faults: FloatArray
    """Life-time page faults, ``(N,)``."""
    stalled: FloatArray
    """Share of the threads' time stalled on faults in the last tick, ``(N,)``."""
    fault_ns: FloatArray
    """Time of a fault in the last tick, ``(N,)``."""


def allocate_swap(machines: int) -> Swap:
    """Make room for the swap stores of some machines."""
    return Swap(
        dice=np.zeros(machines, DICE),
        hand=np.zeros(machines, np.int64),
        faults=np.zeros(machines),
        stalled=np.zeros(machines),
        fault_ns=np.zeros(machines),
    )


@kernel
def clear_swap(swap: Swap, m: int, seed: int) -> None:
    """Begin an episode of one machine."""
    swap.dice[m].rng = np.uint64(seed)
    swap.dice[m].draws = np.uint64(0)
    swap.hand[m] = 0
    swap.faults[m] = 0.0
    swap.stalled[m] = 0.0
    swap.fault_ns[m] = 0.0


@kernel
def uniform(swap: Swap, m: int) -> float:
    """Draw a number uniform in [0, 1)."""
    return float(draw(swap.dice[m])) / 4294967296.0


@kernel
def expected_faults(x: Extents, rates: Rates, traffic: Traffic, m: int, exposure_s: float) -> float:
    """Return the number of swapped pages touched at least once in a time at full speed."""
    node = x.first.shape[1] - 1
    pages = 0.0
    slot = x.first[m, node]
    while slot != NONE:
        rate = piece_rate(rates, m, x.piece[m, slot])
        if rate > 0.0:
            pages -= x.length[m, slot] * math.expm1(-rate * exposure_s)
        slot = x.after[m, slot]
    return pages * traffic.granule_bytes[m] / PAGE_BYTES


@kernel
def _fault_time_ns(
    x: Extents, tiers: Tiers, loop: Loop, m: int, faults: float, duration_s: float
) -> float:
    """Return the time of a fault at a fault rate; infinite beyond what the store can serve."""
    node = x.first.shape[1] - 1
    load = faults * PAGE_BYTES / duration_s * 1e-9 + loop.background_gbps[m, node]
    if load > peak_gbps(tiers, m, node):
        return math.inf
    time_ns = loaded_ns(tiers, m, node, load)
    if x.free[m, :node].sum() == 0:
        time_ns += tiers.store_ns[m]
    return time_ns


@kernel
def solve_stalls(
    x: Extents,
    rates: Rates,
    traffic: Traffic,
    tiers: Tiers,
    loop: Loop,
    swap: Swap,
    m: int,
    speed: float,
    duration_s: float,
) -> float:
    """Find the share of the threads' time stalled on faults over an interval.

    Args:
        x: Extents.
        rates: Access rates.
        traffic: Bytes per frame.
        tiers: Fault latency under load.
        loop: Threads and background traffic.
        swap: Gets ``stalled`` and ``fault_ns``.
        m: Machine.
        speed: Speed of the application, were there no faults.
        duration_s: Length of the interval.

    Returns:
        Page faults in the interval.
    """
    node = x.first.shape[1] - 1
    swap.stalled[m] = 0.0
    if x.free[m, node] == x.total[m, node]:
        return 0.0
    thread_ns = loop.threads[m] * duration_s * 1e9
    low, high = 0.0, 1.0
    for step in range(30):
        stalled = 0.0 if step == 0 else 0.5 * (low + high)
        exposure = speed * (1.0 - stalled) * duration_s
        faults = expected_faults(x, rates, traffic, m, exposure)
        if faults * _fault_time_ns(x, tiers, loop, m, faults, duration_s) > stalled * thread_ns:
            low = stalled
        else:
            high = stalled
        if high == 0.0:
            break
    faults = expected_faults(x, rates, traffic, m, speed * (1.0 - high) * duration_s)
    swap.stalled[m] = high
    swap.fault_ns[m] = high * thread_ns / faults if faults > 0.0 else idle_ns(tiers, m, node)
    swap.faults[m] += faults
    return faults


@kernel
def fault_in(
    x: Extents, rates: Rates, traffic: Traffic, swap: Swap, m: int, exposure_s: float, now_s: float
) -> None:
    """Bring back the swapped memory that was touched; whole frames, drawn with the right mean."""
    node = x.first.shape[1] - 1
    slot = x.first[m, node]
    while slot != NONE:
        following = x.after[m, slot]
        rate = piece_rate(rates, m, x.piece[m, slot])
        if rate > 0.0:
            touched = -x.length[m, slot] * math.expm1(-rate * exposure_s)
            frames = int(touched + uniform(swap, m))
            while frames > 0:
                target = _memory_with_room(x, rates, traffic, swap, m, frames, now_s)
                if target == NONE:
                    return
                moved, following = move_frames(
                    x, rates, traffic, m, node, target, slot, frames, now_s
                )
                frames -= moved
                slot = following
                if moved == 0 or slot == NONE or x.piece[m, slot] == FREE:
                    break
        slot = following


@kernel
def _memory_with_room(
    x: Extents, rates: Rates, traffic: Traffic, swap: Swap, m: int, frames: int, now_s: float
) -> int:
    """Return the fastest node with a free frame, reclaiming from the slowest if there is none."""
    nodes = x.first.shape[1] - 1
    for node in range(nodes):
        if x.free[m, node] > 0:
            return node
    reclaim(x, rates, traffic, swap, m, frames, now_s)
    return nodes - 1 if x.free[m, nodes - 1] > 0 else NONE


@kernel
def reclaim(
    x: Extents, rates: Rates, traffic: Traffic, swap: Swap, m: int, frames: int, now_s: float
) -> int:
    """Write frames of the slowest memory node to the swap store; return how many.

    The hand passes over memory referenced lately; in a second round it takes what it meets.
    """
    store = x.first.shape[1] - 1
    node = store - 1
    reclaimed, rounds = 0, 0
    while reclaimed < frames and rounds < 3 and x.free[m, store] > 0:
        slot = locate(x, m, node, swap.hand[m])
        if slot == NONE:
            swap.hand[m] = 0
            rounds += 1
            continue
        length = x.length[m, slot]
        swap.hand[m] = x.start[m, slot] + length
        if x.piece[m, slot] == FREE:
            continue
        exposure = rates.speed[m] * REFERENCE_WINDOW_S
        quiet = math.exp(-piece_rate(rates, m, x.piece[m, slot]) * exposure)
        if rounds < 2 and uniform(swap, m) >= quiet:
            continue
        wanted = min(frames - reclaimed, length)
        swap.hand[m] = x.start[m, slot] + wanted
        moved, _ = move_frames(x, rates, traffic, m, node, store, slot, wanted, now_s)
        reclaimed += moved
        if moved == 0:
            break
    return reclaimed
