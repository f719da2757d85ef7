"""Access rates of the workload's pieces, now: epochs in force, load per node, hit probabilities.

The rates of all epochs of all machines lie in one store (`damosrl.emulator.rate_store`); a machine
points at its place there. Hit probabilities of a node are kept as prefix sums over its extents, so
that a region's mean is two look-ups, whatever its size (the Poisson process: a page with rate r
is seen accessed in a time d with probability 1 - exp(-r d)).
"""

import math
from typing import Any

import numpy as np

from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.memory_state import BUCKETS, FREE, NONE, MemoryWorld

U = np.uint64
ONE = U(1)
LAST_BUCKET = U(BUCKETS - 1)

NEAR = U(8)
"""Extents passed one by one before a search gallops."""

EXPOSURE_TOLERANCE = 1e-3
"""Relative change of speed times sampling interval below which hit probabilities are kept."""


@inner_kernel
def full_rate(world: MemoryWorld, m: int, piece: int) -> float:
    """Return a piece's rate in the epoch in force, were its tenant as fast as the machine."""
    place = (
        world.machines[m].rates_at + world.machines[m].epoch * world.machines[m].num_pieces + piece
    )
    return float(world.rates[place])


@inner_kernel
def piece_rate(world: MemoryWorld, m: int, piece: int) -> float:
    """Return a piece's rate in the epoch in force, accesses per second per page.

    A second is one of the machine at full speed; the pace of a tenant makes it one of its own.
    """
    if piece == FREE:
        return 0.0
    return full_rate(world, m, piece) * world.pieces[m, piece].pace


@lean_kernel
def epoch_at(world: MemoryWorld, m: int, time_s: float) -> int:
    """Return the index of the epoch in force at a time."""
    phase = np.fmod(time_s, world.machines[m].period_s)
    first = world.machines[m].epochs_at
    low, high = 0, world.machines[m].num_epochs
    while high - low > 1:
        middle = (low + high) // 2
        if world.epochs[first + middle] <= phase:
            low = middle
        else:
            high = middle
    return low


@lean_kernel
def next_epoch_s(world: MemoryWorld, m: int, time_s: float) -> float:
    """Return the time at which the epoch after the one in force begins; may be infinite."""
    period = world.machines[m].period_s
    phase = np.fmod(time_s, period)
    following = world.machines[m].epoch + 1
    if following < world.machines[m].num_epochs:
        return time_s - phase + world.epochs[world.machines[m].epochs_at + following]
    return time_s - phase + period


@inner_kernel
def invalidate_sums(world: MemoryWorld, m: int, node: int) -> None:
    """Note that a node's extents have changed."""
    world.nodes[m, node].sums_exposure_s = -1.0


@inner_kernel
def count_epoch(world: MemoryWorld, m: int) -> None:
    """Add the accesses of the epoch that ends to every piece."""
    machine = world.machines[m]
    exposure_s = machine.exposure_s - machine.epoch_exposure_s
    machine.epoch_exposure_s = machine.exposure_s
    if exposure_s > 0.0:
        for piece in range(machine.num_pieces):
            world.pieces[m, piece].touched += piece_rate(world, m, piece) * exposure_s


@inner_kernel
def accesses_by(world: MemoryWorld, m: int, piece: int, now_s: float) -> float:
    """Return the accesses to expect on each page of a piece from the start up to a time."""
    machine = world.machines[m]
    exposure_s = machine.exposure_s - machine.epoch_exposure_s
    exposure_s += machine.speed * max(now_s - machine.time_s, 0.0)
    return float(world.pieces[m, piece].touched + piece_rate(world, m, piece) * exposure_s)


@lean_kernel
def enter_epoch(world: MemoryWorld, m: int, epoch: int) -> None:
    """Put an epoch into force: new loads, hit probabilities stale."""
    if epoch == world.machines[m].epoch:
        return
    count_epoch(world, m)
    world.machines[m].epoch = epoch
    world.machines[m].hit_exposure_s = -1.0
    renew_loads(world, m)


@inner_kernel
def renew_loads(world: MemoryWorld, m: int) -> None:
    """Sum up the loads of all nodes anew; sums over extents are stale."""
    for node in range(world.nodes.shape[1]):
        invalidate_sums(world, m, node)
        load = 0.0
        slot = world.nodes[m, node].first
        while slot != NONE:
            load += piece_rate(world, m, world.slots[m, slot].piece) * world.slots[m, slot].length
            slot = world.slots[m, slot].after
        world.nodes[m, node].load = load
    if world.machines[m].num_tenants > 1:
        renew_tenant_loads(world, m)


@inner_kernel
def renew_tenant_loads(world: MemoryWorld, m: int) -> None:
    """Sum up each tenant's loads of all nodes anew."""
    for node in range(world.nodes.shape[1]):
        for tenant in range(world.machines[m].num_tenants):
            world.tenant_nodes[m, tenant, node].load = 0.0
        slot = world.nodes[m, node].first
        while slot != NONE:
            if world.slots[m, slot].piece != FREE:
                add_tenant_load(
                    world, m, node, world.slots[m, slot].piece, world.slots[m, slot].length
                )
            slot = world.slots[m, slot].after


@inner_kernel
def add_tenant_load(world: MemoryWorld, m: int, node: int, piece: int, frames: int) -> None:
    """Let a node hold more frames (or fewer) of a piece, as its tenant meets it."""
    here = world.tenant_nodes[m, world.pieces[m, piece].tenant, node]
    here.load = max(here.load + full_rate(world, m, piece) * frames, 0.0)


@inner_kernel
def is_close(old: float, new: float) -> bool:
    """Tell whether a change of speed is too small for access rates to take notice."""
    return abs(old - new) <= EXPOSURE_TOLERANCE * new


@lean_kernel
def update_hits(world: MemoryWorld, m: int, interval_s: float) -> float:
    """Bring ``hit`` up to date for a sampling interval; return the exposure it stands for."""
    exposure = world.machines[m].speed * interval_s
    if is_close(world.machines[m].hit_exposure_s, exposure):
        return world.machines[m].hit_exposure_s
    place = world.machines[m].rates_at + world.machines[m].epoch * world.machines[m].num_pieces
    for piece in range(world.machines[m].num_pieces):
        rate = world.rates[place + piece] * world.pieces[m, piece].pace
        world.hit[m, piece] = -math.expm1(-rate * exposure)
    world.machines[m].hit_exposure_s = exposure
    return exposure


@inner_kernel
def folio_hit(hit: float, order: int) -> float:
    """Return how likely a folio of 2^order pages is seen accessed: one accessed bit for all.

    From the probability 1 - exp(-r d) of one page to 1 - exp(-2^order r d) (semantics 1.6).
    """
    return -math.expm1(math.log1p(-hit) * 2.0**order)


@inner_kernel
def update_sums(world: MemoryWorld, m: int, n: int, interval_s: float) -> None:
    """Bring a node's prefix sums up to date for a sampling interval, if they are stale."""
    exposure = update_hits(world, m, interval_s)
    node = world.nodes[m, n]
    if node.sums_exposure_s == exposure:
        return
    node.buckets_per_frame = BUCKETS / node.total
    count, bucket, hits = 0, 0, 0.0
    slot = node.first
    while slot != NONE:
        extent, border = world.slots[m, slot], world.borders[m, n, count]
        border.frame = extent.start
        border.hits_below = hits
        border.hit = 0.0
        if extent.piece != FREE:
            border.hit = world.hit[m, extent.piece]
            if extent.order != 0:
                border.hit = folio_hit(border.hit, extent.order)
            hits += border.hit * extent.length
        bucket = fill_lookup(world, m, n, bucket, int(bucket_of(node, border.frame)) + 1, count - 1)
        count += 1
        slot = extent.after
    world.borders[m, n, count].frame = node.total
    world.borders[m, n, count].hits_below = hits
    fill_lookup(world, m, n, bucket, BUCKETS, count - 1)
    node.num_borders = count
    node.sums_exposure_s = exposure


@inner_kernel
def bucket_of(node: Any, frames: float) -> np.uint64:
    """Return the bucket in which a point of a node lies."""
    return min(U(frames * node.buckets_per_frame), LAST_BUCKET)


@inner_kernel
def fill_lookup(world: MemoryWorld, m: int, n: int, first: int, end: int, extent: int) -> int:
    """Let searches in the buckets [first, end) begin at an extent; return the next bucket."""
    for bucket in range(first, end):
        world.lookup[m, n, bucket] = max(extent, 0)
    return max(first, end)


@inner_kernel
def extent_index(world: MemoryWorld, m: int, n: int, frames: float) -> np.uint64:
    """Find the extent that covers a point of a node; its sums must be up to date.

    The bucket of the point is rarely more than a few extents away; should many begin in one
    bucket, the search gallops. Indices are unsigned: signed ones would be tested for being
    negative at each access.
    """
    node = world.nodes[m, n]
    low, last = U(world.lookup[m, n, bucket_of(node, frames)]), U(node.num_borders - 1)
    near = min(low + NEAR, last)
    while low < near and world.borders[m, n, low + ONE].frame <= frames:
        low += ONE
    if low < near or low == last:
        return low
    step, high = NEAR, last + ONE
    while low + step < high and world.borders[m, n, low + step].frame <= frames:
        low += step
        step += step
    high = min(low + step, high)
    while high - low > ONE:
        middle = (low + high) >> ONE
        if world.borders[m, n, middle].frame <= frames:
            low = middle
        else:
            high = middle
    return low


@inner_kernel
def hits_up_to(world: MemoryWorld, m: int, node: int, frames: float) -> float:
    """Sum hit probability over a node's first frames (a fraction, too)."""
    extent = world.borders[m, node, extent_index(world, m, node, frames)]
    return extent.hits_below + (frames - extent.frame) * extent.hit
