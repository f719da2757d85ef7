"""Memory that comes and goes: mmap and munmap, processes that start and end.

New memory is taken as by first touch: from the fastest node that has free frames, after reclaim
has made room where there is a swap store.
"""

from typing import Any

import numpy as np

from damosrl.emulator.compression import count_stored
from damosrl.emulator.extents import (
    clear_extent,
    find_free,
    join_following,
    join_previous,
    release_extent,
    split_extent,
)
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.rates import renew_loads
from damosrl.emulator.reclaim import free_memory, reclaim
from damosrl.emulator.virtual_state import VirtualMemory

NOWHERE = np.uint64(0)
"""End of an area that is none."""

SAME_TIME_S = 1e-6
"""Times nearer than this are the same: sums of steps are not exact."""


@inner_kernel
def is_within(from_s: float, to_s: float, time_s: float) -> bool:
    """Tell whether a time lies in [from, to), up to `SAME_TIME_S`."""
    return from_s <= time_s + SAME_TIME_S < to_s


@inner_kernel
def take_free(world: MemoryWorld, m: int, node: int, piece: int, frames: int) -> int:
    """Give up to some of a node's lowest free frames to a piece, untouched; return how many."""
    slot = find_free(world, m, node)
    if slot == NONE:
        return 0
    count = min(frames, world.slots[m, slot].length)
    if count < world.slots[m, slot].length and split_extent(world, m, slot, count) == NONE:
        return 0
    clear_extent(world, m, slot, piece)
    world.nodes[m, node].free -= count
    join_following(world, m, node, slot)
    join_previous(world, m, node, slot)
    world.virtual.plans[m, node, piece].resident += count
    return count


@inner_kernel
def take_memory(world: MemoryWorld, m: int, area: Any) -> None:
    """Give frames to the pieces of an area, which have none."""
    for piece in range(area.first_piece, area.end_piece):
        left = world.pieces[m, piece].frames
        if left > free_memory(world, m):
            reclaim(world, m, left - free_memory(world, m))
        for node in range(world.nodes.shape[1]):
            taken = int(np.int64(1))  # not a literal: those would compile every callee twice
            while left > 0 and taken > 0:
                taken = take_free(world, m, node, piece, left)
                left -= taken


@inner_kernel
def give_memory(world: MemoryWorld, m: int, area: Any) -> None:
    """Free all frames of an area's pieces, swapped ones too."""
    for node in range(world.nodes.shape[1]):
        slot = world.nodes[m, node].first
        while slot != NONE:
            piece = world.slots[m, slot].piece
            if piece != FREE and area.first_piece <= piece < area.end_piece:
                slot = release_extent(world, m, node, slot)
            slot = world.slots[m, slot].after
        for piece in range(area.first_piece, area.end_piece):
            world.virtual.plans[m, node, piece].resident = 0


@inner_kernel
def note_processes(virtual: VirtualMemory, m: int, time_s: float) -> float:
    """Note which processes live; return when something comes or goes next, infinite if nothing."""
    change_s, now_s = np.inf, time_s + SAME_TIME_S
    for v in range(virtual.areas.shape[1]):
        area = virtual.areas[m, v]
        for border_s in (area.from_s, area.to_s):
            if border_s > now_s:
                change_s = min(change_s, border_s)
    for q in range(virtual.processes.shape[1]):
        process = virtual.processes[m, q]
        alive = process.pid != 0 and is_within(process.start_s, process.end_s, time_s)
        process.alive = 1 if alive else 0
        for border_s in (process.start_s, process.end_s):
            if border_s > now_s:
                change_s = min(change_s, border_s)
    return change_s


@inner_kernel
def change_mappings(world: MemoryWorld, m: int, time_s: float) -> None:
    """Unmap and map what goes and comes at a time."""
    areas = world.virtual.areas
    for v in range(areas.shape[1]):
        area = areas[m, v]
        if area.mapped != 0 and not is_within(area.from_s, area.to_s, time_s):
            area.mapped = 0
            give_memory(world, m, area)
    for v in range(areas.shape[1]):
        area = areas[m, v]
        if area.mapped == 0 and is_within(area.from_s, area.to_s, time_s):
            area.mapped = 1
            take_memory(world, m, area)
    world.machines[m].next_change_s = note_processes(world.virtual, m, time_s)
    renew_loads(world, m)
    count_stored(world, m)


@lean_kernel
def begin_mapping(world: MemoryWorld, m: int) -> None:
    """Note what is mapped at time 0, when the memory of that is laid out already."""
    virtual = world.virtual
    for piece in range(world.machines[m].num_pieces):
        for node in range(world.nodes.shape[1]):
            virtual.plans[m, node, piece].resident = 0
            virtual.plans[m, node, piece].left = 0
    for node in range(world.nodes.shape[1]):
        slot = world.nodes[m, node].first
        while slot != NONE:
            extent = world.slots[m, slot]
            if extent.piece != FREE:
                virtual.plans[m, node, extent.piece].resident += extent.length
            slot = extent.after
    for v in range(virtual.areas.shape[1]):
        area = virtual.areas[m, v]
        is_area = area.end != NOWHERE
        area.mapped = 1 if is_area and is_within(area.from_s, area.to_s, 0.0) else 0
    world.machines[m].next_change_s = note_processes(virtual, m, 0.0)
