"""Latency of memory under load: interpolated tables, and the tail of a mixture of tiers."""

import math

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.memory_state import MemoryWorld

FloatArray = NDArray[np.float64]

LINE_BYTES = 64.0
"""Bytes that one memory request moves."""


@inner_kernel
def peak_gbps(world: MemoryWorld, m: int, node: int) -> float:
    """Return the load that a node cannot exceed, GB/s."""
    return world.curves[m, node, world.curves.shape[2] - 1].load_gbps


@inner_kernel
def idle_ns(world: MemoryWorld, m: int, node: int) -> float:
    """Return a node's latency without load."""
    return world.curves[m, node, 0].latency_ns


@lean_kernel
def loaded_ns(world: MemoryWorld, m: int, node: int, load_gbps: float) -> float:
    """Interpolate a node's latency at a load; constant outside the table."""
    below = world.curves[m, node, 0]
    if load_gbps <= below.load_gbps:
        return below.latency_ns
    for point in range(1, world.curves.shape[2]):
        above = world.curves[m, node, point]
        if load_gbps < above.load_gbps:
            share = (load_gbps - below.load_gbps) / (above.load_gbps - below.load_gbps)
            return below.latency_ns + share * (above.latency_ns - below.latency_ns)
        below = above
    return below.latency_ns


@inner_kernel
def _share_slower(
    limit_ns: float, shares: FloatArray, least_ns: FloatArray, mean_ns: FloatArray
) -> float:
    slower = 0.0
    for part in range(len(shares)):
        excess = limit_ns - least_ns[part]
        if excess < 0.0:
            slower += shares[part]
        elif mean_ns[part] > least_ns[part]:
            slower += shares[part] * math.exp(-excess / (mean_ns[part] - least_ns[part]))
    return slower


@lean_kernel
def mixture_p99_ns(shares: FloatArray, least_ns: FloatArray, mean_ns: FloatArray) -> float:
    """Return the 99th percentile of the latency over all parts of the traffic.

    A part's latency is its unloaded one plus an exponential wait (the tail of the waiting time
    in an M/M/1 queue; Kleinrock, Queueing Systems I, 1975, section 3.2).

    Args:
        shares: Share of the accesses by part, summing to 1 at most.
        least_ns: Latency without waiting, by part.
        mean_ns: Mean latency, by part.
    """
    low, high = 0.0, 1.0
    while _share_slower(high, shares, least_ns, mean_ns) > 0.01:
        low = high
        high *= 2.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        if _share_slower(middle, shares, least_ns, mean_ns) > 0.01:
            low = middle
        else:
            high = middle
    return high
