"""Several applications on one machine: closed loops that meet in the latency of the nodes.

Each tenant t is a closed loop of its own (`damosrl.emulator.application`): by Little's law its
throughput is X_t = in flight / (think + sum_n share_tn L_n). The latency L_n of a node follows from
the traffic of all tenants and of migration on the node's curve; a node at its peak is as slow as it
takes for the load to fit. Given the other nodes, the traffic on node n falls as L_n rises, while
the curve rises with traffic: one latency fits both, and bisection finds it.

Node after node is solved so, over and over. The latencies searched minimise the convex function

    sum_n (integral of node n's inverse curve up to L_n)
    - sum_t in flight_t log(think_t + sum_n share_tn L_n),

since the derivative by L_n is what each step makes zero; so the order of the steps does not matter,
and there is one solution.
"""

from damosrl.emulator.application import background_gbps, set_shares, solve_all_fast, solve_loop
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.latency import LINE_BYTES, idle_ns, loaded_ns, peak_gbps
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.rates import count_epoch, is_close, renew_loads

SWEEPS = 200
"""Most passes over the nodes."""

SETTLED = 1e-10
"""Relative change of the latencies in a pass below which they are solved."""

HALVINGS = 60


@inner_kernel
def _traffic_gbps(
    world: MemoryWorld, m: int, node: int, latency_ns: float, running: float
) -> float:
    """Return a node's load at a latency, the other nodes being as they are."""
    accesses = 0.0
    for t in range(world.machines[m].num_tenants):
        tenant, share = world.tenants[m, t], world.tenant_nodes[m, t, node].share
        if share > 0.0:
            request_ns = tenant.elsewhere_ns + share * latency_ns
            accesses += share * tenant.in_flight * running / request_ns
    return accesses * LINE_BYTES + background_gbps(world, m, node)


@inner_kernel
def _is_faster(world: MemoryWorld, m: int, node: int, latency_ns: float, running: float) -> bool:
    """Tell whether a latency is less than the traffic that it lets through takes."""
    load = _traffic_gbps(world, m, node, latency_ns, running)
    return load > peak_gbps(world, m, node) or loaded_ns(world, m, node, load) > latency_ns


@inner_kernel
def _settle_node(world: MemoryWorld, m: int, node: int, running: float) -> float:
    """Find the latency of a node given the others; return its relative change."""
    in_flight = 0.0
    for t in range(world.machines[m].num_tenants):
        tenant = world.tenants[m, t]
        tenant.elsewhere_ns = tenant.think_ns
        for other in range(world.nodes.shape[1]):
            if other != node:
                share = world.tenant_nodes[m, t, other].share
                tenant.elsewhere_ns += share * world.nodes[m, other].latency_ns
        if world.tenant_nodes[m, t, node].share > 0.0:
            in_flight += tenant.in_flight * running
    before, peak = world.nodes[m, node].latency_ns, peak_gbps(world, m, node)
    least = background_gbps(world, m, node)
    low, high = idle_ns(world, m, node), loaded_ns(world, m, node, least)
    if in_flight > 0.0:
        # with all requests waiting here, the load is what is left of the peak
        waiting_ns = in_flight * LINE_BYTES / (peak - least)
        high = max(loaded_ns(world, m, node, peak), waiting_ns)
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            if _is_faster(world, m, node, middle, running):
                low = middle
            else:
                high = middle
    world.nodes[m, node].latency_ns = high
    return abs(high - before) / high


@lean_kernel
def solve_tenants(world: MemoryWorld, m: int, running: float) -> float:
    """Find the throughput of each tenant and the latency of each node.

    Reads ``share`` of the tenants' nodes and ``background_gbps``; writes ``latency_ns`` and
    ``share`` of the nodes, ``throughput`` and ``speed`` of the tenants.

    Args:
        world: The machines.
        m: Machine.
        running: Share of the threads' time in which they may run, 0..1.

    Returns:
        Accesses per nanosecond of all tenants.
    """
    nodes = world.nodes.shape[1]
    for node in range(nodes):
        world.nodes[m, node].latency_ns = idle_ns(world, m, node)
    for _ in range(SWEEPS):
        change = 0.0
        for node in range(nodes):
            change = max(change, _settle_node(world, m, node, running))
        if change < SETTLED:
            break
    total = 0.0
    for t in range(world.machines[m].num_tenants):
        tenant = world.tenants[m, t]
        tenant.throughput = tenant.in_flight * running / (tenant.think_ns + latency_of(world, m, t))
        tenant.speed = tenant.throughput / tenant.fast_throughput
        total += tenant.throughput
    for node in range(nodes):
        accesses = 0.0
        for t in range(world.machines[m].num_tenants):
            accesses += world.tenants[m, t].throughput * world.tenant_nodes[m, t, node].share
        world.nodes[m, node].share = accesses / total
    return total


@inner_kernel
def latency_of(world: MemoryWorld, m: int, t: int) -> float:
    """Return a tenant's mean latency in the last solution."""
    mean = 0.0
    for node in range(world.nodes.shape[1]):
        mean += world.tenant_nodes[m, t, node].share * world.nodes[m, node].latency_ns
    return mean


@lean_kernel
def set_tenant_shares(world: MemoryWorld, m: int) -> None:
    """Spread each tenant's accesses over the nodes by its ``met_load``; on node 0 without any."""
    nodes = world.nodes.shape[1] - 1
    for t in range(world.machines[m].num_tenants):
        total = 0.0
        for node in range(nodes):
            total += world.tenant_nodes[m, t, node].met_load
        for node in range(nodes):
            here = world.tenant_nodes[m, t, node]
            here.share = here.met_load / total if total > 0.0 else 0.0
        if total <= 0.0:
            world.tenant_nodes[m, t, 0].share = 1.0


@inner_kernel
def solve_loops(world: MemoryWorld, m: int, running: float) -> float:
    """Find the throughput of all closed loops of a machine with the loads that they meet."""
    if world.machines[m].num_tenants > 1:
        set_tenant_shares(world, m)
        return solve_tenants(world, m, running)
    set_shares(world, m)
    return solve_loop(world, m, running)


@inner_kernel
def solve_all_fast_loops(world: MemoryWorld, m: int) -> None:
    """Find the throughput with all memory in node 0: of each tenant as if it were alone."""
    machine = world.machines[m]
    if machine.num_tenants == 1:
        solve_all_fast(world, m)
        return
    in_flight, think_ns, total = machine.in_flight, machine.think_ns, 0.0
    for t in range(machine.num_tenants):
        tenant = world.tenants[m, t]
        machine.in_flight, machine.think_ns = tenant.in_flight, tenant.think_ns
        solve_all_fast(world, m)
        tenant.fast_throughput = machine.fast_throughput
        total += tenant.fast_throughput
    machine.in_flight, machine.think_ns, machine.fast_throughput = in_flight, think_ns, total


@inner_kernel
def pace_tenants(world: MemoryWorld, m: int, speed: float) -> None:
    """Let access rates take notice of how fast each tenant is, relative to the machine's speed."""
    changed = False
    for t in range(world.machines[m].num_tenants):
        tenant = world.tenants[m, t]
        changed |= not is_close(tenant.pace, tenant.speed / speed)
    if not changed:
        return
    count_epoch(world, m)
    for t in range(world.machines[m].num_tenants):
        world.tenants[m, t].pace = world.tenants[m, t].speed / speed
    for piece in range(world.machines[m].num_pieces):
        world.pieces[m, piece].pace = world.tenants[m, world.pieces[m, piece].tenant].pace
    world.machines[m].hit_exposure_s = -1.0
    renew_loads(world, m)


@inner_kernel
def book_tenants(world: MemoryWorld, m: int, step_s: float) -> None:
    """Book what each tenant got done in a step."""
    for t in range(world.machines[m].num_tenants):
        tenant = world.tenants[m, t]
        accesses = tenant.throughput * step_s * 1e9
        tenant.accesses += accesses
        tenant.possible += tenant.fast_throughput * step_s * 1e9
        tenant.latency_sum_ns += accesses * latency_of(world, m, t)
        tenant.fast_accesses += accesses * world.tenant_nodes[m, t, 0].share


@inner_kernel
def clear_tenant_sums(world: MemoryWorld, m: int) -> None:
    """Begin the sums over a run."""
    for t in range(world.machines[m].num_tenants):
        tenant = world.tenants[m, t]
        tenant.accesses = 0.0
        tenant.possible = 0.0
        tenant.latency_sum_ns = 0.0
        tenant.fast_accesses = 0.0
