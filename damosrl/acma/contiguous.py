"""Requests for contiguous memory (CMA): from ACMA's stack, or from the middle of memory."""

import math
from typing import Any

from damosrl.acma.blocks import FREE, GIVEN, LEAVES_PER_BLOCK
from damosrl.acma.chance import Stream, unit
from damosrl.acma.compiling import kernel
from damosrl.acma.counting import Counts, leaves, unmovable_blocks, vacate, whole
from damosrl.acma.scaling import block_ms
from damosrl.acma.state import OFF
from damosrl.acma.transitions import Whole

CLEAR, RETURN = int(Whole.CLEAR), int(Whole.RETURN)
TRIES = 5
"""Ranges that a plain contiguous allocation tries (alloc_contig_range is retried per range)."""


@kernel
def stack_density(counts: Counts, guest: Any) -> tuple[float, float]:
    """Return the blocks of ACMA's stack and the share of them that was left behind."""
    stack = float(counts[GIVEN] - guest.unplugged - guest.lent + guest.stranded)
    return stack, guest.stranded / max(stack, 1.0)


@kernel
def serve_from_stack(counts: Counts, guest: Any, host: Any, wanted: int) -> bool:
    """Lend a run of the stack, if the expected number of clean runs is one or more."""
    stack, left_behind = stack_density(counts, guest)
    if counts[GIVEN] - guest.unplugged - guest.lent < wanted:
        return False
    if stack / wanted * (1.0 - left_behind) ** wanted < 1.0:
        return False
    guest.cma_from_stack += 1
    guest.cma_us += wanted * (1e3 * host.return_ms + 1e6 * host.touch_s)
    return True


@kernel
def serve_from_memory(counts: Counts, guest: Any, host: Any, wanted: int, stream: Stream) -> bool:
    """Migrate away what lies in a range of blocks; an unmovable page in it is a failed try."""
    pinned = max(unmovable_blocks(counts) - guest.stranded - guest.anchored, 0)
    pool = guest.blocks - counts[GIVEN] - guest.stranded - guest.anchored
    if pool < wanted or leaves(counts, FREE) < LEAVES_PER_BLOCK * wanted:
        return False
    clean = max(1.0 - pinned / pool, 0.0) ** wanted
    try_us = 1e3 * wanted * block_ms(counts, guest, host)
    for _ in range(TRIES):
        guest.cma_us += try_us
        guest.busy_s += try_us / 1e6
        if unit(stream) < clean:
            given, moved, fresh = vacate(counts, CLEAR, wanted, stream)
            guest.moved_leaves += moved
            guest.new_blocks += fresh
            if given == wanted:
                guest.lent_plain = wanted
                return True
            whole(counts, RETURN, given, stream)
            return False
    return False


@kernel
def serve_device(
    counts: Counts, guest: Any, host: Any, knobs: Any, load: Any, stream: Stream
) -> None:
    """Serve the device's request of this second, and take back what it no longer needs."""
    if guest.lent > 0:
        guest.lent_s -= 1.0
        if guest.lent_s <= 0.0:
            whole(counts, RETURN, guest.lent_plain, stream)
            guest.lent, guest.lent_plain = 0, 0
        return
    wanted = load.cma_blocks
    if wanted <= 0:
        return
    guest.cma_requests += 1
    by_stack = knobs.rule != OFF and guest.collaborative == 1
    served = by_stack and serve_from_stack(counts, guest, host, wanted)
    if not served:
        served = serve_from_memory(counts, guest, host, wanted, stream)
    if served:
        guest.cma_served += 1
        guest.lent = wanted
        guest.lent_s = math.ceil(load.cma_s)
