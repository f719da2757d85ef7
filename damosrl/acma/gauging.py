"""Reads all gauges of all guests in one compiled pass: this lies in the path of every step."""

from typing import Any

import numpy as np

from damosrl.acma.blocks import (
    BACKED_FREE,
    BALLOON,
    BLOCK_BYTES,
    CLASSES,
    FREE,
    GIVEN,
    LEAF_BYTES,
    LEAVES,
    REPORTED,
)
from damosrl.acma.compiling import kernel
from damosrl.acma.counting import HAS_UNMOVABLE
from damosrl.acma.hosting import held_blocks
from damosrl.acma.reading import Gauges, Reading
from damosrl.acma.state import Hosts

FREE_ONES, BALLOON_ONES = LEAVES[:, FREE].copy(), LEAVES[:, BALLOON].copy()


@kernel
def fill(counts: Any, guests: Any, hosts: Any, out: Any) -> None:
    """Fill ``(gauges, N, G)`` in the order of `Gauges`."""
    for n in range(counts.shape[0]):
        for g in range(counts.shape[1]):
            free, balloon, pinned = 0, 0, 0
            for one in range(CLASSES):
                free += counts[n, g, one] * FREE_ONES[one]
                balloon += counts[n, g, one] * BALLOON_ONES[one]
                if HAS_UNMOVABLE[one]:
                    pinned += counts[n, g, one]
            guest = guests[n, g]
            given = counts[n, g, GIVEN]
            whole = counts[n, g, BACKED_FREE] + counts[n, g, REPORTED]
            usable = float(guest.blocks - given) * BLOCK_BYTES
            free_bytes, whole_bytes = float(free) * LEAF_BYTES, float(whole) * BLOCK_BYTES
            given_bytes = float(given) * BLOCK_BYTES
            out[0, n, g] = float(guest.blocks) * BLOCK_BYTES
            out[1, n, g] = held_blocks(counts[n, g], guest, hosts[n]) * BLOCK_BYTES
            out[2, n, g] = usable
            out[3, n, g] = usable - free_bytes - float(balloon) * LEAF_BYTES
            out[4, n, g] = float(balloon) * LEAF_BYTES
            out[5, n, g] = float(guest.cold_out + guest.warm_out) * LEAF_BYTES
            out[6, n, g] = whole_bytes + given_bytes
            out[7, n, g] = (free_bytes - whole_bytes) / max(free_bytes + given_bytes, 1.0)
            out[8, n, g] = pinned / guest.blocks


def read_hosts(state: Hosts) -> Reading:
    """Look at all hosts now."""
    shape = state.guests.shape
    out = np.zeros((len(Gauges._fields), *shape))
    fill(state.counts, state.guests, state.hosts, out)
    hosts = state.hosts
    return Reading(
        Gauges(*out),
        state.guests.copy(),
        hosts["capacity"] * float(BLOCK_BYTES),
        hosts["overrun"] * float(BLOCK_BYTES),
        hosts["rank"] * float(BLOCK_BYTES),
        hosts["dark_saving_w"].copy(),
        hosts["time_s"].copy(),
    )
