"""What hosts use without ACMA: balloon, memory hotplug, compaction, page reporting, plain reclaim.

Rates follow what was measured in a real guest (docs/acma.md): the balloon takes 180 MiB/s in
4 KiB pages and gives ten times as much; unplugging takes seconds per memory block and fails on a
single unmovable page.
"""

import math
from typing import Any

from damosrl.acma.blocks import (
    BACKED_FREE,
    BALLOON,
    FREE,
    GIVEN,
    LEAF_BYTES,
    LEAF_PAGES,
    LEAVES_PER_BLOCK,
)
from damosrl.acma.chance import Stream, rounded, unit
from damosrl.acma.compiling import kernel
from damosrl.acma.counting import Counts, allocate, leaves, release, unmovable_blocks, vacate, whole
from damosrl.acma.program import RESERVE, cold_leaves, page_out, usable_leaves
from damosrl.acma.state import OFF
from damosrl.acma.transitions import Whole

RETURN, REPORT, COMPACT, CLEAR, DEFLATE = (
    int(Whole.RETURN),
    int(Whole.REPORT),
    int(Whole.COMPACT),
    int(Whole.CLEAR),
    int(Whole.DEFLATE),
)
INFLATE_BYTES_PER_S = 180 * 2**20
DEFLATE_BYTES_PER_S = 1800 * 2**20
UNPLUG_PERIOD_S = 2.0
"""Seconds between two tries to unplug a memory block."""
PLUGS_PER_S = 8
"""Memory blocks that can be plugged in per second."""
REPORTED_SHARE = 1.0 / 32.0
"""Free blocks reported per second: page reporting takes 1/16 of a free list every 2 s."""
REPORT_MS = 0.01


@kernel
def deflate(counts: Counts, wanted: int, stream: Stream) -> None:
    """Give leaves back, whole blocks first: pages that came together lie together in its list."""
    blocks = whole(counts, DEFLATE, wanted // LEAVES_PER_BLOCK, stream)
    release(counts, BALLOON, wanted - LEAVES_PER_BLOCK * blocks, stream)


@kernel
def balloon(counts: Counts, guest: Any, knobs: Any, load: Any, stream: Stream) -> None:
    """Move the balloon towards its target, 4 KiB at a time and wherever pages are free.

    It makes the guest page out what is cold, and stops there: it never kills a program.
    """
    target = int(knobs.balloon * LEAVES_PER_BLOCK * guest.blocks)
    if knobs.rule != OFF and guest.collaborative == 1:
        target = 0  # the target lowers ACMA's maximum instead
    have = leaves(counts, BALLOON)
    if target < have:
        deflate(counts, min(have - target, DEFLATE_BYTES_PER_S // LEAF_BYTES), stream)
        return
    wanted = min(target - have, INFLATE_BYTES_PER_S // LEAF_BYTES)
    if wanted <= 0:
        return
    reserve = int(RESERVE * usable_leaves(counts, guest))
    lacking = wanted + reserve - leaves(counts, FREE)
    if lacking > 0:
        page_out(counts, guest, min(lacking, cold_leaves(guest, load)), 0.8, stream)
    wanted = min(wanted, leaves(counts, FREE) - reserve)
    allocate(counts, BALLOON, max(wanted, 0), stream)


@kernel
def hotplug(counts: Counts, guest: Any, host: Any, knobs: Any, stream: Stream) -> None:
    """Unplug or plug whole memory blocks; one unmovable page in a block keeps all of it."""
    size = host.hotplug
    target = int(knobs.unplug * guest.blocks) // size * size
    if target < guest.unplugged:
        wanted = min(guest.unplugged - target, PLUGS_PER_S * size)
        guest.unplugged -= whole(counts, RETURN, wanted, stream)
        return
    due = math.floor(host.time_s / UNPLUG_PERIOD_S) != math.floor(
        (host.time_s - 1.0) / UNPLUG_PERIOD_S
    )
    pool = guest.blocks - counts[GIVEN] - guest.stranded - guest.anchored
    room = leaves(counts, FREE) - int(RESERVE * usable_leaves(counts, guest))
    if target == guest.unplugged or not due or pool < size or room < LEAVES_PER_BLOCK * size:
        return
    pinned = max(unmovable_blocks(counts) - guest.stranded - guest.anchored, 0)
    clean = 1.0
    for place in range(size):
        clean *= max(1.0 - pinned / (pool - place), 0.0)
    if unit(stream) >= clean:
        guest.unplug_failures += 1
        guest.busy_s += size * host.clear_ms / 1e3
        return
    given, moved, fresh = vacate(counts, CLEAR, size, stream)
    guest.unplugged += given
    guest.given_blocks += given
    guest.moved_leaves += moved
    guest.new_blocks += fresh
    guest.busy_s += (given * host.clear_ms + moved * host.move_leaf_ms) / 1e3


@kernel
def compact(counts: Counts, guest: Any, host: Any, knobs: Any, stream: Stream) -> None:
    """Empty nearly empty blocks into the smallest free buddies elsewhere, for a time quota."""
    blocks = rounded(stream, knobs.compaction_ms / (host.clear_ms + 2.0 * host.move_leaf_ms))
    emptied, moved, fresh = vacate(counts, COMPACT, blocks, stream)
    guest.new_blocks += fresh
    guest.moved_leaves += moved
    guest.busy_s += (emptied * host.clear_ms + moved * host.move_leaf_ms) / 1e3


@kernel
def report_free(counts: Counts, guest: Any, knobs: Any, stream: Stream) -> None:
    """Tell the host which whole blocks happen to be free; their backing goes."""
    if knobs.reporting == 1 and guest.collaborative == 1:
        wanted = int(counts[BACKED_FREE] * REPORTED_SHARE) + 1
        reported = whole(counts, REPORT, wanted, stream)
        guest.busy_s += reported * REPORT_MS / 1e3


@kernel
def plain_reclaim(
    counts: Counts, guest: Any, host: Any, knobs: Any, load: Any, stream: Stream
) -> None:
    """Page out cold memory at a fixed rate, as DAMON_RECLAIM would."""
    if guest.collaborative == 1:
        wanted = min(rounded(stream, knobs.reclaim_bytes / LEAF_BYTES), cold_leaves(guest, load))
        out = page_out(counts, guest, wanted, 1.0, stream)
        guest.busy_s += out * LEAF_PAGES * host.swap_out_s
