"""The application: a closed loop of requests in flight, so slower memory means less work done.

Every thread keeps some requests outstanding; each is a think time and a memory access. By Little's
law (Little, 1961) requests in flight = throughput * (think time + mean latency), and latency
grows with throughput, which bisection solves. A tier at its peak cannot go faster: requests wait
there until the law holds.
"""

from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.latency import LINE_BYTES, loaded_ns, peak_gbps
from damosrl.emulator.memory_state import MemoryWorld

PEAK_SHARE = 0.98
"""Share of a tier's peak that migration may take at most, so that the loop always goes on."""


@inner_kernel
def background_gbps(world: MemoryWorld, m: int, node: int) -> float:
    """Return the traffic of migration on a node, which leaves some room for the application."""
    return min(world.nodes[m, node].background_gbps, PEAK_SHARE * peak_gbps(world, m, node))


@inner_kernel
def _node_latency(world: MemoryWorld, m: int, node: int, throughput: float) -> float:
    load = throughput * world.nodes[m, node].share * LINE_BYTES + background_gbps(world, m, node)
    return loaded_ns(world, m, node, load)


@inner_kernel
def _in_flight_needed(world: MemoryWorld, m: int, throughput: float) -> float:
    latency = 0.0
    for node in range(world.nodes.shape[1]):
        if world.nodes[m, node].share > 0.0:
            latency += world.nodes[m, node].share * _node_latency(world, m, node, throughput)
    return throughput * (world.machines[m].think_ns + latency)


@inner_kernel
def _fastest(world: MemoryWorld, m: int, in_flight: float) -> tuple[float, int]:
    """Return an upper bound of the throughput, and the node that sets it (-1: none does)."""
    best = in_flight / (world.machines[m].think_ns + 1e-3)
    bottleneck = -1
    for node in range(world.nodes.shape[1]):
        share = world.nodes[m, node].share
        if share > 0.0:
            spare = peak_gbps(world, m, node) - background_gbps(world, m, node)
            limit = spare / (share * LINE_BYTES)
            if limit < best:
                best, bottleneck = limit, node
    return best, bottleneck


@lean_kernel
def solve_loop(world: MemoryWorld, m: int, running: float) -> float:
    """Find the throughput of a machine's closed loop and the latency of each node.

    Reads ``share`` and ``background_gbps``, writes ``latency_ns``.

    Args:
        world: The machines.
        m: Machine.
        running: Share of the threads' time in which they may run, 0..1: the rest is taken by
            migration.

    Returns:
        Accesses per nanosecond.
    """
    in_flight = world.machines[m].in_flight * running
    high, bottleneck = _fastest(world, m, in_flight)
    if _in_flight_needed(world, m, high) > in_flight:
        low, bottleneck = 0.0, -1
        for _ in range(50):
            middle = 0.5 * (low + high)
            if _in_flight_needed(world, m, middle) > in_flight:
                high = middle
            else:
                low = middle
    for node in range(world.nodes.shape[1]):
        world.nodes[m, node].latency_ns = _node_latency(world, m, node, high)
    if bottleneck >= 0:
        # A saturated tier holds all the requests that are nowhere else.
        waiting = in_flight - _in_flight_needed(world, m, high)
        world.nodes[m, bottleneck].latency_ns += waiting / (high * world.nodes[m, bottleneck].share)
    return high


@inner_kernel
def mean_latency_ns(world: MemoryWorld, m: int) -> float:
    """Return the mean latency of the last solution."""
    mean = 0.0
    for node in range(world.nodes.shape[1]):
        mean += world.nodes[m, node].share * world.nodes[m, node].latency_ns
    return mean


@lean_kernel
def set_shares(world: MemoryWorld, m: int) -> None:
    """Spread the accesses over the memory nodes by ``met_load``; on node 0 if there is none.

    Swapped pages are accessed when they are back in memory.
    """
    nodes, total = world.nodes.shape[1] - 1, 0.0
    for node in range(nodes):
        total += world.nodes[m, node].met_load
    for node in range(nodes):
        world.nodes[m, node].share = world.nodes[m, node].met_load / total if total > 0.0 else 0.0
    world.nodes[m, nodes].share = 0.0
    if total <= 0.0:
        world.nodes[m, 0].share = 1.0


@inner_kernel
def meet_load(world: MemoryWorld, m: int, weight: float) -> None:
    """Let ``met_load`` be the load of the present placement, or its mean with an earlier one.

    Args:
        world: The machines.
        m: Machine.
        weight: Weight of the present placement; 1 forgets what was met before.
    """
    for n in range(world.nodes.shape[1]):
        node = world.nodes[m, n]
        node.met_load = (1.0 - weight) * node.met_load + weight * node.load
    if world.machines[m].num_tenants > 1:
        for t in range(world.machines[m].num_tenants):
            for n in range(world.nodes.shape[1]):
                here = world.tenant_nodes[m, t, n]
                here.met_load = (1.0 - weight) * here.met_load + weight * here.load


@lean_kernel
def solve_all_fast(world: MemoryWorld, m: int) -> None:
    """Find the throughput with all memory in node 0 and nothing else going on."""
    for node in range(world.nodes.shape[1]):
        world.nodes[m, node].share = 1.0 if node == 0 else 0.0
        world.nodes[m, node].background_gbps = 0.0
    world.machines[m].fast_throughput = solve_loop(world, m, 1.0)
