"""What a scheme does to physical memory, folio by folio (semantics 2.1).

Kernel 7.3, mm/damon/paddr.c. A range is walked extent by extent; of the folios that pass the
filters, the first ones of an extent stand for all: they are alike. A large folio belongs, whole, to
every range that holds the centre of one of its frames, and one that two neighbouring ranges share
is handled once (``last_applied``). Folios are counted from the first frame of their extent.
"""

import math
from typing import Any

import numpy as np

from damosrl.damon import Action
from damosrl.emulator.extents import isolate, join_previous, locate
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import FREE, NONE, PAGE_BYTES, MemoryWorld
from damosrl.emulator.migration import migrate_range, move_frames
from damosrl.emulator.ops_filters import looks_at_age, passing_folios
from damosrl.emulator.physical_ranges import bounds_in_node
from damosrl.emulator.places import machine_of, place_of, sampling_s
from damosrl.emulator.rates import accesses_by
from damosrl.emulator.state import EngineState, code_of

U = np.uint64
MIGRATE_HOT, MIGRATE_COLD = code_of(Action.MIGRATE_HOT), code_of(Action.MIGRATE_COLD)
PAGEOUT, STAT = code_of(Action.PAGEOUT), code_of(Action.STAT)
LRU_PRIO, LRU_DEPRIO = code_of(Action.LRU_PRIO), code_of(Action.LRU_DEPRIO)


@inner_kernel
def folio_frames(world: MemoryWorld, m: int, order: int) -> int:
    """Return the frames of a folio; a frame holds several small ones, which count as one."""
    return max(int(PAGE_BYTES * 2.0**order / world.machines[m].granule_bytes), 1)


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
def target_of(world: MemoryWorld, scheme: Any, node: int) -> int:
    """Return the node that a scheme moves memory to, `NONE` if it moves nothing from here."""
    store = world.nodes.shape[1] - 1
    if scheme.action == PAGEOUT:
        return store
    target = scheme.target_nid
    if scheme.action in (MIGRATE_HOT, MIGRATE_COLD) and 0 <= target < store and target != node:
        return int(target)
    return NONE


@inner_kernel
def folio_span(extent: Any, first: int, last: int, unit: int, done: np.uint64) -> tuple[int, int]:
    """Return the frames of an extent whose folios lie in [first, last), in whole folios.

    Args:
        extent: The extent.
        first: First frame of the range.
        last: One past the last.
        unit: Frames of a folio.
        done: First frame, plus 1, of the folio that was handled last.
    """
    end = extent.start + extent.length
    begin = extent.start + (max(first, extent.start) - extent.start) // unit * unit
    stop = extent.start - (extent.start - min(last, end)) // unit * unit
    if unit > 1 and U(begin + 1) == done:
        begin += unit
    return begin, min(stop, end)


@inner_kernel
def treat(
    world: MemoryWorld, scheme: Any, m: int, node: int, slot: int, first: int, frames: int
) -> tuple[int, int]:
    """Apply a scheme's action to the first frames of an extent.

    Returns:
        Frames it was applied to, and the first slot behind what was handled.
    """
    target = target_of(world, scheme, node)
    if target != NONE:
        return move_frames(world, m, node, target, slot, frames, world.machines[m].time_s)
    if frames == 0 or scheme.action not in (LRU_PRIO, LRU_DEPRIO):
        return 0, world.slots[m, slot].after
    slot = isolate(world, m, slot, first, first + frames)
    if slot == NONE:
        return 0, NONE
    world.slots[m, slot].active = scheme.action == LRU_PRIO
    if scheme.action == LRU_PRIO:
        world.machines[m].uses_active = 1
    slot = join_previous(world, m, node, slot)
    return frames, world.slots[m, slot].after


@inner_kernel
def walk_folios(
    world: MemoryWorld, state: EngineState, c: int, s: int, node: int, first: int, last: int
) -> int:
    """Apply a scheme to the folios in frames [first, last) of a node.

    Returns:
        Frames that the action was applied to.
    """
    m, unit_bytes = machine_of(world, c), state.contexts[c].addr_unit
    scheme, granule = state.schemes[c, s], U(world.machines[m].granule_bytes)
    interval_s, now_s = sampling_s(state, c), float(state.contexts[c].now_us) * 1e-6
    ages = looks_at_age(state, c, s)
    cuts = ages or scheme.action != STAT
    done, total = scheme.last_applied, 0
    slot = locate(world, m, node, first) if first < last else NONE
    while slot != NONE and world.slots[m, slot].start < last:
        extent = world.slots[m, slot]
        unit = folio_frames(world, m, extent.order)
        begin, stop = folio_span(extent, first, last, unit, done)
        if extent.piece == FREE or begin >= stop:
            slot = extent.after
            continue
        scheme.last_applied = U(begin + (stop - begin - 1) // unit * unit + 1)
        if cuts:
            slot = isolate(world, m, slot, begin, stop)
            if slot == NONE:
                break
        folios = -((begin - stop) // unit)
        passed, tested = passing_folios(world, state, c, s, m, slot, folios, interval_s)
        frames = min(int(passed) * unit, stop - begin)
        scheme.sz_ops_filter_passed += U(frames) * granule // unit_bytes
        if tested:
            world.slots[m, slot].old_at = accesses_by(world, m, world.slots[m, slot].piece, now_s)
        if target_of(world, scheme, node) != NONE:
            room = world.nodes[m, target_of(world, scheme, node)].free
            frames = min(frames, int(room) // unit * unit)
        treated, following = treat(world, scheme, m, node, slot, begin, frames)
        total += treated
        if treated == 0 and cuts:
            following = join_previous(world, m, node, slot)
        slot = following
        while slot != NONE and world.slots[m, slot].start < stop:
            slot = world.slots[m, slot].after
    if slot != NONE and cuts:
        join_previous(world, m, node, slot)
    return total


@inner_kernel
def needs_no_walk(world: MemoryWorld, scheme: Any, m: int) -> bool:
    """Tell whether all mapped memory of a range passes, in pieces of one frame."""
    unfiltered = scheme.nr_ops_filters == 0 or scheme.core_filters_allowed != 0
    return bool(unfiltered and world.machines[m].uses_folios == 0)


@inner_kernel
def charge_moves(world: MemoryWorld, scheme: Any, m: int, size: float) -> None:
    """Charge the time that copying some bytes takes."""
    moved_ns = size / PAGE_BYTES * world.machines[m].move_page_ns
    scheme.total_charged_ns += U(moved_ns)
    world.machines[m].kdamond_us += moved_ns * 1e-3


@inner_kernel
def act_on_frames(
    world: MemoryWorld, state: EngineState, c: int, s: int, node: int, first: int, last: int
) -> np.uint64:
    """Apply a scheme's action to the frames [first, last) of a node; return the bytes applied.

    What physical memory does not know (``willneed``, ``cold``, ``hugepage``, ``nohugepage``,
    ``collapse``), a migration to nowhere, and ``stat`` without a filter do nothing. The commonest
    case, a migration that no filter touches, takes a way without any test of folios.
    """
    m = machine_of(world, c)
    scheme = state.schemes[c, s]
    target = target_of(world, scheme, node)
    counts = scheme.action in (LRU_PRIO, LRU_DEPRIO)
    counts = counts or (scheme.action == STAT and scheme.nr_ops_filters > 0)
    if target == NONE and not counts:
        return U(0)
    granule = world.machines[m].granule_bytes
    if target != NONE and scheme.action != PAGEOUT and needs_no_walk(world, scheme, m):
        passed = U(mapped_frames(world, m, node, first, last) * granule)
        scheme.sz_ops_filter_passed += passed // state.contexts[c].addr_unit
        now_s = world.machines[m].time_s
        frames = migrate_range(world, m, node, target, first, last, now_s)
    else:
        frames = walk_folios(world, state, c, s, node, first, last)
    size = frames * granule
    if target != NONE:
        charge_moves(world, scheme, m, size)
    return U(size)


@inner_kernel
def act(
    world: MemoryWorld, state: EngineState, c: int, s: int, start: np.uint64, end: np.uint64
) -> np.uint64:
    """Apply a scheme's action to a range of physical memory; return the bytes applied, core units.

    A frame stands for all its pages, and belongs to the range that has its centre: the bytes moved
    equal the bytes asked for on average, and two neighbouring regions never both take a frame.
    """
    m, node = place_of(world, c)
    unit, granule = state.contexts[c].addr_unit, world.machines[m].granule_bytes
    low, high = float(start) * float(unit), float(end) * float(unit)
    first_node, end_node = (0, world.nodes.shape[1] - 1) if node == NONE else (node, node + 1)
    size = U(0)
    for n in range(first_node, end_node):
        first, last = bounds_in_node(world.nodes[m, n], granule, low, high)
        if first < last:
            frames = math.ceil(first - 0.5), math.ceil(last - 0.5)
            size += act_on_frames(world, state, c, s, n, frames[0], frames[1])
    return size // unit
