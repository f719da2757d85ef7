"""Physical memory as one address space: ranges that cross nodes, gaps between, any address unit.

A physical address is a core address times the context's ``addr_unit`` (semantics 1.2). What no node
has is never accessed.
"""

from typing import Any

from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import NONE, MemoryWorld
from damosrl.emulator.places import machine_of, sampling_s
from damosrl.emulator.rates import extent_index, hits_up_to, update_sums
from damosrl.emulator.state import EngineState


@inner_kernel
def bounds_in_node(node: Any, granule_bytes: float, low: float, high: float) -> tuple[float, float]:
    """Return the part of a physical range [low, high) that a node has, in frames of the node.

    Nothing of it when the first bound is not below the second.
    """
    first = max((low - node.start_byte) / granule_bytes, 0.0)
    last = min((high - node.start_byte) / granule_bytes, float(node.total))
    return first, last


@inner_kernel
def node_at(world: MemoryWorld, m: int, place: float) -> int:
    """Return the node that has a physical address, `NONE` if none has."""
    for n in range(world.nodes.shape[1] - 1):
        frames = (place - world.nodes[m, n].start_byte) / world.machines[m].granule_bytes
        if 0.0 <= frames < world.nodes[m, n].total:
            return n
    return NONE


@inner_kernel
def fill_hits_at_across_nodes(world: MemoryWorld, state: EngineState, c: int) -> None:
    """Write the hit probability at one address of each region of a context of any ranges."""
    m, unit = machine_of(world, c), float(state.contexts[c].addr_unit)
    for node in range(world.nodes.shape[1] - 1):
        update_sums(world, m, node, sampling_s(state, c))
    for r in range(state.regions.nr_regions[c]):
        place = float(state.scratch[c, 0, r]) * unit
        node = node_at(world, m, place)
        state.hit_probability[c, r] = 0.0
        if node != NONE:
            frames = (place - world.nodes[m, node].start_byte) / world.machines[m].granule_bytes
            extent = world.borders[m, node, extent_index(world, m, node, frames)]
            state.hit_probability[c, r] = extent.hit


@inner_kernel
def fill_hits_across_nodes(world: MemoryWorld, state: EngineState, c: int) -> None:
    """Write the mean hit probability of all regions of a context that watches any ranges."""
    m, regions = machine_of(world, c), state.regions
    unit, granule = float(state.contexts[c].addr_unit), world.machines[m].granule_bytes
    for r in range(regions.nr_regions[c]):
        state.hit_probability[c, r] = 0.0
    for node in range(world.nodes.shape[1] - 1):
        update_sums(world, m, node, sampling_s(state, c))
        for r in range(regions.nr_regions[c]):
            low, high = float(regions.start[c, r]) * unit, float(regions.end[c, r]) * unit
            first, last = bounds_in_node(world.nodes[m, node], granule, low, high)
            if first < last:
                hits = hits_up_to(world, m, node, last) - hits_up_to(world, m, node, first)
                share = max(hits, 0.0) * granule / (high - low)
                state.hit_probability[c, r] = min(state.hit_probability[c, r] + share, 1.0)
