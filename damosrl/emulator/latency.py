"""Latency of memory under load: interpolated tables, and the tail of a mixture of tiers."""

import math

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.memory_state import MemoryWorld

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
def _share_slower(limit_ns: float, parts: NDArray[np.void]) -> float:
    slower = 0.0
    for i in range(len(parts)):
        part = parts[i]
        excess = limit_ns - part.least_ns
        if excess < 0.0:
            slower += part.part_share
        elif part.mean_ns > part.least_ns:
            slower += part.part_share * math.exp(-excess / (part.mean_ns - part.least_ns))
    return slower


@lean_kernel
def mixture_p99_ns(parts: NDArray[np.void]) -> float:
    """Return the 99th percentile of the latency over all parts of the traffic.

    A part's latency is its unloaded one plus an exponential wait (the tail of the waiting time
    in an M/M/1 queue; Kleinrock, Queueing Systems I, 1975, section 3.2).

    Args:
        parts: Records with the fields ``part_share``, share of the accesses, summing to 1 at most;
            ``least_ns``, latency without waiting; and ``mean_ns``.
    """
    low, high = 0.0, 1.0
    while _share_slower(high, parts) > 0.01:
        low = high
        high *= 2.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        if _share_slower(middle, parts) > 0.01:
            low = middle
        else:
            high = middle
    return high
