"""What could be saved if the truth were known and nothing cost time: the end of the scale."""

from typing import Any

from damosrl.acma.blocks import BACKED_FREE, CLASSES, LEAF_BYTES, LEAF_PAGES
from damosrl.acma.chance import Stream
from damosrl.acma.compiling import kernel
from damosrl.acma.counting import Counts, vacate, whole
from damosrl.acma.program import page_out
from damosrl.acma.state import MEMORY_SHARE
from damosrl.acma.transitions import Whole

SWEEP, REPORT = int(Whole.SWEEP), int(Whole.REPORT)
STEPS = 50
PASSES = 4


@kernel
def best_paged_out(guest: Any, host: Any, load: Any) -> int:
    """Return how many leaves to page out: where one more costs more time than it saves memory.

    Cost per unit of work: (1 - m + m * held share) * (1 + stall share), m being memory's share.
    """
    best, best_cost = 0, 1e9
    pages = float(LEAF_PAGES * guest.program)
    total = float(guest.blocks * 4)
    for step in range(STEPS):
        share = step / STEPS
        leaves = int(share * guest.program)
        faults = load.touch * pages * share**load.skew
        stall = faults * host.swap_in_s / guest.threads
        held = (guest.program - leaves + leaves * host.compressed) / total
        cost = (1.0 - MEMORY_SHARE + MEMORY_SHARE * held) * (1.0 + stall)
        if cost < best_cost:
            best, best_cost = leaves, cost
    return best


@kernel
def perfect(counts: Counts, guest: Any, host: Any, load: Any, stream: Stream) -> None:
    """Page out what pays, pack what is left, and tell the host of every free block."""
    out = best_paged_out(guest, host, load) - guest.cold_out - guest.warm_out
    if out > 0:
        page_out(counts, guest, out, 1.0, stream)
    for _ in range(PASSES):
        used = 0
        for one in range(CLASSES):
            used += counts[one]
        if vacate(counts, SWEEP, max(used // 8, 1), stream)[0] == 0:
            break
    whole(counts, REPORT, counts[BACKED_FREE], stream)


@kernel
def perfect_host(
    counts: Any, guests: Any, host: Any, loads: Any, second: int, stream: Stream
) -> int:
    """Do so in every guest of one machine; returns the bytes that are paged out then."""
    paged_out = 0
    for g in range(len(guests)):
        at = min(second, loads.shape[1] - 1)
        perfect(counts[g], guests[g], host, loads[g, at], stream)
        paged_out += (guests[g].cold_out + guests[g].warm_out) * LEAF_BYTES
    return paged_out
