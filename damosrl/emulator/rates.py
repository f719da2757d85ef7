"""Access rates of the workload's pieces, now: epochs in force, load per node, hit probabilities.

The rates of all epochs of all machines lie in one store (`damosrl.emulator.rate_store`); a machine
points at its place there. Hit probabilities of a node are kept as prefix sums over its extents, so
that a region's mean is two look-ups, whatever its size (the Poisson process: a page with rate r
is seen accessed in a time d with probability 1 - exp(-r d)).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.extents import FREE, NONE, Extents
from damosrl.emulator.jit import kernel

EXPOSURE_TOLERANCE = 1e-3
"""Relative change of speed times sampling interval below which hit probabilities are kept."""

FloatArray = NDArray[np.float64]
Int64Array = NDArray[np.int64]


class Rates(NamedTuple):
    """Rates of N machines with T nodes, at most P pieces and E extents."""

    store: NDArray[np.float32]
    """All rates in accesses per second per page, epoch by epoch; ``(anything,)``."""
    epoch_store: FloatArray
    """All epoch start times in seconds, ``(anything,)``."""
    store_at: Int64Array
    """Where a machine's rates begin in ``store``, ``(N,)``."""
    epoch_store_at: Int64Array
    """Where a machine's epochs begin in ``epoch_store``, ``(N,)``."""
    num_pieces: Int64Array
    num_epochs: Int64Array
    period_s: FloatArray
    epoch: Int64Array
    """Epoch in force, ``(N,)``; -1 before the first."""
    load: FloatArray
    """Sum of rate times frames of each node, ``(N, T)``."""
    speed: FloatArray
    """Speed of the application relative to all-fast memory, ``(N,)``."""
    hit: FloatArray
    """Hit probability of each piece in one sampling interval, ``(N, P)``."""
    hit_exposure_s: FloatArray
    """Speed times interval that ``hit`` was computed for, ``(N,)``; negative: none."""
    border: NDArray[np.int32]
    """First frame of each extent of a node, and the node's end, ``(N, T, E + 1)``."""
    hits_below: FloatArray
    """Sum of hit probability over the frames below ``border``, ``(N, T, E + 1)``."""
    num_borders: Int64Array
    """Extents in ``border``, ``(N, T)``."""
    sums_exposure_s: FloatArray
    """Exposure that the sums were computed for, ``(N, T)``; negative: stale."""


def allocate_rates(machines: int, nodes: int, pieces: int, extents: int) -> Rates:
    """Make room for the rates of some machines; the store starts empty."""
    return Rates(
        store=np.zeros(1, np.float32),
        epoch_store=np.zeros(1),
        store_at=np.zeros(machines, np.int64),
        epoch_store_at=np.zeros(machines, np.int64),
        num_pieces=np.zeros(machines, np.int64),
        num_epochs=np.ones(machines, np.int64),
        period_s=np.full(machines, np.inf),
        epoch=np.full(machines, -1, np.int64),
        load=np.zeros((machines, nodes)),
        speed=np.ones(machines),
        hit=np.zeros((machines, pieces)),
        hit_exposure_s=np.full(machines, -1.0),
        border=np.zeros((machines, nodes, extents + 1), np.int32),
        hits_below=np.zeros((machines, nodes, extents + 1)),
        num_borders=np.zeros((machines, nodes), np.int64),
        sums_exposure_s=np.full((machines, nodes), -1.0),
    )


@kernel
def piece_rate(rates: Rates, m: int, piece: int) -> float:
    """Return a piece's rate in the epoch in force, accesses per second per page."""
    if piece == FREE:
        return 0.0
    place = rates.store_at[m] + rates.epoch[m] * rates.num_pieces[m] + piece
    return float(rates.store[place])


@kernel
def epoch_at(rates: Rates, m: int, time_s: float) -> int:
    """Return the index of the epoch in force at a time."""
    phase = np.fmod(time_s, rates.period_s[m])
    first = rates.epoch_store_at[m]
    low, high = 0, rates.num_epochs[m]
    while high - low > 1:
        middle = (low + high) // 2
        if rates.epoch_store[first + middle] <= phase:
            low = middle
        else:
            high = middle
    return low


@kernel
def next_epoch_s(rates: Rates, m: int, time_s: float) -> float:
    """Return the time at which the epoch after the one in force begins; may be infinite."""
    period = rates.period_s[m]
    phase = np.fmod(time_s, period)
    following = rates.epoch[m] + 1
    if following < rates.num_epochs[m]:
        return time_s - phase + rates.epoch_store[rates.epoch_store_at[m] + following]
    return time_s - phase + period


@kernel
def invalidate_sums(rates: Rates, m: int, node: int) -> None:
    """Note that a node's extents have changed."""
    rates.sums_exposure_s[m, node] = -1.0


@kernel
def enter_epoch(rates: Rates, x: Extents, m: int, epoch: int) -> None:
    """Put an epoch into force: new loads, hit probabilities stale."""
    if epoch == rates.epoch[m]:
        return
    rates.epoch[m] = epoch
    rates.hit_exposure_s[m] = -1.0
    for node in range(x.first.shape[1]):
        invalidate_sums(rates, m, node)
        load = 0.0
        slot = x.first[m, node]
        while slot != NONE:
            load += piece_rate(rates, m, x.piece[m, slot]) * x.length[m, slot]
            slot = x.after[m, slot]
        rates.load[m, node] = load


@kernel
def _close(old: float, new: float) -> bool:
    return abs(old - new) <= EXPOSURE_TOLERANCE * new


@kernel
def update_hits(rates: Rates, m: int, interval_s: float) -> float:
    """Bring ``hit`` up to date for a sampling interval; return the exposure it stands for."""
    exposure = rates.speed[m] * interval_s
    if _close(rates.hit_exposure_s[m], exposure):
        return rates.hit_exposure_s[m]
    place = rates.store_at[m] + rates.epoch[m] * rates.num_pieces[m]
    for piece in range(rates.num_pieces[m]):
        rates.hit[m, piece] = -math.expm1(-rates.store[place + piece] * exposure)
    rates.hit_exposure_s[m] = exposure
    return exposure


@kernel
def update_sums(rates: Rates, x: Extents, m: int, node: int, interval_s: float) -> None:
    """Bring a node's prefix sums up to date for a sampling interval, if they are stale."""
    exposure = update_hits(rates, m, interval_s)
    if rates.sums_exposure_s[m, node] == exposure:
        return
    border, hits_below = rates.border[m, node], rates.hits_below[m, node]
    count, hits = 0, 0.0
    slot = x.first[m, node]
    while slot != NONE:
        border[count] = x.start[m, slot]
        hits_below[count] = hits
        piece = x.piece[m, slot]
        if piece != FREE:
            hits += rates.hit[m, piece] * x.length[m, slot]
        count += 1
        slot = x.after[m, slot]
    border[count] = x.total[m, node]
    hits_below[count] = hits
    rates.num_borders[m, node] = count
    rates.sums_exposure_s[m, node] = exposure


@kernel
def extent_index(rates: Rates, m: int, node: int, frame: int, low: int) -> int:
    """Find the extent that holds a frame, galloping upwards from extent ``low``."""
    border = rates.border[m, node]
    count = rates.num_borders[m, node]
    step = 1
    while low + step < count and border[low + step] <= frame:
        low += step
        step *= 2
    high = min(low + step, count)
    while high - low > 1:
        middle = (low + high) // 2
        if border[middle] <= frame:
            low = middle
        else:
            high = middle
    return low


@kernel
def hits_up_to(rates: Rates, m: int, node: int, frames: float, index: int) -> float:
    """Sum hit probability over a node's first frames (a fraction, too), given their extent."""
    border, hits_below = rates.border[m, node], rates.hits_below[m, node]
    first, end = border[index], border[index + 1]
    share = (frames - first) / (end - first)
    return hits_below[index] + share * (hits_below[index + 1] - hits_below[index])
