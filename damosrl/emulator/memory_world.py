"""The world of a tiered machine as the monitor and the schemes meet it.

Kdamond k of machine m is context ``c`` = m * K + k. It watches processes, or physical memory, where
the addresses of the nodes follow one another and free frames are as good as any. In the commonest
case all of its addresses lie in one node, which `WATCH` tells.
"""

import numpy as np

from damosrl.emulator import world as protocol
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import NONE, MemoryWorld
from damosrl.emulator.physical_actions import act
from damosrl.emulator.physical_metrics import free_permil, metric
from damosrl.emulator.physical_probes import fill_outcomes, outcome_at
from damosrl.emulator.physical_ranges import fill_hits_across_nodes, fill_hits_at_across_nodes
from damosrl.emulator.places import machine_of, place_of, sampling_s
from damosrl.emulator.rates import extent_index, hits_up_to, update_sums
from damosrl.emulator.rng import draw
from damosrl.emulator.state import PADDR, EngineState
from damosrl.emulator.virtual_actions import act_in_process
from damosrl.emulator.virtual_monitor import (
    fill_process_hits,
    fill_process_hits_at,
    process_of,
    three_areas,
)
from damosrl.emulator.virtual_state import NO_PROCESS
from damosrl.emulator.world import provides

U = np.uint64


@inner_kernel
def fill_hits_at(world: MemoryWorld, state: EngineState, c: int) -> None:
    """Write the hit probability at one address of each region of a context of one node."""
    m, node = place_of(world, c)
    update_sums(world, m, node, sampling_s(state, c))
    scale = 1.0 / world.machines[m].granule_bytes
    base = U(world.nodes[m, node].start_byte)
    for r in range(state.regions.nr_regions[c]):
        frames = float(state.scratch[c, 0, r] - base) * scale
        extent = world.borders[m, node, extent_index(world, m, node, frames)]
        state.hit_probability[c, r] = extent.hit


@inner_kernel
def fill_hits(world: MemoryWorld, state: EngineState, c: int) -> None:
    """Write the mean hit probability of all regions of a context that watches one node."""
    m, node = place_of(world, c)
    update_sums(world, m, node, sampling_s(state, c))
    regions = state.regions
    scale = 1.0 / world.machines[m].granule_bytes
    base = U(world.nodes[m, node].start_byte)
    last_end, hits_at_end = base, 0.0
    for r in range(regions.nr_regions[c]):
        start, end = regions.start[c, r], regions.end[c, r]
        hits_at_start = hits_at_end
        if start != last_end:
            frames = float(start - base) * scale
            hits_at_start = hits_up_to(world, m, node, frames)
        frames = float(end - base) * scale
        hits_at_end = hits_up_to(world, m, node, frames)
        mean = (hits_at_end - hits_at_start) / (float(end - start) * scale)
        state.hit_probability[c, r] = min(max(mean, 0.0), 1.0)
        last_end = end


@provides(protocol.check_accesses, MemoryWorld)
def _check_accesses(world: MemoryWorld, state: EngineState, c: int) -> None:
    if state.contexts[c].ops != PADDR:
        fill_process_hits_at(world, state, c)
    elif world.watches[c].node == NONE:
        fill_hits_at_across_nodes(world, state, c)
    else:
        fill_hits_at(world, state, c)
    for r in range(state.regions.nr_regions[c]):
        if float(draw(state.contexts[c])) < state.hit_probability[c, r] * 4294967296.0:
            state.regions.nr_accesses[c, r] += 1


@provides(protocol.fill_hit_probability, MemoryWorld)
def _fill_hit_probability(world: MemoryWorld, state: EngineState, c: int) -> None:
    if state.contexts[c].ops != PADDR:
        fill_process_hits(world, state, c)
    elif world.watches[c].node == NONE:
        fill_hits_across_nodes(world, state, c)
    else:
        fill_hits(world, state, c)


@provides(protocol.probe_outcome, MemoryWorld)
def _probe_outcome(
    world: MemoryWorld,
    state: EngineState,
    c: int,
    target: int,  # noqa: ARG001  physical memory is its context's only target
    address: np.uint64,
) -> int:
    return outcome_at(world, state, c, address)


@provides(protocol.fill_probe_outcomes, MemoryWorld)
def _fill_probe_outcomes(world: MemoryWorld, state: EngineState, c: int, r: int) -> None:
    fill_outcomes(world, state, c, r)


@provides(protocol.apply_action, MemoryWorld)
def _apply_action(
    world: MemoryWorld,
    state: EngineState,
    c: int,
    scheme: int,
    target: int,
    start: np.uint64,
    end: np.uint64,
) -> np.uint64:
    if state.contexts[c].ops == PADDR:
        return act(world, state, c, scheme, start, end)
    return act_in_process(world, state, c, scheme, target, start, end)


@provides(protocol.target_is_valid, MemoryWorld)
def _target_is_valid(world: MemoryWorld, state: EngineState, c: int, target: int) -> bool:
    return process_of(world.virtual, machine_of(world, c), state.pids[c, target]) != NO_PROCESS


@provides(protocol.find_areas, MemoryWorld)
def _find_areas(world: MemoryWorld, state: EngineState, c: int, target: int) -> bool:
    m = machine_of(world, c)
    q = process_of(world.virtual, m, state.pids[c, target])
    if q == NO_PROCESS:
        return False
    return three_areas(world.virtual, m, q, U(state.contexts[c].min_region_sz), state.scratch, c)


@provides(protocol.goal_value, MemoryWorld)
def _goal_value(
    world: MemoryWorld, state: EngineState, c: int, scheme: int, goal: int
) -> np.uint64:
    return metric(world, state, c, scheme, goal)


@provides(protocol.free_mem_permil, MemoryWorld)
def _free_mem_permil(
    world: MemoryWorld,
    state: EngineState,  # noqa: ARG001  free memory is the world's alone
    c: int,
) -> np.uint64:
    return free_permil(world, machine_of(world, c))


@provides(protocol.on_aggregation, MemoryWorld)
def _on_aggregation(world: MemoryWorld, state: EngineState, c: int) -> None:
    m = machine_of(world, c)
    checks = float(state.contexts[c].aggr_samples) * state.regions.nr_regions[c]
    world.machines[m].kdamond_us += world.machines[m].check_us * checks


@provides(protocol.on_applied, MemoryWorld)
def _on_applied(
    world: MemoryWorld,
    state: EngineState,
    c: int,
    scheme: int,
    target: int,
    start: np.uint64,
    end: np.uint64,
    nr_accesses: np.uint32,
    age: np.uint32,
) -> None:
    pass


@provides(protocol.on_esz, MemoryWorld)
def _on_esz(world: MemoryWorld, state: EngineState, c: int, scheme: int) -> None:
    pass


@provides(protocol.on_intervals, MemoryWorld)
def _on_intervals(world: MemoryWorld, state: EngineState, c: int) -> None:
    pass
