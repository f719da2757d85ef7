"""ACMA in one guest for one second: three schemes, their goals, and the window stack.

The rules are those of the RFC (12 May 2024). ``INTENDED`` is what its cover letter says,
``POSTED`` what its code would do: the goal of the growing scheme is not inverted, and a window
with a block that cannot be given is never left.
"""

import math
from typing import Any

from damosrl.acma.blocks import (
    BLOCK_BYTES,
    FREE,
    GIVEN,
    LEAF_BYTES,
    LEAF_PAGES,
    LEAVES_PER_BLOCK,
)
from damosrl.acma.chance import Stream, rounded
from damosrl.acma.compiling import kernel
from damosrl.acma.counting import Counts, leaves, unmovable_blocks, vacate, whole
from damosrl.acma.program import RESERVE, cold_leaves, page_out, usable_leaves
from damosrl.acma.state import GROW, OFF, POSTED, QUOTAS, RECLAIM, SHRINK
from damosrl.acma.transitions import Whole

CLEAR, RETURN = int(Whole.CLEAR), int(Whole.RETURN)


@kernel
def next_quota(quota_bytes: float, score: float) -> float:
    """Step the kernel's consist loop (mm/damon/core.c, damon_feed_loop_next_input).

    Args:
        quota_bytes: Quota in force.
        score: Metric over target; 1 keeps the quota, 0 doubles it, 2 leaves one byte.

    Example:
        >>> next_quota(1024.0, 0.0)
        2048.0
    """
    if score >= 2.0:
        return 1.0
    return max(quota_bytes * (2.0 - score), 1.0)


@kernel
def update_quotas(guest: Any, knobs: Any) -> None:
    """Let the pressure of the last second move the quotas of the three schemes."""
    score = guest.pressure / knobs.target
    largest = float(guest.blocks) * BLOCK_BYTES
    for scheme in range(3):
        against = score
        if scheme == GROW and knobs.rule != POSTED:
            against = max(2.0 - score, 0.0)
        quota = next_quota(guest.quota_bytes[scheme], against)
        guest.quota_bytes[scheme] = min(quota, largest)


@kernel
def refresh_stack(counts: Counts, guest: Any) -> None:
    """Forget stranded and anchored blocks whose unmovable pages have gone."""
    pinned = unmovable_blocks(counts)
    guest.anchored = min(guest.anchored, pinned)
    guest.stranded = min(guest.stranded, pinned - guest.anchored)
    guest.window_failed = min(guest.window_failed, guest.stranded)


@kernel
def scheme_ms(knobs: Any, host: Any, scheme: int) -> float:
    """Return the time that a scheme may take in this second, ms."""
    return knobs.quota_ms[scheme] if knobs.rule == QUOTAS else host.quota_ms


@kernel
def block_ms(counts: Counts, guest: Any, host: Any) -> float:
    """Estimate the time to clear a block: isolation, and moving what an average one holds."""
    total = max(usable_leaves(counts, guest), 1)
    used = 1.0 - leaves(counts, FREE) / total
    return host.clear_ms + LEAVES_PER_BLOCK * used * host.move_leaf_ms


@kernel
def reclaim(counts: Counts, guest: Any, host: Any, knobs: Any, load: Any, stream: Stream) -> None:
    """Page out cold memory, so that free memory arises at the given pressure."""
    leaf_ms = 1e3 * LEAF_PAGES * host.swap_out_s
    wanted = scheme_ms(knobs, host, RECLAIM) / leaf_ms
    if knobs.rule != QUOTAS:
        wanted = min(wanted, guest.quota_bytes[RECLAIM] / LEAF_BYTES)
    asked = min(rounded(stream, wanted), cold_leaves(guest, load))
    out = page_out(counts, guest, asked, 1.0, stream)
    guest.busy_s += out * leaf_ms / 1e3


@kernel
def shrink_limit(counts: Counts, guest: Any, minimum: float) -> int:
    """Count the blocks that may be given before the minimum or the kernel's reserve is reached."""
    floor = math.ceil(minimum * guest.blocks)
    room = leaves(counts, FREE) - int(RESERVE * usable_leaves(counts, guest))
    return min(guest.blocks - counts[GIVEN] - floor, room // LEAVES_PER_BLOCK)


@kernel
def clear_blocks(
    counts: Counts, guest: Any, host: Any, tried: int, stays: bool, stream: Stream
) -> None:
    """Try blocks at the frontier, downwards; those with unmovable pages are left behind.

    Args:
        counts: Blocks by class.
        guest: Its record.
        host: Its machine's record.
        tried: Blocks to try.
        stays: Whether a window with a block left behind is not left.
        stream: Random generator.
    """
    if stays:
        tried = min(tried, max(host.window - guest.window_tried, 0))
    pinned = unmovable_blocks(counts) - guest.stranded - guest.anchored
    pool = guest.blocks - counts[GIVEN] - guest.stranded - guest.anchored
    tried = min(tried, pool)
    if tried <= 0:
        return
    failed = min(rounded(stream, tried * pinned / pool), pinned)
    given, moved, fresh = vacate(counts, CLEAR, tried - failed, stream)
    guest.stranded += failed
    guest.window_failed += failed
    guest.window_tried += tried
    if not stays or guest.window_failed == 0:
        guest.window_tried %= host.window
        guest.window_failed = 0
    guest.new_blocks += fresh
    guest.tried_blocks += tried
    guest.failed_blocks += tried - given
    guest.given_blocks += given
    guest.moved_leaves += moved
    guest.busy_s += (tried * host.clear_ms + moved * host.move_leaf_ms) / 1e3


@kernel
def shrink(
    counts: Counts, guest: Any, host: Any, knobs: Any, maximum: float, stream: Stream
) -> None:
    """Give blocks to the host, from the top window downwards (DAMOS_ALLOC).

    Beyond the maximum, which only a lowered maximum makes possible, the pressure has no say.
    """
    time_ms = scheme_ms(knobs, host, SHRINK)
    affordable = time_ms / block_ms(counts, guest, host)
    over = guest.blocks - counts[GIVEN] - int(maximum * guest.blocks)
    wanted = affordable
    if knobs.rule != QUOTAS:
        wanted = min(affordable, math.floor(guest.quota_bytes[SHRINK] / BLOCK_BYTES))
    if over > 0:
        wanted = max(wanted, min(float(over), host.quota_ms / block_ms(counts, guest, host)))
    tried = min(int(wanted), shrink_limit(counts, guest, knobs.minimum))
    if knobs.rule == POSTED and guest.window_tried >= host.window and tried > 0:
        guest.busy_s += guest.window_failed * host.clear_ms / 1e3  # the same blocks, in vain
    clear_blocks(counts, guest, host, tried, knobs.rule == POSTED, stream)


@kernel
def give_back(counts: Counts, guest: Any, host: Any, blocks: int, stream: Stream) -> int:
    """Return blocks from the bottom of the stack (DAMOS_FREE); returns how many."""
    given = counts[GIVEN] - guest.unplugged - guest.lent
    returned = whole(counts, RETURN, min(blocks, given), stream)
    if returned > 0:
        passed = rounded(stream, guest.stranded * returned / given)
        guest.stranded -= min(passed, guest.stranded)
        guest.window_tried, guest.window_failed = 0, 0
        guest.returned_blocks += returned
        guest.busy_s += returned * host.return_ms / 1e3
    return returned


@kernel
def expand(
    counts: Counts, guest: Any, host: Any, knobs: Any, maximum: float, stream: Stream
) -> None:
    """Take blocks back from the host, never above the maximum, at once below the minimum."""
    usable = guest.blocks - counts[GIVEN]
    room = int(maximum * guest.blocks) - usable
    affordable = math.floor(scheme_ms(knobs, host, GROW) / host.return_ms)
    wanted = affordable
    if knobs.rule != QUOTAS:
        wanted = min(affordable, math.floor(guest.quota_bytes[GROW] / BLOCK_BYTES))
    below = math.ceil(knobs.minimum * guest.blocks) - usable
    wanted = max(min(wanted, float(room)), float(below))
    if wanted >= 1.0:
        give_back(counts, guest, host, int(wanted), stream)


@kernel
def auto_scale(
    counts: Counts, guest: Any, host: Any, knobs: Any, load: Any, stream: Stream
) -> None:
    """Run the three schemes of a collaborative guest for one second."""
    refresh_stack(counts, guest)
    if knobs.rule == OFF or guest.collaborative == 0:
        return
    if knobs.rule != QUOTAS:
        update_quotas(guest, knobs)
    maximum = max(min(knobs.maximum, 1.0 - knobs.balloon), knobs.minimum)
    reclaim(counts, guest, host, knobs, load, stream)
    shrink(counts, guest, host, knobs, maximum, stream)
    expand(counts, guest, host, knobs, maximum, stream)
