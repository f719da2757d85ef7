"""One time step of a machine: accesses, monitors and schemes, then what it all cost.

The order is: epoch of the workload; each kdamond up to the end of the step, seeing the application
at the speed of the step before; then migration traffic, loaded latencies, faults, pressure.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator import memory_world  # noqa: F401  registers what the engine calls
from damosrl.emulator.aging import forget_ages
from damosrl.emulator.application import mean_latency_ns, meet_load
from damosrl.emulator.compression import count_stored
from damosrl.emulator.engine import run_until
from damosrl.emulator.extents import forget_old_moves, tidy_slots
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.kswapd import keep_free
from damosrl.emulator.latency import idle_ns, mixture_p99_ns
from damosrl.emulator.mapping import SAME_TIME_S, change_mappings
from damosrl.emulator.memory_state import PAGE_BYTES, MemoryWorld
from damosrl.emulator.passing import pointer_to
from damosrl.emulator.places import kdamonds_of
from damosrl.emulator.pressure import add_stalls, clear_pressure, update_averages
from damosrl.emulator.rates import enter_epoch, epoch_at, invalidate_sums, next_epoch_s
from damosrl.emulator.state import EngineState
from damosrl.emulator.swap import clear_swap, fault_in, solve_stalls
from damosrl.emulator.tenants import (
    book_tenants,
    clear_tenant_sums,
    pace_tenants,
    solve_all_fast_loops,
    solve_loops,
)

SHORTEST_STEP_S = 1e-3
"""Epoch borders nearer than this to a step's end do not make a step of their own."""

SWEEP_S = 8.0
"""How often migrations out of the ping-pong window are forgotten and extents joined."""

MOST_MIGRATION = 0.95
"""Share of the threads' time that migration may take at most."""


@inner_kernel
def end_of_step(world: MemoryWorld, m: int, tick_s: float, until_s: float) -> float:
    """Return the end of the next step: of a tick, of an epoch, of the run, or of a mapping."""
    now = world.machines[m].time_s
    end = min((np.floor(now / tick_s + 1e-6) + 1.0) * tick_s, until_s)
    border = next_epoch_s(world, m, now + SAME_TIME_S)
    if now + SHORTEST_STEP_S < border < end - SHORTEST_STEP_S:
        end = border
    change = world.machines[m].next_change_s
    if now + SHORTEST_STEP_S < change < end - SHORTEST_STEP_S:
        end = change
    return end


@inner_kernel
def take_migration(world: MemoryWorld, m: int, step_s: float) -> float:
    """Turn bytes moved into traffic on the tiers; return the share of threads' time it takes.

    A kdamond copies no faster than a page per ``move_page_ns``: what it cannot copy within the step
    waits for the next one.
    """
    machine = world.machines[m]
    move_ns = machine.move_page_ns
    most = np.inf
    nodes = world.nodes.shape[1] - 1
    if move_ns > 0.0:
        most = kdamonds_of(world) * step_s * 1e9 / move_ns * PAGE_BYTES
    for n in range(nodes + 1):
        node = world.nodes[m, n]
        taken = min(node.waiting_bytes, most)
        node.waiting_bytes -= taken
        node.background_gbps = taken / step_s * 1e-9
    copied = min(machine.copy_waiting_bytes, most)
    machine.copy_waiting_bytes -= copied
    cpu = copied / PAGE_BYTES * move_ns / (step_s * 1e9)
    return min(cpu / machine.threads, MOST_MIGRATION)


@inner_kernel
def p99_ns(world: MemoryWorld, m: int, fault_share: float) -> float:
    """Return the 99th percentile of the access latency, faults included."""
    nodes = world.nodes.shape[1]
    for n in range(nodes):
        node = world.nodes[m, n]
        node.part_share = node.share * (1.0 - fault_share)
        node.least_ns = idle_ns(world, m, n)
        node.mean_ns = node.latency_ns
    store = world.nodes[m, nodes - 1]
    store.part_share = fault_share
    if fault_share > 0.0:
        store.mean_ns = world.machines[m].fault_ns
        # shift and mean of an exponential with that 99th percentile: p99 = shift + ln(100) * wait
        wait = max(world.machines[m].fault_p99_ns - store.least_ns, 0.0) / (np.log(100.0) - 1.0)
        store.least_ns = max(store.mean_ns - wait, 0.0)
    return mixture_p99_ns(world.nodes[m])


@inner_kernel
def serve(world: MemoryWorld, m: int, step_s: float) -> None:
    """Run the application over a step and book what it got done."""
    machine = world.machines[m]
    running = 1.0 - take_migration(world, m, step_s)
    meet_load(world, m, 0.5)
    throughput = solve_loops(world, m, running)
    speed = throughput / machine.fast_throughput
    faults = solve_stalls(world, m, speed, step_s)
    throughput *= 1.0 - machine.stalled
    speed *= 1.0 - machine.stalled
    if machine.num_tenants > 1:
        pace_tenants(world, m, speed)
        book_tenants(world, m, step_s)
    machine.speed = speed
    machine.exposure_s += speed * step_s
    if faults > 0.0:
        fault_in(world, m, speed * step_s)
    accesses = throughput * step_s * 1e9
    fault_share = min(faults / accesses, 1.0) if accesses > 0.0 else 0.0
    machine.elapsed_s += step_s
    machine.accesses += accesses
    machine.possible += machine.fast_throughput * step_s * 1e9
    machine.latency_sum_ns += accesses * mean_latency_ns(world, m) + faults * machine.fault_ns
    machine.p99_sum_ns += accesses * p99_ns(world, m, fault_share)
    machine.fast_accesses += accesses * world.nodes[m, 0].share


@inner_kernel
def step(
    state: EngineState,
    world: MemoryWorld,
    m: int,
    end_s: float,
    until_us: NDArray[np.int64],
) -> int:
    """Let one machine run to the end of a step; return the number of stopped contexts."""
    machine, kdamonds = world.machines[m], kdamonds_of(world)
    start_s = machine.time_s
    enter_epoch(world, m, epoch_at(world, m, start_s + SAME_TIME_S))
    if machine.next_change_s <= start_s + SAME_TIME_S:
        change_mappings(world, m, start_s)
    meet_load(world, m, 1.0)
    for c in range(m * kdamonds, (m + 1) * kdamonds):
        until_us[c] = round(end_s * 1e6)
    stopped = run_until(state, world, m * kdamonds, (m + 1) * kdamonds, until_us)
    machine.time_s = end_s
    serve(world, m, end_s - start_s)
    keep_free(world, m, end_s - start_s)
    duration_us = (end_s - start_s) * 1e6
    add_stalls(world.psi[m], duration_us, machine.stalled, machine.threads, machine.cpus)
    update_averages(world.psi[m], machine, end_s * 1e6)
    if np.floor(end_s / SWEEP_S) != np.floor(start_s / SWEEP_S):
        forget_ages(world, m)
        forget_old_moves(world, m, round((end_s - machine.pingpong_window_s) * 10.0))
        for node in range(world.nodes.shape[1]):
            invalidate_sums(world, m, node)
    return stopped


@inner_kernel
def clear_sums(world: MemoryWorld, m: int) -> None:
    """Begin the sums over a run."""
    machine = world.machines[m]
    machine.elapsed_s = 0.0
    machine.accesses = 0.0
    machine.possible = 0.0
    machine.latency_sum_ns = 0.0
    machine.p99_sum_ns = 0.0
    machine.fast_accesses = 0.0
    clear_tenant_sums(world, m)


@lean_kernel
def run_machines(
    state: EngineState,
    world: MemoryWorld,
    first: int,
    last: int,
    seconds: float,
    tick_s: NDArray[np.float64],
    until_us: NDArray[np.int64],
    scratch: NDArray[np.void],
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
        scratch: Scratch of `tidy_slots`, ``(E,)``.
    """
    engine, memory, stopped = pointer_to(state), pointer_to(world), 0
    for m in range(first, last):
        clear_sums(memory, m)
        until_s = world.machines[m].time_s + seconds
        broken = 0
        while world.machines[m].time_s < until_s and broken == 0:
            end_s = end_of_step(memory, m, tick_s[m], until_s)
            broken = step(engine, memory, m, end_s, until_us)
            if world.machines[m].exhausted != 0:
                broken = 1
        tidy_slots(memory, m, scratch)
        stopped += min(broken, 1)
    return stopped


@inner_kernel
def clear_accesses(world: MemoryWorld, m: int) -> None:
    """Begin counting accesses; all pages are old, on the inactive list, in their first folios."""
    machine = world.machines[m]
    machine.exposure_s = 0.0
    machine.epoch_exposure_s = 0.0
    machine.uses_active = 0
    machine.uses_folios = 0
    for piece in range(machine.num_pieces):
        world.pieces[m, piece].touched = 0.0
        world.pieces[m, piece].pace = 1.0
        if world.pieces[m, piece].order != 0:
            machine.uses_folios = 1
    for t in range(machine.num_tenants):
        world.tenants[m, t].pace = 1.0


@lean_kernel
def begin(world: MemoryWorld, m: int, seed: int) -> None:
    """Begin an episode at time 0 on a machine whose memory is laid out.

    The application starts at the speed that the placement allows.
    """
    machine = world.machines[m]
    machine.time_s = 0.0
    machine.kdamond_us = 0.0
    machine.up_bytes = 0.0
    machine.down_bytes = 0.0
    machine.returned_bytes = 0.0
    machine.swapped_in_bytes = 0.0
    machine.swapped_out_bytes = 0.0
    machine.copy_waiting_bytes = 0.0
    machine.epoch = -1
    clear_accesses(world, m)
    clear_sums(world, m)
    clear_pressure(world.psi[m], machine)
    clear_swap(world, m, seed)
    count_stored(world, m)
    enter_epoch(world, m, 0)
    solve_all_fast_loops(world, m)
    for node in range(world.nodes.shape[1]):
        world.nodes[m, node].waiting_bytes = 0.0
    meet_load(world, m, 1.0)
    machine.speed = solve_loops(world, m, 1.0) / machine.fast_throughput
    if machine.num_tenants > 1:
        pace_tenants(world, m, machine.speed)
