"""What a kdamond sees of a process: which areas it maps, and how often its pages are accessed.

Kernel 7.3, mm/damon/vaddr.c. A page that is not present, swapped out or not mapped at all, is not
accessed (semantics 1.6). Within a piece it does not matter which pages are swapped: an address of
it is present with the probability of its present share.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.arithmetic import U, align_up
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.places import machine_of, sampling_s
from damosrl.emulator.rates import folio_hit, update_hits
from damosrl.emulator.state import EngineState
from damosrl.emulator.virtual_state import NO_PROCESS, VirtualMemory


@lean_kernel
def process_of(virtual: VirtualMemory, m: int, pid: int) -> int:
    """Return the process that lives with a pid now, or `NO_PROCESS`."""
    for q in range(virtual.processes.shape[1]):
        process = virtual.processes[m, q]
        if process.pid == pid and process.alive != 0:
            return q
    return NO_PROCESS


@lean_kernel
def three_areas(
    virtual: VirtualMemory, m: int, q: int, unit: np.uint64, areas: NDArray[np.uint64], row: int
) -> bool:
    """Cut what a process maps at its two largest gaps (``damon_va_three_regions``, semantics 1.4).

    Args:
        virtual: The processes.
        m: Machine.
        q: Process.
        unit: Smallest region size; all bounds are rounded up to it.
        areas: ``(., 2, Q)``, starts and ends; three parts are written.
        row: Row of ``areas`` to write.

    Returns:
        False, and nothing is written, if there are less than two gaps (EINVAL).
    """
    process, first, end = virtual.processes[m, q], U(0), U(0)
    low_start = low_end = high_start = high_end = U(0)
    any_mapped = False
    for v in range(process.first_area, process.end_area):
        area = virtual.areas[m, v]
        if area.mapped == 0:
            continue
        if not any_mapped:
            first = area.start
        elif area.start - end > low_end - low_start:
            high_start, high_end = low_start, low_end
            low_start, low_end = end, area.start
        elif area.start - end > high_end - high_start:
            high_start, high_end = end, area.start
        any_mapped, end = True, area.end
    if low_start == low_end or high_start == high_end:
        return False
    if low_start > high_start:
        low_start, low_end, high_start, high_end = high_start, high_end, low_start, low_end
    areas[row, 0, 0], areas[row, 1, 0] = align_up(first, unit), align_up(low_start, unit)
    areas[row, 0, 1], areas[row, 1, 1] = align_up(low_end, unit), align_up(high_start, unit)
    areas[row, 0, 2], areas[row, 1, 2] = align_up(high_end, unit), align_up(end, unit)
    return True


@inner_kernel
def see_pieces(world: MemoryWorld, m: int) -> None:
    """Sum up the hit probability of each piece's pages, by node; those swapped out never hit."""
    plans = world.virtual.plans
    for node in range(world.nodes.shape[1] - 1):
        for piece in range(world.machines[m].num_pieces):
            plans[m, node, piece].seen = 0.0
        slot = world.nodes[m, node].first
        while slot != NONE:
            extent = world.slots[m, slot]
            if extent.piece != FREE:
                hit = world.hit[m, extent.piece]
                if extent.order != 0:
                    hit = folio_hit(hit, extent.order)
                plans[m, node, extent.piece].seen += hit * extent.length
            slot = extent.after


@inner_kernel
def mean_hit(virtual: VirtualMemory, m: int, piece: int) -> float:
    """Return the mean hit probability of a piece's pages, swapped ones included."""
    frames, seen, store = 0, 0.0, virtual.plans.shape[1] - 1
    for node in range(store):
        frames += virtual.plans[m, node, piece].resident
        seen += virtual.plans[m, node, piece].seen
    frames += virtual.plans[m, store, piece].resident
    return min(seen / max(frames, 1), 1.0)


@inner_kernel
def write_edge(
    virtual: VirtualMemory, m: int, place: int, address: np.uint64, hits_below: float, hit: float
) -> None:
    """Write one edge of a process."""
    edge = virtual.edges[m, place]
    edge.address = address
    edge.hits_below = hits_below
    edge.hit = hit


@inner_kernel
def fill_edges(virtual: VirtualMemory, m: int, q: int) -> None:
    """Write where the hit probability changes in a process's address space."""
    process = virtual.processes[m, q]
    edge, hits, end = process.first_edge, 0.0, U(0)
    for s in range(process.first_span, process.end_span):
        span = virtual.spans[m, s]
        if virtual.areas[m, span.area].mapped == 0 or span.present == 0:
            continue
        if span.start != end:
            write_edge(virtual, m, edge, end, hits, 0.0)
            edge += 1
        hit = mean_hit(virtual, m, span.piece)
        write_edge(virtual, m, edge, span.start, hits, hit)
        edge += 1
        hits += hit * float(span.end - span.start)
        end = span.end
    write_edge(virtual, m, edge, end, hits, 0.0)
    process.num_edges = edge + 1 - process.first_edge


@inner_kernel
def update_edges(world: MemoryWorld, m: int, interval_s: float) -> None:
    """Bring the edges of all processes up to date for a sampling interval, if they are stale.

    The sums of the swap store, which no monitor looks at, stand for those of the processes: they
    are stale when memory was swapped, mapped, or unmapped, and in a new epoch.
    """
    exposure = update_hits(world, m, interval_s)
    store = world.nodes[m, world.nodes.shape[1] - 1]
    if store.sums_exposure_s == exposure:
        return
    see_pieces(world, m)
    for q in range(world.virtual.processes.shape[1]):
        if world.virtual.processes[m, q].pid != 0:
            fill_edges(world.virtual, m, q)
    store.sums_exposure_s = exposure


@inner_kernel
def edge_before(virtual: VirtualMemory, m: int, q: int, address: np.uint64, low: int) -> int:
    """Return the last edge of a process that is not above an address, not below edge ``low``."""
    process, edges = virtual.processes[m, q], virtual.edges
    high = process.first_edge + process.num_edges
    while high - low > 1:
        middle = (low + high) // 2
        if edges[m, middle].address <= address:
            low = middle
        else:
            high = middle
    return low


@inner_kernel
def fill_process_hits_at(world: MemoryWorld, state: EngineState, c: int) -> None:
    """Write the hit probability at one address of each region of a context of processes."""
    m, regions, target, q = machine_of(world, c), state.regions, -1, NO_PROCESS
    update_edges(world, m, sampling_s(state, c))
    for r in range(regions.nr_regions[c]):
        if regions.target[c, r] != target:
            target = regions.target[c, r]
            q = process_of(world.virtual, m, state.pids[c, target])
        state.hit_probability[c, r] = 0.0
        if q != NO_PROCESS:
            first = world.virtual.processes[m, q].first_edge
            edge = edge_before(world.virtual, m, q, state.scratch[c, 0, r], first)
            state.hit_probability[c, r] = world.virtual.edges[m, edge].hit


@inner_kernel
def fill_process_hits(world: MemoryWorld, state: EngineState, c: int) -> None:
    """Write the mean hit probability of all regions of a context that watches processes."""
    m, regions = machine_of(world, c), state.regions
    update_edges(world, m, sampling_s(state, c))
    edges, target, q, low = world.virtual.edges, -1, NO_PROCESS, 0
    for r in range(regions.nr_regions[c]):
        if regions.target[c, r] != target:
            target = regions.target[c, r]
            q = process_of(world.virtual, m, state.pids[c, target])
            low = world.virtual.processes[m, max(q, 0)].first_edge
        state.hit_probability[c, r] = 0.0
        if q == NO_PROCESS:
            continue
        start, end = regions.start[c, r], regions.end[c, r]
        low = edge_before(world.virtual, m, q, start, low)
        edge = edges[m, low]
        below = edge.hits_below + edge.hit * float(start - edge.address)
        low = edge_before(world.virtual, m, q, end, low)
        edge = edges[m, low]
        hits = edge.hits_below + edge.hit * float(end - edge.address) - below
        state.hit_probability[c, r] = min(max(hits / float(end - start), 0.0), 1.0)
