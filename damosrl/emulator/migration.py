"""Moving memory between nodes, and what it costs.

Pages go to the target node's free frames in address order. As with the kernel's migration for DAMOS
(mm/damon/ops-common.c, 7.3) nothing is reclaimed to make room: what finds no free frame stays. The
move itself is instant; its cost, traffic on both tiers and CPU time, is spread over the time
the copying takes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.extents import (
    FREE,
    NONE,
    Extents,
    fill_free,
    find_free,
    locate,
    release_extent,
    split_extent,
)
from damosrl.emulator.jit import kernel
from damosrl.emulator.rates import Rates, invalidate_sums, piece_rate

FloatArray = NDArray[np.float64]


class Traffic(NamedTuple):
    """Bytes moved on N machines with T nodes."""

    granule_bytes: FloatArray
    """Bytes per frame of the extent map, ``(N,)``."""
    waiting_bytes: FloatArray
    """Bytes moved whose cost has not been taken yet, by node touched, ``(N, T)``."""
    up_bytes: FloatArray
    """Life-time bytes moved to a faster node, ``(N,)``."""
    down_bytes: FloatArray
    """Life-time bytes moved to a slower node, ``(N,)``."""
    returned_bytes: FloatArray
    """Life-time bytes moved back within the ping-pong window, ``(N,)``."""
    window_s: FloatArray
    """Ping-pong window, ``(N,)``."""


def allocate_traffic(machines: int, nodes: int) -> Traffic:
    """Make room for the counters of some machines."""
    return Traffic(
        granule_bytes=np.ones(machines),
        waiting_bytes=np.zeros((machines, nodes)),
        up_bytes=np.zeros(machines),
        down_bytes=np.zeros(machines),
        returned_bytes=np.zeros(machines),
        window_s=np.zeros(machines),
    )


@kernel
def move_frames(
    x: Extents,
    rates: Rates,
    traffic: Traffic,
    m: int,
    source: int,
    target: int,
    slot: int,
    frames: int,
    now_s: float,
) -> tuple[int, int]:
    """Move an extent's first frames to another node's lowest free frames.

    Returns:
        Frames moved (fewer when the target fills up), and the slot after them in address order.
    """
    frames = min(frames, x.length[m, slot], x.free[m, target])
    following = x.after[m, slot]
    if frames <= 0:
        return 0, following
    if frames < x.length[m, slot]:
        following = split_extent(x, m, slot, frames)
        if following == NONE:
            return 0, NONE
    piece, moved_before = x.piece[m, slot], x.moved_at[m, slot]
    stamp = round(now_s * 10.0) + 1
    moved_at = stamp if target < source else -stamp
    moved = 0
    while moved < frames:
        room = find_free(x, m, target)
        placed = fill_free(x, m, target, room, frames - moved, piece, moved_at)
        moved += placed
        if placed == 0:
            break
    if moved < frames and (moved == 0 or split_extent(x, m, slot, moved) == NONE):
        return moved, NONE
    freed = release_extent(x, m, source, slot)
    _account(rates, traffic, m, source, target, piece, moved)
    _count_return(traffic, m, moved_before, moved_at, moved)
    return moved, x.after[m, freed]


@kernel
def _account(
    rates: Rates, traffic: Traffic, m: int, source: int, target: int, piece: int, frames: int
) -> None:
    load = piece_rate(rates, m, piece) * frames
    rates.load[m, source] = max(rates.load[m, source] - load, 0.0)
    rates.load[m, target] += load
    invalidate_sums(rates, m, source)
    invalidate_sums(rates, m, target)
    size = frames * traffic.granule_bytes[m]
    traffic.waiting_bytes[m, source] += size
    traffic.waiting_bytes[m, target] += size
    if target < source:
        traffic.up_bytes[m] += size
    else:
        traffic.down_bytes[m] += size


@kernel
def _count_return(traffic: Traffic, m: int, before: int, now: int, frames: int) -> None:
    opposite = before * now < 0
    if opposite and abs(now) - abs(before) <= 10.0 * traffic.window_s[m]:
        traffic.returned_bytes[m] += frames * traffic.granule_bytes[m]


@kernel
def migrate_range(
    x: Extents,
    rates: Rates,
    traffic: Traffic,
    m: int,
    source: int,
    target: int,
    first: int,
    end: int,
    now_s: float,
) -> int:
    """Move what lies in a node's frames [first, end) to another node; return frames moved."""
    total = 0
    slot = locate(x, m, source, first) if first < end else NONE
    while slot != NONE and x.start[m, slot] < end and x.free[m, target] > 0:
        if x.piece[m, slot] == FREE:
            slot = x.after[m, slot]
            continue
        if x.start[m, slot] < first:
            slot = split_extent(x, m, slot, first - x.start[m, slot])
            if slot == NONE:
                break
        frames = end - x.start[m, slot]
        moved, slot = move_frames(x, rates, traffic, m, source, target, slot, frames, now_s)
        total += moved
    return total
