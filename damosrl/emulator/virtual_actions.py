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
from damosrl.emulator.physical_actions import charge_moves
from damosrl.emulator.places import machine_of
from damosrl.emulator.state import EngineState, code_of
from damosrl.emulator.virtual_advice import advise_range, count_passing
from damosrl.emulator.virtual_monitor import process_of
from damosrl.emulator.virtual_moves import carry
from damosrl.emulator.virtual_plan import ask_frames, meets, want_by_weight, want_in
from damosrl.emulator.virtual_state import NO_PROCESS, Range

MIGRATE_HOT, MIGRATE_COLD = code_of(Action.MIGRATE_HOT), code_of(Action.MIGRATE_COLD)
WILLNEED, PAGEOUT = code_of(Action.WILLNEED), code_of(Action.PAGEOUT)
LRU_PRIO, LRU_DEPRIO = code_of(Action.LRU_PRIO), code_of(Action.LRU_DEPRIO)
STAT = code_of(Action.STAT)
PAGE = U(4096)


@inner_kernel
def has_filters(scheme: Any) -> bool:
    """Tell whether pages are asked one by one; madvise never asks (semantics 2.1)."""
    return bool(scheme.nr_ops_filters != 0 and scheme.core_filters_allowed == 0)


@inner_kernel
def migrate(world: MemoryWorld, state: EngineState, wanted: Range) -> int:
    """Migrate a range to the scheme's destinations, or to its target; return frames moved."""
    scheme, store = state.schemes[wanted.c, wanted.scheme], world.nodes.shape[1] - 1
    if scheme.nr_dests > 0:
        want_by_weight(world, state, wanted)
    elif 0 <= scheme.target_nid < store:
        want_in(world, wanted, scheme.target_nid)
    else:
        return 0
    total = 0
    for source in range(store):
        for target in range(store):
            if source != target:
                total += carry(world, state, wanted, source, target, has_filters(scheme))
    return total


@inner_kernel
def page_out(world: MemoryWorld, state: EngineState, wanted: Range) -> int:
    """Swap a range out, accessed lately or not, as MADV_PAGEOUT does; return frames moved."""
    store, total = world.nodes.shape[1] - 1, 0
    want_in(world, wanted, store)
    for source in range(store):
        total += carry(world, state, wanted, source, store, False)
    return total


@inner_kernel
def bring_in(world: MemoryWorld, state: EngineState, wanted: Range) -> int:
    """Read swapped memory of a range, into the fastest node with room; return frames moved."""
    store, total = world.nodes.shape[1] - 1, 0
    for target in range(store):
        want_in(world, wanted, target)
        total += carry(world, state, wanted, store, target, False)
    size = float(total * world.machines[wanted.m].granule_bytes)
    world.nodes[wanted.m, store].waiting_bytes += size  # no fault waits for these
    return total


@inner_kernel
def is_mapped(world: MemoryWorld, m: int, q: int, start: np.uint64, end: np.uint64) -> bool:
    """Tell whether areas of a process cover [start, end) without a hole."""
    process, place = world.virtual.processes[m, q], start
    for v in range(process.first_area, process.end_area):
        area = world.virtual.areas[m, v]
        if area.mapped != 0 and area.start <= place < area.end:
            place = area.end
    return bool(place >= end)


@inner_kernel
def range_of(world: MemoryWorld, c: int, s: int, q: int, start: np.uint64, end: np.uint64) -> Range:
    """Return a range, with the spans of the process that it meets."""
    m = machine_of(world, c)
    process = world.virtual.processes[m, q]
    whole = Range(m, c, s, process.first_span, process.end_span, start, end)
    first, last = whole.end_span, whole.first_span
    for span in range(whole.first_span, whole.end_span):
        if meets(world, whole, span):
            first, last = min(first, span), span + 1
    return Range(m, c, s, first, last, start, end)


@inner_kernel
def give_advice(world: MemoryWorld, state: EngineState, wanted: Range) -> None:
    """Do what madvise does for a scheme's action; filters are not asked."""
    scheme, m = state.schemes[wanted.c, wanted.scheme], wanted.m
    if scheme.action == PAGEOUT:
        moved = page_out(world, state, wanted)
    elif scheme.action == WILLNEED:
        moved = bring_in(world, state, wanted)
    else:
        scheme.total_charged_ns += U(advise_range(world, state, wanted, scheme.action))
        return
    charge_moves(world, scheme, m, moved * world.machines[m].granule_bytes)


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

    madvise does what it can and then fails if a part of the range is not mapped: applied is all or
    nothing. Address ranges know no LRU lists (``lru_prio``, ``lru_deprio``).
    """
    m = machine_of(world, c)
    q, scheme = process_of(world, m, state.pids[c, target]), state.schemes[c, s]
    if q == NO_PROCESS or scheme.action in (LRU_PRIO, LRU_DEPRIO):
        return U(0)
    if scheme.action == STAT and not has_filters(scheme):
        return U(0)
    wanted, granule = range_of(world, c, s, q, start, end), world.machines[m].granule_bytes
    ask_frames(world, wanted)
    if scheme.action == STAT:
        scheme.sz_ops_filter_passed += U(count_passing(world, state, wanted) * granule)
        return U(0)
    if scheme.action in (MIGRATE_HOT, MIGRATE_COLD):
        moved = migrate(world, state, wanted)
        charge_moves(world, scheme, m, moved * granule)
        return U(moved * granule)
    give_advice(world, state, wanted)
    return align_up(end - start, PAGE) if is_mapped(world, m, q, start, end) else U(0)
