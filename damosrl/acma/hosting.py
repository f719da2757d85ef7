"""The host's side: what it backs, what it swaps when guests want more than it has, dark ranks."""

import math
from typing import Any

from damosrl.acma.blocks import (
    BALLOON,
    GIVEN,
    LEAF_PAGES,
    LEAVES_PER_BLOCK,
    MOVABLE,
    REPORTED,
)
from damosrl.acma.compiling import kernel
from damosrl.acma.counting import Counts, leaves
from damosrl.acma.transitions import FULL

VMEMMAP_SHARE = 1.0 / 64.0
"""Page descriptors over what they describe: 64 bytes per 4096."""
BUSIEST = 0.98
"""Largest share of its time that a thread can stall."""


@kernel
def held_blocks(counts: Counts, guest: Any, host: Any) -> float:
    """Count the blocks of host memory behind a guest, compressed pages included.

    Balloon leaves are given back in pieces of 4 KiB.
    """
    held = float(guest.blocks - counts[REPORTED] - counts[GIVEN] + guest.lent)
    held -= leaves(counts, BALLOON) / LEAVES_PER_BLOCK
    held += (guest.cold_out + guest.warm_out) * host.compressed / LEAVES_PER_BLOCK
    return held - vmemmap_blocks(counts, guest, host)


@kernel
def whole_units(counts: Counts, guest: Any, size: int) -> float:
    """Expect how many units of some blocks, such as windows, are wholly given.

    Blocks left behind lie anywhere in the stack: with s of them among u units, a unit has none
    with probability (1 - 1 / u)^s.
    """
    stack = counts[GIVEN] - guest.unplugged - guest.lent + guest.stranded
    units = math.floor(stack / size)
    if units < 1.0:
        return 0.0
    return units * (1.0 - 1.0 / units) ** float(guest.stranded)


@kernel
def vmemmap_blocks(counts: Counts, guest: Any, host: Any) -> float:
    """Return the page descriptors of wholly given windows, in blocks.

    Hot-unplug always frees those of a memory block.
    """
    blocks = float(guest.unplugged)
    if host.vmemmap == 1:
        blocks += whole_units(counts, guest, host.window) * host.window
    return blocks * VMEMMAP_SHARE


@kernel
def unplugged_ranks(guest: Any, host: Any) -> float:
    """Expect how many ranks hotplug has emptied: its memory blocks lie anywhere.

    With a share u of memory unplugged, all m memory blocks of a rank are with probability u^m.
    """
    blocks_per_rank = max(host.rank / host.hotplug, 1.0)
    return guest.blocks / host.rank * (guest.unplugged / guest.blocks) ** blocks_per_rank


@kernel
def update_ranks(counts: Counts, guest: Any, host: Any) -> None:
    """Put ranks that nobody uses to self-refresh; waking them costs their exit latency."""
    dark = whole_units(counts, guest, host.rank) + unplugged_ranks(guest, host)
    woken = max(guest.dark_ranks - dark, 0.0)
    guest.rank_exits += woken
    guest.stall_s += woken * host.exit_s
    guest.dark_ranks = dark


@kernel
def settle(counts: Counts, guest: Any, host: Any, load: Any) -> None:
    """Turn the stalls of the last second into pressure and slowdown of one guest.

    Some of k threads stall with probability 1 - (1 - q)^k and all with q^k (as the emulator's
    pressure). The host's faults slow the guest down but are no pressure that it can see.
    """
    threads = guest.threads
    seen = min(guest.stall_s / threads, BUSIEST)
    guest.pressure = 1.0 - (1.0 - seen) ** threads
    guest.pressure_us += 1e6 * guest.pressure
    guest.full_pressure = seen**threads
    guest.full_us += 1e6 * guest.full_pressure
    host_pages = float(LEAF_PAGES * guest.host_out) * (1.0 - math.exp(-load.touch))
    unseen = guest.new_blocks * host.touch_s + host_pages * host.host_swap_in_s
    stalled = min((guest.stall_s + unseen) / threads, BUSIEST)
    resident = max(leaves(counts, MOVABLE), 1)
    huge = min(LEAVES_PER_BLOCK * counts[FULL] / resident, 1.0)
    busy = min(guest.busy_s / threads, 1.0)
    guest.slowdown = (1.0 + host.huge_page_gain * (1.0 - huge)) * (1.0 + busy) / (1.0 - stalled)
