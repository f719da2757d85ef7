"""Access rates of the workload's pieces, now: epochs in force, load per node, hit probabilities.

The rates of all epochs of all machines lie in one store (`damosrl.emulator.rate_store`); a machine
points at its place there. Hit probabilities of a node are kept as prefix sums over its extents, so
that a region's mean is two look-ups, whatever its size (the Poisson process: a page with rate r
is seen accessed in a time d with probability 1 - exp(-r d)).
"""

import math

import numpy as np

from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld

NEAR = 4
"""Extents passed one by one before a search gallops: neighbouring regions are rarely further."""

EXPOSURE_TOLERANCE = 1e-3
"""Relative change of speed times sampling interval below which hit probabilities are kept."""


@inner_kernel
def piece_rate(world: MemoryWorld, m: int, piece: int) -> float:
    """Return a piece's rate in the epoch in force, accesses per second per page."""
    if piece == FREE:
        return 0.0
    place = (
        world.machines[m].rates_at + world.machines[m].epoch * world.machines[m].num_pieces + piece
    )
    return float(world.rates[place])


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


@lean_kernel
def enter_epoch(world: MemoryWorld, m: int, epoch: int) -> None:
    """Put an epoch into force: new loads, hit probabilities stale."""
    if epoch == world.machines[m].epoch:
        return
    world.machines[m].epoch = epoch
    world.machines[m].hit_exposure_s = -1.0
    for node in range(world.nodes.shape[1]):
        invalidate_sums(world, m, node)
        load = 0.0
        slot = world.nodes[m, node].first
        while slot != NONE:
            load += piece_rate(world, m, world.slots[m, slot].piece) * world.slots[m, slot].length
            slot = world.slots[m, slot].after
        world.nodes[m, node].load = load


@inner_kernel
def _close(old: float, new: float) -> bool:
    return abs(old - new) <= EXPOSURE_TOLERANCE * new


@lean_kernel
def update_hits(world: MemoryWorld, m: int, interval_s: float) -> float:
    """Bring ``hit`` up to date for a sampling interval; return the exposure it stands for."""
    exposure = world.machines[m].speed * interval_s
    if _close(world.machines[m].hit_exposure_s, exposure):
        return world.machines[m].hit_exposure_s
    place = world.machines[m].rates_at + world.machines[m].epoch * world.machines[m].num_pieces
    for piece in range(world.machines[m].num_pieces):
        world.hit[m, piece] = -math.expm1(-world.rates[place + piece] * exposure)
    world.machines[m].hit_exposure_s = exposure
    return exposure


@inner_kernel
def update_sums(world: MemoryWorld, m: int, n: int, interval_s: float) -> None:
    """Bring a node's prefix sums up to date for a sampling interval, if they are stale."""
    exposure = update_hits(world, m, interval_s)
    node = world.nodes[m, n]
    if node.sums_exposure_s == exposure:
        return
    count, hits = 0, 0.0
    slot = node.first
    while slot != NONE:
        extent, border = world.slots[m, slot], world.borders[m, n, count]
        border.frame = extent.start
        border.hits_below = hits
        border.hit = 0.0
        if extent.piece != FREE:
            border.hit = world.hit[m, extent.piece]
            hits += border.hit * extent.length
        count += 1
        slot = extent.after
    world.borders[m, n, count].frame = node.total
    world.borders[m, n, count].hits_below = hits
    node.num_borders = count
    node.sums_exposure_s = exposure


@inner_kernel
def extent_index(world: MemoryWorld, m: int, node: int, frames: float, low: int) -> int:
    """Find the extent that covers a point of a node, galloping upwards from extent ``low``."""
    last = world.nodes[m, node].num_borders - 1
    near = min(low + NEAR, last)
    while low < near and world.borders[m, node, low + 1].frame <= frames:
        low += 1
    if low < near or low == last:
        return low
    step, high = NEAR, last + 1
    while low + step < high and world.borders[m, node, low + step].frame <= frames:
        low += step
        step *= 2
    high = min(low + step, high)
    while high - low > 1:
        middle = (low + high) // 2
        if world.borders[m, node, middle].frame <= frames:
            low = middle
        else:
            high = middle
    return low


@inner_kernel
def hits_up_to(world: MemoryWorld, m: int, node: int, frames: float, index: int) -> float:
    """Sum hit probability over a node's first frames (a fraction, too), given their extent."""
    first = world.borders[m, node, index]
    return first.hits_below + (frames - first.frame) * first.hit
