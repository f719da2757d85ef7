"""The world of a tiered machine as the monitor and the schemes meet it.

Kdamond k of a machine watches the physical memory of node k: its one target is the node, free
frames included. Addresses of the nodes follow one another; context ``c`` is machine * K + k.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Action, GoalMetric
from damosrl.emulator import world as protocol
from damosrl.emulator.application import Loop
from damosrl.emulator.extents import FREE, NONE, Extents, locate, split_extent
from damosrl.emulator.jit import kernel
from damosrl.emulator.latency import Tiers
from damosrl.emulator.migration import Traffic, migrate_range, move_frames
from damosrl.emulator.pressure import SOME, Stalls
from damosrl.emulator.rates import (
    Rates,
    extent_index,
    hits_up_to,
    piece_rate,
    update_sums,
)
from damosrl.emulator.rng import draw
from damosrl.emulator.state import EngineState, code_of
from damosrl.emulator.swap import Swap, uniform
from damosrl.emulator.world import provides

U = np.uint64
MIGRATE_HOT, MIGRATE_COLD = code_of(Action.MIGRATE_HOT), code_of(Action.MIGRATE_COLD)
PAGEOUT = code_of(Action.PAGEOUT)
LRU_PRIO, LRU_DEPRIO = code_of(Action.LRU_PRIO), code_of(Action.LRU_DEPRIO)
PSI = code_of(GoalMetric.SOME_MEM_PSI_US)
NODE_USED, NODE_FREE = code_of(GoalMetric.NODE_MEM_USED_BP), code_of(GoalMetric.NODE_MEM_FREE_BP)
PAGE_BYTES = 4096.0

FloatArray = NDArray[np.float64]


class Ledger(NamedTuple):
    """Clock and sums over the last run, ``(N,)`` each."""

    time_s: FloatArray
    """Machine time."""
    move_page_ns: FloatArray
    """CPU time to migrate a 4 KiB page."""
    check_us: FloatArray
    """CPU time of a kdamond per region and sample."""
    kdamond_us: FloatArray
    """Life-time CPU time of the kdamonds."""
    elapsed_s: FloatArray
    accesses: FloatArray
    """Accesses served."""
    possible: FloatArray
    """Accesses that all-fast memory would have served."""
    latency_ns: FloatArray
    """Latency summed over accesses."""
    p99_ns: FloatArray
    """99th percentile summed over accesses."""
    fast: FloatArray
    """Accesses served by node 0."""


class MemoryWorld(NamedTuple):
    """Everything that a batch of machines is, but for the engine."""

    extents: Extents
    rates: Rates
    traffic: Traffic
    tiers: Tiers
    loop: Loop
    swap: Swap
    stalls: Stalls
    ledger: Ledger
    node_start: NDArray[np.int64]
    """Byte address of each node, ``(N, T)``."""


@kernel
def place_of(world: MemoryWorld, c: int) -> tuple[int, int]:
    """Return machine and node of a context."""
    nodes = world.node_start.shape[1] - 1
    return c // nodes, c % nodes


@kernel
def sampling_s(state: EngineState, c: int) -> float:
    """Return the real length of a context's sampling interval."""
    return float(state.contexts[c].sample_us) * state.contexts[c].overshoot * 1e-6


@kernel
def frame_offset(world: MemoryWorld, m: int, node: int, address: np.uint64) -> float:
    """Return where an address lies within its node, in frames."""
    return (float(address) - float(world.node_start[m, node])) / world.traffic.granule_bytes[m]


@kernel
def hit_at(world: MemoryWorld, state: EngineState, c: int, address: np.uint64) -> float:
    """Return the probability that the page at an address is seen accessed."""
    m, node = place_of(world, c)
    update_sums(world.rates, world.extents, m, node, sampling_s(state, c))
    frame = int(frame_offset(world, m, node, address))
    index = extent_index(world.rates, m, node, frame, 0)
    border, below = world.rates.border[m, node], world.rates.hits_below[m, node]
    return float((below[index + 1] - below[index]) / (border[index + 1] - border[index]))


@kernel
def fill_hits(world: MemoryWorld, state: EngineState, c: int) -> None:
    """Write the mean hit probability of all regions of a context."""
    m, node = place_of(world, c)
    update_sums(world.rates, world.extents, m, node, sampling_s(state, c))
    regions, rates = state.regions, world.rates
    scale = 1.0 / world.traffic.granule_bytes[m]
    base = U(world.node_start[m, node])
    index, last_end, hits_at_end = 0, base, 0.0
    for r in range(regions.nr_regions[c]):
        start, end = regions.start[c, r], regions.end[c, r]
        hits_at_start = hits_at_end
        if start != last_end:
            frames = float(start - base) * scale
            index = extent_index(rates, m, node, int(frames), index)
            hits_at_start = hits_up_to(rates, m, node, frames, index)
        frames = float(end - base) * scale
        index = extent_index(rates, m, node, int(frames), index)
        hits_at_end = hits_up_to(rates, m, node, frames, index)
        mean = (hits_at_end - hits_at_start) / (float(end - start) * scale)
        state.hit_probability[c, r] = min(max(mean, 0.0), 1.0)
        last_end = end


@kernel
def frames_between(
    world: MemoryWorld, m: int, node: int, start: np.uint64, end: np.uint64
) -> tuple[int, int]:
    """Return the frames whose centre lies in [start, end).

    A frame stands for all its pages: by this rule the bytes moved equal the bytes asked for on
    average, and two neighbouring regions never both take a frame.
    """
    first = math.ceil(frame_offset(world, m, node, start) - 0.5)
    last = math.ceil(frame_offset(world, m, node, end) - 0.5)
    return max(first, 0), min(last, int(world.extents.total[m, node]))


@kernel
def page_out(world: MemoryWorld, state: EngineState, c: int, first: int, end: int) -> int:
    """Move what lies in frames [first, end) and was not touched lately to the swap store.

    As the kernel, it looks at the accessed bit once more before it takes a page (semantics 2.1).
    """
    m, node = place_of(world, c)
    x, rates = world.extents, world.rates
    store = x.first.shape[1] - 1
    total = 0
    slot = locate(x, m, node, first) if first < end else NONE
    while slot != NONE and x.start[m, slot] < end and x.free[m, store] > 0:
        if x.piece[m, slot] == FREE:
            slot = x.after[m, slot]
            continue
        if x.start[m, slot] < first:
            slot = split_extent(x, m, slot, first - x.start[m, slot])
            if slot == NONE:
                break
        frames = min(end - x.start[m, slot], x.length[m, slot])
        exposure = rates.speed[m] * sampling_s(state, c)
        quiet = math.exp(-piece_rate(rates, m, x.piece[m, slot]) * exposure)
        wanted = int(frames * quiet + uniform(world.swap, m))
        if wanted < frames:
            first = x.start[m, slot] + frames
        moved, slot = move_frames(
            x, rates, world.traffic, m, node, store, slot, wanted, world.ledger.time_s[m]
        )
        total += moved
    return total


@kernel
def mapped_frames(x: Extents, m: int, node: int, first: int, end: int) -> int:
    """Count the frames in [first, end) that hold memory of the workload."""
    total = 0
    slot = locate(x, m, node, first) if first < end else NONE
    while slot != NONE and x.start[m, slot] < end:
        if x.piece[m, slot] != FREE:
            stop = min(end, x.start[m, slot] + x.length[m, slot])
            total += stop - max(first, x.start[m, slot])
        slot = x.after[m, slot]
    return total


@kernel
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
        if 0 <= target < world.node_start.shape[1] - 1 and target != node:
            frames = migrate_range(
                world.extents,
                world.rates,
                world.traffic,
                m,
                node,
                target,
                first,
                last,
                world.ledger.time_s[m],
            )
    elif scheme.action == PAGEOUT:
        frames = page_out(world, state, c, first, last)
    elif scheme.action in (LRU_PRIO, LRU_DEPRIO):
        frames = mapped_frames(world.extents, m, node, first, last)
    size = frames * world.traffic.granule_bytes[m]
    moved_ns = size / PAGE_BYTES * world.ledger.move_page_ns[m]
    scheme.total_charged_ns += U(moved_ns)
    world.ledger.kdamond_us[m] += moved_ns * 1e-3
    return U(size)


@kernel
def metric(world: MemoryWorld, state: EngineState, c: int, s: int, g: int) -> np.uint64:
    """Return the value of a quota goal's metric (semantics 2.11)."""
    m, _ = place_of(world, c)
    goal = state.goals[c, s, g]
    if goal.metric == PSI:
        return U(world.stalls.total_us[m, SOME])
    if goal.metric in (NODE_USED, NODE_FREE):
        nid = goal.nid
        known = 0 <= nid < world.node_start.shape[1] - 1
        if not known:
            return U(0) if goal.metric == NODE_USED else U(10000)
        total, free = world.extents.total[m, nid], world.extents.free[m, nid]
        part = free if goal.metric == NODE_FREE else total - free
        return U(part * 10000 // total)
    return U(goal.current_value)


@kernel
def free_permil(world: MemoryWorld, c: int) -> np.uint64:
    """Return the free memory of all nodes in permil."""
    m, _ = place_of(world, c)
    nodes = world.node_start.shape[1] - 1
    free = world.extents.free[m, :nodes].sum()
    return U(free * 1000 // world.extents.total[m, :nodes].sum())


@provides(protocol.accessed, MemoryWorld)
def _accessed(
    world: MemoryWorld,
    state: EngineState,
    c: int,
    target: int,  # noqa: ARG001  a node is its context's only target
    address: np.uint64,
    now_us: np.uint64,  # noqa: ARG001  rates hold for the whole step
) -> bool:
    return draw(state.contexts[c]) < hit_at(world, state, c, address) * 4294967296.0


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
    world.ledger.kdamond_us[m] += world.ledger.check_us[m] * checks


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
