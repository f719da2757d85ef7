"""Metrics of quota goals and watermarks on emulated memory (semantics 2.4, 2.11; kernel 7.3)."""

from typing import Any

import numpy as np

from damosrl.damon import GoalMetric
from damosrl.emulator.extents import locate
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.places import machine_of
from damosrl.emulator.pressure import SOME
from damosrl.emulator.quota import matches
from damosrl.emulator.reclaim import free_memory
from damosrl.emulator.state import EngineState, code_of

U = np.uint64
WHOLE = U(10000)
PSI = code_of(GoalMetric.SOME_MEM_PSI_US)
NODE_USED, NODE_FREE = code_of(GoalMetric.NODE_MEM_USED_BP), code_of(GoalMetric.NODE_MEM_FREE_BP)
MEMCG_USED = code_of(GoalMetric.NODE_MEMCG_USED_BP)
MEMCG_FREE = code_of(GoalMetric.NODE_MEMCG_FREE_BP)
ACTIVE, INACTIVE = code_of(GoalMetric.ACTIVE_MEM_BP), code_of(GoalMetric.INACTIVE_MEM_BP)
ELIGIBLE = code_of(GoalMetric.NODE_ELIGIBLE_MEM_BP)


@inner_kernel
def memcg_frames(world: MemoryWorld, m: int, node: int, memcg: int) -> int:
    """Count the frames of a node that belong to a memory control group."""
    frames = 0
    slot = world.nodes[m, node].first
    while slot != NONE:
        extent = world.slots[m, slot]
        if extent.piece != FREE and world.pieces[m, extent.piece].memcg == memcg:
            frames += extent.length
        slot = extent.after
    return frames


@inner_kernel
def node_metric(world: MemoryWorld, m: int, goal: Any) -> np.uint64:
    """Return a node's used or free share, of all memory or of one control group.

    A node that does not exist counts as free, one without memory as used.
    """
    wants_free = goal.metric in (NODE_FREE, MEMCG_FREE)
    if not 0 <= goal.nid < world.nodes.shape[1] - 1:
        return WHOLE if wants_free else U(0)
    total = world.nodes[m, goal.nid].total
    if total == 0:
        return U(0) if wants_free else WHOLE
    if goal.metric in (NODE_USED, NODE_FREE):
        used = total - world.nodes[m, goal.nid].free
    else:
        used = memcg_frames(world, m, goal.nid, goal.memcg)
    return U((total - used if wants_free else used) * 10000 // total)


@inner_kernel
def list_metric(world: MemoryWorld, m: int, active: bool) -> np.uint64:
    """Return the share of all pages on LRU lists that the active, or inactive, list has."""
    frames, wanted = 0, 0
    for node in range(world.nodes.shape[1] - 1):
        slot = world.nodes[m, node].first
        while slot != NONE:
            extent = world.slots[m, slot]
            if extent.piece != FREE:
                frames += extent.length
                wanted += extent.length if (extent.active != 0) == active else 0
            slot = extent.after
    return U(wanted * 10000 // max(frames, 1))


@inner_kernel
def mapped_bytes(
    world: MemoryWorld, m: int, node: int, start: np.uint64, end: np.uint64
) -> np.uint64:
    """Return the bytes in [start, end) of a node that hold memory of the workload."""
    granule, base = U(world.machines[m].granule_bytes), U(world.nodes[m, node].start_byte)
    low = max(start, base)
    high = min(end, base + U(world.nodes[m, node].total) * granule)
    total = U(0)
    slot = locate(world, m, node, int((low - base) // granule)) if low < high else NONE
    while slot != NONE:
        extent = world.slots[m, slot]
        first = base + U(extent.start) * granule
        if first >= high:
            break
        if extent.piece != FREE:
            total += min(high, first + U(extent.length) * granule) - max(low, first)
        slot = extent.after
    return total


@inner_kernel
def eligible_metric(world: MemoryWorld, state: EngineState, c: int, s: int, nid: int) -> np.uint64:
    """Return the share of memory with a scheme's access pattern that lies on one node.

    Of the regions of this context; ``damos_calc_eligible_bytes()`` of mm/damon/core.c.
    """
    m, unit = machine_of(world, c), state.contexts[c].addr_unit
    regions, total, here = state.regions, U(0), U(0)
    for r in range(regions.nr_regions[c]):
        if matches(regions, state.contexts[c], state.schemes[c, s], c, r):
            start, end = regions.start[c, r] * unit, regions.end[c, r] * unit
            for node in range(world.nodes.shape[1] - 1):
                size = mapped_bytes(world, m, node, start, end)
                total += size
                here += size if node == nid else U(0)
    return here * WHOLE // total if total != U(0) else U(0)


@inner_kernel
def metric(world: MemoryWorld, state: EngineState, c: int, s: int, g: int) -> np.uint64:
    """Return the value of a quota goal's metric."""
    m = machine_of(world, c)
    goal = state.goals[c, s, g]
    if goal.metric == PSI:
        return U(world.psi[m, SOME].total_us)
    if goal.metric in (NODE_USED, NODE_FREE, MEMCG_USED, MEMCG_FREE):
        return node_metric(world, m, goal)
    if goal.metric in (ACTIVE, INACTIVE):
        return list_metric(world, m, goal.metric == ACTIVE)
    if goal.metric == ELIGIBLE:
        return eligible_metric(world, state, c, s, goal.nid)
    return U(goal.current_value)


@inner_kernel
def free_permil(world: MemoryWorld, m: int) -> np.uint64:
    """Return the free memory of all nodes in permil."""
    total = 0
    for node in range(world.nodes.shape[1] - 1):
        total += world.nodes[m, node].total
    return U(free_memory(world, m) * 1000 // total)
