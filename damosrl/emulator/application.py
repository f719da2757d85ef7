"""The application: a closed loop of requests in flight, so slower memory means less work done.

Every thread keeps some requests outstanding; each is a think time and a memory access. By Little's
law (Little, 1961) requests in flight = throughput * (think time + mean latency), and latency
grows with throughput, which bisection solves. A tier at its peak cannot go faster: requests wait
there until the law holds.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import kernel
from damosrl.emulator.latency import LINE_BYTES, Tiers, loaded_ns, peak_gbps

FloatArray = NDArray[np.float64]

PEAK_SHARE = 0.98
"""Share of a tier's peak that migration may take at most, so that the loop always goes on."""


class Loop(NamedTuple):
    """Closed loops of N machines with T nodes."""

    threads: FloatArray
    cpus: FloatArray
    """Processors the threads run on, ``(N,)``."""
    in_flight: FloatArray
    """Requests in flight, threads times parallelism, ``(N,)``."""
    think_ns: FloatArray
    fast_throughput: FloatArray
    """Accesses per nanosecond with all memory in node 0, ``(N,)``."""
    shares: FloatArray
    """Share of the accesses by node, scratch and result of the last solution, ``(N, T)``."""
    background_gbps: FloatArray
    """Traffic of migration and swapping on each node, ``(N, T)``."""
    latency_ns: FloatArray
    """Mean latency of each node, result, ``(N, T)``."""


def allocate_loop(machines: int, nodes: int) -> Loop:
    """Make room for the loops of some machines."""
    return Loop(
        threads=np.ones(machines),
        cpus=np.ones(machines),
        in_flight=np.ones(machines),
        think_ns=np.zeros(machines),
        fast_throughput=np.ones(machines),
        shares=np.zeros((machines, nodes)),
        background_gbps=np.zeros((machines, nodes)),
        latency_ns=np.zeros((machines, nodes)),
    )


@kernel
def _background(tiers: Tiers, loop: Loop, m: int, node: int) -> float:
    return min(loop.background_gbps[m, node], PEAK_SHARE * peak_gbps(tiers, m, node))


@kernel
def _node_latency(tiers: Tiers, loop: Loop, m: int, node: int, throughput: float) -> float:
    load = throughput * loop.shares[m, node] * LINE_BYTES + _background(tiers, loop, m, node)
    return loaded_ns(tiers, m, node, load)


@kernel
def _in_flight_needed(tiers: Tiers, loop: Loop, m: int, throughput: float) -> float:
    latency = 0.0
    for node in range(loop.shares.shape[1]):
        if loop.shares[m, node] > 0.0:
            latency += loop.shares[m, node] * _node_latency(tiers, loop, m, node, throughput)
    return throughput * (loop.think_ns[m] + latency)


@kernel
def _fastest(tiers: Tiers, loop: Loop, m: int, in_flight: float) -> tuple[float, int]:
    """Return an upper bound of the throughput, and the node that sets it (-1: none does)."""
    best = in_flight / (loop.think_ns[m] + 1e-3)
    bottleneck = -1
    for node in range(loop.shares.shape[1]):
        share = loop.shares[m, node]
        if share > 0.0:
            spare = peak_gbps(tiers, m, node) - _background(tiers, loop, m, node)
            limit = spare / (share * LINE_BYTES)
            if limit < best:
                best, bottleneck = limit, node
    return best, bottleneck


@kernel
def solve_loop(tiers: Tiers, loop: Loop, m: int, running: float) -> float:
    """Find the throughput of a machine's closed loop and the latency of each node.

    Reads ``shares`` and ``background_gbps``, writes ``latency_ns``.

    Args:
        tiers: Latency tables.
        loop: Closed loops.
        m: Machine.
        running: Share of the threads' time in which they may run, 0..1: the rest is taken by
            migration.

    Returns:
        Accesses per nanosecond.
    """
    in_flight = loop.in_flight[m] * running
    high, bottleneck = _fastest(tiers, loop, m, in_flight)
    if _in_flight_needed(tiers, loop, m, high) > in_flight:
        low, bottleneck = 0.0, -1
        for _ in range(50):
            middle = 0.5 * (low + high)
            if _in_flight_needed(tiers, loop, m, middle) > in_flight:
                high = middle
            else:
                low = middle
    for node in range(loop.shares.shape[1]):
        loop.latency_ns[m, node] = _node_latency(tiers, loop, m, node, high)
    if bottleneck >= 0:
        # A saturated tier holds all the requests that are nowhere else.
        waiting = in_flight - _in_flight_needed(tiers, loop, m, high)
        loop.latency_ns[m, bottleneck] += waiting / (high * loop.shares[m, bottleneck])
    return high


@kernel
def mean_latency_ns(loop: Loop, m: int) -> float:
    """Return the mean latency of the last solution."""
    mean = 0.0
    for node in range(loop.shares.shape[1]):
        mean += loop.shares[m, node] * loop.latency_ns[m, node]
    return mean


@kernel
def set_shares(loop: Loop, m: int, load: FloatArray) -> None:
    """Spread the accesses over the nodes in proportion to their load; all on node 0 if none."""
    total = load.sum()
    for node in range(len(load)):
        loop.shares[m, node] = load[node] / total if total > 0.0 else 0.0
    if total <= 0.0:
        loop.shares[m, 0] = 1.0


@kernel
def solve_all_fast(tiers: Tiers, loop: Loop, m: int) -> None:
    """Find the throughput with all memory in node 0 and nothing else going on."""
    loop.shares[m] = 0.0
    loop.shares[m, 0] = 1.0
    loop.background_gbps[m] = 0.0
    loop.fast_throughput[m] = solve_loop(tiers, loop, m, 1.0)
