"""What probes find in physical memory (semantics 1.12)."""

import numpy as np

from damosrl.emulator.extents import locate
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.places import place_of, sampling_s
from damosrl.emulator.probing import outcome_of
from damosrl.emulator.rates import folio_hit, update_hits
from damosrl.emulator.state import EngineState

U = np.uint64


@inner_kernel
def slot_outcome(world: MemoryWorld, state: EngineState, c: int, m: int, slot: int) -> int:
    """Return which probes the pages of an extent pass; `NONE` stands for what is no memory."""
    if slot == NONE or world.slots[m, slot].piece == FREE:
        return outcome_of(state, c, False, False, 0)
    piece = world.pieces[m, world.slots[m, slot].piece]
    return outcome_of(state, c, True, piece.file == 0, piece.memcg)


@inner_kernel
def outcome_at(world: MemoryWorld, state: EngineState, c: int, address: np.uint64) -> int:
    """Return which probes the page at a core address passes."""
    m, _ = place_of(world, c)
    place, granule = address * state.contexts[c].addr_unit, U(world.machines[m].granule_bytes)
    for node in range(world.nodes.shape[1] - 1):
        start = U(world.nodes[m, node].start_byte)
        if start <= place < start + U(world.nodes[m, node].total) * granule:
            slot = locate(world, m, node, int((place - start) // granule))
            return slot_outcome(world, state, c, m, slot)
    return slot_outcome(world, state, c, m, NONE)


@inner_kernel
def add_node_outcomes(
    world: MemoryWorld,
    state: EngineState,
    c: int,
    node: int,
    start: np.uint64,
    end: np.uint64,
) -> float:
    """Add what lies in bytes [start, end) of a node to the outcomes, in bytes.

    Returns:
        Bytes found; the rest of the range is not in this node.
    """
    m, _ = place_of(world, c)
    granule, base = U(world.machines[m].granule_bytes), U(world.nodes[m, node].start_byte)
    low, high = max(start, base), min(end, base + U(world.nodes[m, node].total) * granule)
    found = 0.0
    slot = locate(world, m, node, int((low - base) // granule)) if low < high else NONE
    while slot != NONE:
        extent = world.slots[m, slot]
        first = base + U(extent.start) * granule
        if first >= high:
            break
        size = float(min(high, first + U(extent.length) * granule) - max(low, first))
        outcome = slot_outcome(world, state, c, m, slot)
        found += size
        state.outcomes[c, 0, outcome] += size
        if extent.piece != FREE:
            hit = world.hit[m, extent.piece]
            if extent.order != 0:
                hit = folio_hit(hit, extent.order)
            state.outcomes[c, 1, outcome] += size * hit
        slot = extent.after
    return found


@inner_kernel
def fill_outcomes(world: MemoryWorld, state: EngineState, c: int, r: int) -> None:
    """Write a region's shares by outcome, and how hot they are."""
    m, _ = place_of(world, c)
    update_hits(world, m, sampling_s(state, c))
    regions, outcomes, unit = state.regions, state.outcomes, state.contexts[c].addr_unit
    start, end = regions.start[c, r] * unit, regions.end[c, r] * unit
    outcomes[c, :, :] = 0.0
    found, size = 0.0, float(end - start)
    for node in range(world.nodes.shape[1] - 1):
        found += add_node_outcomes(world, state, c, node, start, end)
    outcomes[c, 0, slot_outcome(world, state, c, m, NONE)] += max(size - found, 0.0)
    for outcome in range(outcomes.shape[2]):
        outcomes[c, 0, outcome] /= size
        outcomes[c, 1, outcome] /= size
