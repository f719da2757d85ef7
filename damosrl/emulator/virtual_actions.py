"""What a scheme does to a range of a process's address space (semantics 2.1, 2.2).

Kernel 7.3, mm/damon/vaddr.c. Of the frames that lie in the range (`damosrl.emulator.virtual_plan`)
as few as possible are moved to reach what the action asks for: an interleaving that is in place
stays as it is.
"""

from typing import Any

import numpy as np

from damosrl.damon import Action
from damosrl.emulator.arithmetic import U, align_up
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.physical_actions import (
    LRU_DEPRIO,
    LRU_PRIO,
    MIGRATE_COLD,
    MIGRATE_HOT,
    PAGEOUT,
    STAT,
    charge_moves,
)
from damosrl.emulator.places import machine_of
from damosrl.emulator.rates import invalidate_sums
from damosrl.emulator.state import EngineState, code_of
from damosrl.emulator.virtual_monitor import process_of
from damosrl.emulator.virtual_plan import (
    ask_frames,
    end_walk,
    meets,
    plan_walk,
    want_by_weight,
    want_in,
)
from damosrl.emulator.virtual_state import NO_PROCESS, Range, VirtualMemory
from damosrl.emulator.virtual_walk import walk_range

WILLNEED = code_of(Action.WILLNEED)
PAGE = U(4096)
STAYS = -1
"""Target of memory that is not moved."""


@inner_kernel
def migrates(scheme: Any) -> bool:
    """Tell whether a scheme moves memory between nodes."""
    return bool(scheme.action in (MIGRATE_HOT, MIGRATE_COLD))


@inner_kernel
def set_wanted(world: MemoryWorld, state: EngineState, wanted: Range) -> None:
    """Say where the frames of a range should be; migration to nowhere wants nothing."""
    scheme, store = state.schemes[wanted.c, wanted.scheme], world.nodes.shape[1] - 1
    first, end = store, store
    if scheme.action == PAGEOUT:
        end = store + 1
    elif scheme.action == WILLNEED:
        first = 0
    elif migrates(scheme) and scheme.nr_dests > 0:
        dests = state.dests[wanted.c, wanted.scheme, : scheme.nr_dests]
        want_by_weight(world.virtual, world.pieces[wanted.m], dests, wanted)
    elif migrates(scheme) and 0 <= scheme.target_nid < store:
        first, end = scheme.target_nid, scheme.target_nid + 1
    want_in(world.virtual, wanted, first, end)


@inner_kernel
def is_way(scheme: Any, source: int, target: int, store: int) -> bool:
    """Tell whether an action takes memory of one node to another, or treats it where it is."""
    if scheme.action == WILLNEED:
        return source == store and 0 <= target < store
    if source == store:
        return False
    if scheme.action == PAGEOUT:
        return target == store
    if migrates(scheme):
        return 0 <= target < store and target != source
    return target == STAYS


@inner_kernel
def treat_range(world: MemoryWorld, state: EngineState, wanted: Range, asks: bool) -> int:
    """Do what a scheme does to a range, node by node; return the frames that it was done to."""
    scheme, nodes, total = state.schemes[wanted.c, wanted.scheme], world.nodes.shape[1], 0
    set_wanted(world, state, wanted)
    for source in range(nodes):
        for target in range(STAYS, nodes):
            if not is_way(scheme, source, target, nodes - 1):
                continue
            if plan_walk(world.virtual, wanted, source, target) > 0:
                total += walk_range(world, state, wanted, source, target, asks)
                end_walk(world.virtual, wanted, source)
    return total


@inner_kernel
def is_mapped(virtual: VirtualMemory, m: int, q: int, start: np.uint64, end: np.uint64) -> bool:
    """Tell whether areas of a process cover [start, end) without a hole."""
    process, place = virtual.processes[m, q], start
    for v in range(process.first_area, process.end_area):
        area = virtual.areas[m, v]
        if area.mapped != 0 and area.start <= place < area.end:
            place = area.end
    return bool(place >= end)


@inner_kernel
def range_of(virtual: VirtualMemory, whole: Range) -> Range:
    """Return a range with no more spans than from the first to the last that it meets."""
    first, last = whole.end_span, whole.first_span
    for s in range(whole.first_span, whole.end_span):
        if meets(virtual, whole, s):
            first, last = min(first, s), s + 1
    return Range(
        whole.m, whole.c, whole.scheme, first, last, whole.start, whole.end, whole.granule_bytes
    )


@inner_kernel
def act_in_process(
    world: MemoryWorld,
    state: EngineState,
    c: int,
    s: int,
    target: int,
    start: np.uint64,
    end: np.uint64,
) -> np.uint64:
    """Apply a scheme's action to a range of a target; return the bytes applied.

    Migration asks filters, and so does ``stat``, which does nothing without them. madvise does not;
    it does what it can and then fails if a part of the range is not mapped: applied is all or
    nothing. Address ranges know no LRU lists (``lru_prio``, ``lru_deprio``).
    """
    m = machine_of(world, c)
    q, scheme = process_of(world.virtual, m, state.pids[c, target]), state.schemes[c, s]
    asks = scheme.nr_ops_filters != 0 and scheme.core_filters_allowed == 0
    if q == NO_PROCESS or scheme.action in (LRU_PRIO, LRU_DEPRIO):
        return U(0)
    if scheme.action == STAT and not asks:
        return U(0)
    process, machine = world.virtual.processes[m, q], world.machines[m]
    granule = float(machine.granule_bytes)
    whole = Range(m, c, s, process.first_span, process.end_span, start, end, granule)
    wanted = range_of(world.virtual, whole)
    ask_frames(world.virtual, machine, wanted)
    advises = scheme.action != STAT and not migrates(scheme)
    size = treat_range(world, state, wanted, asks and not advises) * granule
    if scheme.action == STAT:
        scheme.sz_ops_filter_passed += U(size)
        return U(0)
    if migrates(scheme) or scheme.action in (PAGEOUT, WILLNEED):
        charge_moves(world, scheme, m, size)
    else:  # folios may have got another size, and a folio has one accessed bit
        invalidate_sums(world, m, world.nodes.shape[1] - 1)
    if scheme.action == WILLNEED:  # no fault waits for what is read
        world.nodes[m, world.nodes.shape[1] - 1].waiting_bytes += size
    if migrates(scheme):
        return U(size)
    return align_up(end - start, PAGE) if is_mapped(world.virtual, m, q, start, end) else U(0)
