"""Moving memory between nodes, and what it costs.

Pages go to the target node's free frames in address order. As with the kernel's migration for DAMOS
(mm/damon/ops-common.c, 7.3) nothing is reclaimed to make room: what finds no free frame stays. The
move itself is instant; its cost, traffic on both tiers and CPU time, is spread over the time
the copying takes.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.compression import account_stored, is_refused
from damosrl.emulator.extents import (
    fill_free,
    find_free,
    locate,
    release_extent,
    split_extent,
)
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.memory_state import FREE, NONE, TOUCHED, MemoryWorld
from damosrl.emulator.rates import add_tenant_load, invalidate_sums, piece_rate


@inner_kernel
def move_frames(
    world: MemoryWorld,
    m: int,
    source: int,
    target: int,
    slot: int,
    frames: int,
    now_s: float,
) -> tuple[int, int]:
    """Move an extent's first frames to another node's lowest free frames.

    Returns:
        Frames moved (fewer when the target fills up, none that the swap store refuses), and the
        slot after them in address order.
    """
    frames = min(frames, world.slots[m, slot].length, world.nodes[m, target].free)
    following = world.slots[m, slot].after
    if frames <= 0 or (target == world.nodes.shape[1] - 1 and is_refused(world, m, slot)):
        return 0, following
    if frames < world.slots[m, slot].length:
        following = split_extent(world, m, slot, frames)
        if following == NONE:
            return 0, NONE
    extent = world.slots[m, slot]
    piece, moved_before = extent.piece, extent.moved_at
    stamp = round(now_s * 10.0) + 1
    moved_at = stamp if target < source else -stamp
    extent.moved_at = moved_at
    _swap_pages(world, m, source, target, slot)
    moved = 0
    while moved < frames:
        room = find_free(world, m, target)
        placed = fill_free(world, m, target, room, frames - moved, slot)
        moved += placed
        if placed == 0:
            break
    if moved < frames and (moved == 0 or split_extent(world, m, slot, moved) == NONE):
        return moved, NONE
    freed = release_extent(world, m, source, slot)
    _account(world, m, source, target, piece, moved)
    _count_return(world, m, moved_before, moved_at, moved)
    return moved, world.slots[m, freed].after


@inner_kernel
def _swap_pages(world: MemoryWorld, m: int, source: int, target: int, slot: int) -> None:
    """Let pages that go to or come from the swap store be what swapping makes of them.

    A large folio is split on its way out and comes back as pages; whatever faults in was accessed,
    and starts on the inactive list (mm/memory.c, ``do_swap_page()``, 7.3).
    """
    store, extent = world.nodes.shape[1] - 1, world.slots[m, slot]
    if target == store:
        extent.order = 0
        extent.active = 0
        extent.old_at = 0.0
    elif source == store:
        extent.old_at = TOUCHED


@inner_kernel
def _account(world: MemoryWorld, m: int, source: int, target: int, piece: int, frames: int) -> None:
    load = piece_rate(world, m, piece) * frames
    world.nodes[m, source].load = max(world.nodes[m, source].load - load, 0.0)
    world.nodes[m, target].load += load
    if world.machines[m].num_tenants > 1:
        add_tenant_load(world, m, source, piece, -frames)
        add_tenant_load(world, m, target, piece, frames)
    invalidate_sums(world, m, source)
    invalidate_sums(world, m, target)
    if world.machines[m].has_processes != 0:
        world.virtual.plans[m, source, piece].resident -= frames
        world.virtual.plans[m, target, piece].resident += frames
    machine = world.machines[m]
    size = frames * machine.granule_bytes
    store = world.nodes.shape[1] - 1
    world.nodes[m, target].waiting_bytes += size
    if source != store:  # a page read from the swap store pays by the time of its fault
        world.nodes[m, source].waiting_bytes += size
    if target == store:
        account_stored(world, m, piece, frames)
        machine.swapped_out_bytes += size
    elif source == store:
        account_stored(world, m, piece, -frames)
        machine.swapped_in_bytes += size
    if store not in (source, target):
        machine.copy_waiting_bytes += size
    if target < source:
        machine.up_bytes += size
    else:
        machine.down_bytes += size


@inner_kernel
def _count_return(world: MemoryWorld, m: int, before: int, now: int, frames: int) -> None:
    opposite = before * now < 0
    if opposite and abs(now) - abs(before) <= 10.0 * world.machines[m].pingpong_window_s:
        world.machines[m].returned_bytes += frames * world.machines[m].granule_bytes


@lean_kernel
def migrate_range(
    world: MemoryWorld,
    m: int,
    source: int,
    target: int,
    first: int,
    end: int,
    now_s: float,
) -> int:
    """Move what lies in a node's frames [first, end) to another node; return frames moved."""
    total = 0
    slot = locate(world, m, source, first) if first < end else NONE
    while slot != NONE and world.slots[m, slot].start < end and world.nodes[m, target].free > 0:
        if world.slots[m, slot].piece == FREE:
            slot = world.slots[m, slot].after
            continue
        if world.slots[m, slot].start < first:
            slot = split_extent(world, m, slot, first - world.slots[m, slot].start)
            if slot == NONE:
                break
        frames = end - world.slots[m, slot].start
        moved, slot = move_frames(world, m, source, target, slot, frames, now_s)
        total += moved
    return total


@lean_kernel
def move_pieces(
    world: MemoryWorld, m: int, source: int, target: int, wanted: NDArray[np.int64]
) -> int:
    """Move frames of pieces between nodes as far as there is room; return frames moved.

    ``wanted (P,)`` is lowered by what was moved.
    """
    total, left = 0, 0
    for piece in range(len(wanted)):
        left += wanted[piece]
    slot = world.nodes[m, source].first
    while slot != NONE and total < left and world.nodes[m, target].free > 0:
        piece = world.slots[m, slot].piece
        if piece == FREE or wanted[piece] == 0:
            slot = world.slots[m, slot].after
            continue
        moved, slot = move_frames(
            world, m, source, target, slot, wanted[piece], world.machines[m].time_s
        )
        wanted[piece] -= moved
        total += moved
    return total
