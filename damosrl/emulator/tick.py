"""One time step of a machine: accesses, monitors and schemes, then what it all cost.

The order is: epoch of the workload; each kdamond up to the end of the step, seeing the application
at the speed of the step before; then migration traffic, loaded latencies, faults, pressure.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.application import (
    mean_latency_ns,
    set_shares,
    solve_all_fast,
    solve_loop,
)
from damosrl.emulator.engine import run_until
from damosrl.emulator.extents import forget_old_moves
from damosrl.emulator.jit import kernel
from damosrl.emulator.latency import idle_ns, mixture_p99_ns
from damosrl.emulator.memory_world import PAGE_BYTES, MemoryWorld
from damosrl.emulator.pressure import add_stalls, clear_stalls, update_averages
from damosrl.emulator.rates import enter_epoch, epoch_at, next_epoch_s
from damosrl.emulator.state import EngineState
from damosrl.emulator.swap import clear_swap, fault_in, solve_stalls

SHORTEST_STEP_S = 1e-3
"""Epoch borders nearer than this to a step's end do not make a step of their own."""

SAME_TIME_S = 1e-6
"""Times nearer than this are the same: sums of steps are not exact."""

SWEEP_S = 8.0
"""How often migrations out of the ping-pong window are forgotten and extents joined."""

MOST_MIGRATION = 0.95
"""Share of the threads' time that migration may take at most."""


@kernel
def end_of_step(world: MemoryWorld, m: int, tick_s: float, until_s: float) -> float:
    """Return the end of the next step: a tick's end, an epoch's end or the end of the run."""
    now = world.ledger.time_s[m]
    end = min((np.floor(now / tick_s + 1e-6) + 1.0) * tick_s, until_s)
    border = next_epoch_s(world.rates, m, now + SAME_TIME_S)
    if now + SHORTEST_STEP_S < border < end - SHORTEST_STEP_S:
        return border
    return end


@kernel
def take_migration(world: MemoryWorld, m: int, step_s: float) -> float:
    """Turn bytes moved into traffic on the tiers; return the share of threads' time it takes.

    A kdamond copies no faster than a page per ``move_page_ns``: what it cannot copy within the step
    waits for the next one.
    """
    move_ns = world.ledger.move_page_ns[m]
    most = np.inf
    nodes = world.node_start.shape[1] - 1
    if move_ns > 0.0:
        most = nodes * step_s * 1e9 / move_ns * PAGE_BYTES
    moved = 0.0
    for node in range(nodes + 1):
        taken = min(world.traffic.waiting_bytes[m, node], most)
        world.traffic.waiting_bytes[m, node] -= taken
        world.loop.background_gbps[m, node] = taken / step_s * 1e-9
        moved += 0.5 * taken
    cpu = moved / PAGE_BYTES * move_ns / (step_s * 1e9)
    return min(cpu / world.loop.threads[m], MOST_MIGRATION)


@kernel
def p99_ns(world: MemoryWorld, m: int, fault_share: float) -> float:
    """Return the 99th percentile of the access latency, faults included."""
    nodes = world.loop.shares.shape[1]
    shares = world.loop.shares[m] * (1.0 - fault_share)
    least, mean = np.zeros(nodes), np.zeros(nodes)
    for node in range(nodes):
        least[node] = idle_ns(world.tiers, m, node)
        mean[node] = world.loop.latency_ns[m, node]
    store = nodes - 1
    shares[store] = fault_share
    if fault_share > 0.0:
        mean[store] = world.swap.fault_ns[m]
        # shift and mean of an exponential with that 99th percentile: p99 = shift + ln(100) * wait
        wait = max(world.tiers.fault_p99_ns[m] - least[store], 0.0) / (np.log(100.0) - 1.0)
        least[store] = max(mean[store] - wait, 0.0)
    return mixture_p99_ns(shares, least, mean)


@kernel
def serve(world: MemoryWorld, m: int, load_before: NDArray[np.float64], step_s: float) -> None:
    """Run the application over a step and book what it got done."""
    loop, ledger, swap = world.loop, world.ledger, world.swap
    running = 1.0 - take_migration(world, m, step_s)
    load = 0.5 * (load_before + world.rates.load[m])
    load[-1] = 0.0
    set_shares(loop, m, load)
    throughput = solve_loop(world.tiers, loop, m, running)
    speed = throughput / loop.fast_throughput[m]
    faults = solve_stalls(
        world.extents, world.rates, world.traffic, world.tiers, loop, swap, m, speed, step_s
    )
    throughput *= 1.0 - swap.stalled[m]
    speed *= 1.0 - swap.stalled[m]
    world.rates.speed[m] = speed
    if faults > 0.0:
        fault_in(
            world.extents, world.rates, world.traffic, swap, m, speed * step_s, ledger.time_s[m]
        )
    accesses = throughput * step_s * 1e9
    fault_share = min(faults / accesses, 1.0) if accesses > 0.0 else 0.0
    ledger.elapsed_s[m] += step_s
    ledger.accesses[m] += accesses
    ledger.possible[m] += loop.fast_throughput[m] * step_s * 1e9
    ledger.latency_ns[m] += accesses * mean_latency_ns(loop, m) + faults * swap.fault_ns[m]
    ledger.p99_ns[m] += accesses * p99_ns(world, m, fault_share)
    ledger.fast[m] += accesses * loop.shares[m, 0]


@kernel
def step(
    state: EngineState,
    world: MemoryWorld,
    m: int,
    end_s: float,
    until_us: NDArray[np.int64],
) -> int:
    """Let one machine run to the end of a step; return the number of stopped contexts."""
    ledger, nodes = world.ledger, world.node_start.shape[1] - 1
    start_s = ledger.time_s[m]
    enter_epoch(world.rates, world.extents, m, epoch_at(world.rates, m, start_s + SAME_TIME_S))
    load_before = world.rates.load[m].copy()
    for c in range(m * nodes, (m + 1) * nodes):
        until_us[c] = round(end_s * 1e6)
    stopped = run_until(state, world, m * nodes, (m + 1) * nodes, until_us)
    ledger.time_s[m] = end_s
    serve(world, m, load_before, end_s - start_s)
    stalled = world.swap.stalled[m]
    duration_us = (end_s - start_s) * 1e6
    add_stalls(world.stalls, m, duration_us, stalled, world.loop.threads[m], world.loop.cpus[m])
    update_averages(world.stalls, m, end_s * 1e6)
    if np.floor(end_s / SWEEP_S) != np.floor(start_s / SWEEP_S):
        oldest = round((end_s - world.traffic.window_s[m]) * 10.0)
        forget_old_moves(world.extents, m, oldest)
        for node in range(nodes + 1):
            world.rates.sums_exposure_s[m, node] = -1.0
    return stopped


@kernel
def clear_sums(world: MemoryWorld, m: int) -> None:
    """Begin the sums over a run."""
    ledger = world.ledger
    ledger.elapsed_s[m] = 0.0
    ledger.accesses[m] = 0.0
    ledger.possible[m] = 0.0
    ledger.latency_ns[m] = 0.0
    ledger.p99_ns[m] = 0.0
    ledger.fast[m] = 0.0


@kernel
def run_machines(
    state: EngineState,
    world: MemoryWorld,
    first: int,
    last: int,
    seconds: float,
    tick_s: NDArray[np.float64],
    until_us: NDArray[np.int64],
) -> int:
    """Let the machines [first, last) run for some seconds; return the number that stopped.

    Args:
        state: The engine.
        world: The machines.
        first: First machine.
        last: One past the last machine.
        seconds: Time to pass.
        tick_s: Longest step of each machine, ``(N,)``.
        until_us: Scratch, ``(C,)``.
    """
    stopped = 0
    for m in range(first, last):
        clear_sums(world, m)
        until_s = world.ledger.time_s[m] + seconds
        broken = 0
        while world.ledger.time_s[m] < until_s and broken == 0:
            end_s = end_of_step(world, m, tick_s[m], until_s)
            broken = step(state, world, m, end_s, until_us)
            if world.extents.exhausted[m] != 0:
                broken = 1
        stopped += min(broken, 1)
    return stopped


@kernel
def begin(world: MemoryWorld, m: int, seed: int) -> None:
    """Begin an episode at time 0 on a machine whose memory is laid out.

    The application starts at the speed that the placement allows.
    """
    ledger, traffic, rates, loop = world.ledger, world.traffic, world.rates, world.loop
    ledger.time_s[m] = 0.0
    ledger.kdamond_us[m] = 0.0
    clear_sums(world, m)
    clear_stalls(world.stalls, m)
    clear_swap(world.swap, m, seed)
    traffic.waiting_bytes[m] = 0.0
    traffic.up_bytes[m] = 0.0
    traffic.down_bytes[m] = 0.0
    traffic.returned_bytes[m] = 0.0
    rates.epoch[m] = -1
    enter_epoch(rates, world.extents, m, 0)
    solve_all_fast(world.tiers, loop, m)
    load = rates.load[m].copy()
    load[-1] = 0.0
    set_shares(loop, m, load)
    rates.speed[m] = solve_loop(world.tiers, loop, m, 1.0) / loop.fast_throughput[m]
