"""Latency of memory under load: interpolated tables, and the tail of a mixture of tiers."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import kernel

FloatArray = NDArray[np.float64]

LINE_BYTES = 64.0
"""Bytes that one memory request moves."""


class Tiers(NamedTuple):
    """Properties of the T nodes of N machines; the last node is the swap store."""

    curve_gbps: FloatArray
    """Loads of the loaded-latency tables, GB/s ascending, padded with the peak, ``(N, T, Q)``."""
    curve_ns: FloatArray
    """Latencies at those loads, ``(N, T, Q)``; of a fault for the swap store."""
    fault_p99_ns: FloatArray
    """99th percentile of an unloaded fault on the swap store, ``(N,)``."""
    store_ns: FloatArray
    """Time to write a page to the swap store in direct reclaim, ``(N,)``."""


def allocate_tiers(machines: int, nodes: int, points: int) -> Tiers:
    """Make room for the tables of some machines."""
    return Tiers(
        curve_gbps=np.ones((machines, nodes, points)),
        curve_ns=np.zeros((machines, nodes, points)),
        fault_p99_ns=np.zeros(machines),
        store_ns=np.zeros(machines),
    )


@kernel
def peak_gbps(tiers: Tiers, m: int, node: int) -> float:
    """Return the load that a node cannot exceed, GB/s."""
    return float(tiers.curve_gbps[m, node, -1])


@kernel
def idle_ns(tiers: Tiers, m: int, node: int) -> float:
    """Return a node's latency without load."""
    return float(tiers.curve_ns[m, node, 0])


@kernel
def loaded_ns(tiers: Tiers, m: int, node: int, load_gbps: float) -> float:
    """Interpolate a node's latency at a load; constant outside the table."""
    loads, latencies = tiers.curve_gbps[m, node], tiers.curve_ns[m, node]
    if load_gbps <= loads[0]:
        return float(latencies[0])
    for point in range(1, len(loads)):
        if load_gbps < loads[point]:
            share = (load_gbps - loads[point - 1]) / (loads[point] - loads[point - 1])
            return float(latencies[point - 1] + share * (latencies[point] - latencies[point - 1]))
    return float(latencies[-1])


@kernel
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


@kernel
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
