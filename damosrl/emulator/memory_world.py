"""The world of a tiered machine as the monitor and the schemes meet it.

Kdamond k of a machine watches the physical memory of node k: its one target is the node, free
frames included. Addresses of the nodes follow one another; context ``c`` is machine * K + k.
"""

import math

import numpy as np

from damosrl.damon import Action, GoalMetric
from damosrl.emulator import world as protocol
from damosrl.emulator.extents import locate, split_extent
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import FREE, NONE, PAGE_BYTES, MemoryWorld
from damosrl.emulator.migration import migrate_range, move_frames
from damosrl.emulator.pressure import SOME
from damosrl.emulator.rates import extent_index, hits_up_to, piece_rate, update_sums
from damosrl.emulator.rng import draw
from damosrl.emulator.state import EngineState, code_of
from damosrl.emulator.swap import free_memory, uniform
from damosrl.emulator.world import provides

U = np.uint64
MIGRATE_HOT, MIGRATE_COLD = code_of(Action.MIGRATE_HOT), code_of(Action.MIGRATE_COLD)
PAGEOUT = code_of(Action.PAGEOUT)
LRU_PRIO, LRU_DEPRIO = code_of(Action.LRU_PRIO), code_of(Action.LRU_DEPRIO)
PSI = code_of(GoalMetric.SOME_MEM_PSI_US)
NODE_USED, NODE_FREE = code_of(GoalMetric.NODE_MEM_USED_BP), code_of(GoalMetric.NODE_MEM_FREE_BP)


@inner_kernel
def place_of(world: MemoryWorld, c: int) -> tuple[int, int]:
    """Return machine and node of a context."""
    nodes = world.nodes.shape[1] - 1
    return c // nodes, c % nodes


@inner_kernel
def sampling_s(state: EngineState, c: int) -> float:
    """Return the real length of a context's sampling interval."""
    return float(state.contexts[c].sample_us) * state.contexts[c].overshoot * 1e-6


@inner_kernel
def frame_offset(world: MemoryWorld, m: int, node: int, address: np.uint64) -> float:
    """Return where an address lies within its node, in frames."""
    return float(address - U(world.nodes[m, node].start_byte)) / world.machines[m].granule_bytes


@inner_kernel
def hit_at(world: MemoryWorld, state: EngineState, c: int, address: np.uint64) -> float:
    """Return the probability that the page at an address is seen accessed."""
    m, node = place_of(world, c)
    update_sums(world, m, node, sampling_s(state, c))
    frames = frame_offset(world, m, node, address)
    return world.borders[m, node, extent_index(world, m, node, frames)].hit


@inner_kernel
def fill_hits(world: MemoryWorld, state: EngineState, c: int) -> None:
    """Write the mean hit probability of all regions of a context."""
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


@inner_kernel
def frames_between(
    world: MemoryWorld, m: int, node: int, start: np.uint64, end: np.uint64
) -> tuple[int, int]:
    """Return the frames whose centre lies in [start, end).

    A frame stands for all its pages: by this rule the bytes moved equal the bytes asked for on
    average, and two neighbouring regions never both take a frame.
    """
    first = math.ceil(frame_offset(world, m, node, start) - 0.5)
    last = math.ceil(frame_offset(world, m, node, end) - 0.5)
    return max(first, 0), min(last, int(world.nodes[m, node].total))


@inner_kernel
def page_out(world: MemoryWorld, state: EngineState, c: int, first: int, end: int) -> int:
    """Move what lies in frames [first, end) and was not touched lately to the swap store.

    As the kernel, it looks at the accessed bit once more before it takes a page (semantics 2.1).
    """
    m, node = place_of(world, c)
    store = world.nodes.shape[1] - 1
    total = 0
    slot = locate(world, m, node, first) if first < end else NONE
    while slot != NONE and world.slots[m, slot].start < end and world.nodes[m, store].free > 0:
        if world.slots[m, slot].piece == FREE:
            slot = world.slots[m, slot].after
            continue
        if world.slots[m, slot].start < first:
            slot = split_extent(world, m, slot, first - world.slots[m, slot].start)
            if slot == NONE:
                break
        frames = min(end - world.slots[m, slot].start, world.slots[m, slot].length)
        exposure = world.machines[m].speed * sampling_s(state, c)
        quiet = math.exp(-piece_rate(world, m, world.slots[m, slot].piece) * exposure)
        wanted = int(frames * quiet + uniform(world, m))
        if wanted < frames:
            first = world.slots[m, slot].start + frames
        moved, slot = move_frames(world, m, node, store, slot, wanted, world.machines[m].time_s)
        total += moved
    return total


@inner_kernel
def mapped_frames(world: MemoryWorld, m: int, node: int, first: int, end: int) -> int:
    """Count the frames in [first, end) that hold memory of the workload."""
    total = 0
    slot = locate(world, m, node, first) if first < end else NONE
    while slot != NONE and world.slots[m, slot].start < end:
        if world.slots[m, slot].piece != FREE:
            stop = min(end, world.slots[m, slot].start + world.slots[m, slot].length)
            total += stop - max(first, world.slots[m, slot].start)
        slot = world.slots[m, slot].after
    return total


@inner_kernel
def act(
    world: MemoryWorld, state: EngineState, c: int, s: int, start: np.uint64, end: np.uint64
) -> np.uint64:
    """Apply a scheme's action to a range of a node; return the bytes applied."""
    m, node = place_of(world, c)
    first, last = frames_between(world, m, node, start, end)
    scheme = state.schemes[c, s]
    frames = 0
    if scheme.action in (MIGRATE_HOT, MIGRATE_COLD):
        target = scheme.target_nid
        if 0 <= target < world.nodes.shape[1] - 1 and target != node:
            frames = migrate_range(
                world,
                m,
                node,
                target,
                first,
                last,
                world.machines[m].time_s,
            )
    elif scheme.action == PAGEOUT:
        frames = page_out(world, state, c, first, last)
    elif scheme.action in (LRU_PRIO, LRU_DEPRIO):
        frames = mapped_frames(world, m, node, first, last)
    size = frames * world.machines[m].granule_bytes
    moved_ns = size / PAGE_BYTES * world.machines[m].move_page_ns
    scheme.total_charged_ns += U(moved_ns)
    world.machines[m].kdamond_us += moved_ns * 1e-3
    return U(size)


@inner_kernel
def metric(world: MemoryWorld, state: EngineState, c: int, s: int, g: int) -> np.uint64:
    """Return the value of a quota goal's metric (semantics 2.11)."""
    m, _ = place_of(world, c)
    goal = state.goals[c, s, g]
    if goal.metric == PSI:
        return U(world.psi[m, SOME].total_us)
    if goal.metric in (NODE_USED, NODE_FREE):
        nid = goal.nid
        known = 0 <= nid < world.nodes.shape[1] - 1
        if not known:
            return U(0) if goal.metric == NODE_USED else U(10000)
        total, free = world.nodes[m, nid].total, world.nodes[m, nid].free
        part = free if goal.metric == NODE_FREE else total - free
        return U(part * 10000 // total)
    return U(goal.current_value)


@inner_kernel
def free_permil(world: MemoryWorld, c: int) -> np.uint64:
    """Return the free memory of all nodes in permil."""
    m, _ = place_of(world, c)
    total = 0
    for node in range(world.nodes.shape[1] - 1):
        total += world.nodes[m, node].total
    return U(free_memory(world, m) * 1000 // total)


@provides(protocol.accessed, MemoryWorld)
def _accessed(
    world: MemoryWorld,
    state: EngineState,
    c: int,
    target: int,  # noqa: ARG001  a node is its context's only target
    address: np.uint64,
    now_us: np.uint64,  # noqa: ARG001  rates hold for the whole step
) -> bool:
    return float(draw(state.contexts[c])) < hit_at(world, state, c, address) * 4294967296.0


@provides(protocol.fill_hit_probability, MemoryWorld)
def _fill_hit_probability(world: MemoryWorld, state: EngineState, c: int) -> None:
    fill_hits(world, state, c)


@provides(protocol.apply_action, MemoryWorld)
def _apply_action(
    world: MemoryWorld,
    state: EngineState,
    c: int,
    scheme: int,
    target: int,  # noqa: ARG001  a node is its context's only target
    start: np.uint64,
    end: np.uint64,
) -> np.uint64:
    return act(world, state, c, scheme, start, end)


@provides(protocol.target_is_valid, MemoryWorld)
def _target_is_valid(
    world: MemoryWorld,  # noqa: ARG001  physical memory has no process
    state: EngineState,  # noqa: ARG001
    c: int,  # noqa: ARG001
    target: int,  # noqa: ARG001
) -> bool:
    return True


@provides(protocol.find_areas, MemoryWorld)
def _find_areas(
    world: MemoryWorld,  # noqa: ARG001  physical memory has no process
    state: EngineState,  # noqa: ARG001
    c: int,  # noqa: ARG001
    target: int,  # noqa: ARG001
) -> bool:
    return False


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
    return free_permil(world, c)


@provides(protocol.on_aggregation, MemoryWorld)
def _on_aggregation(world: MemoryWorld, state: EngineState, c: int) -> None:
    m, _ = place_of(world, c)
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
