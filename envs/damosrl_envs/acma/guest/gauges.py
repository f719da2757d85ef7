"""What a real guest and its host tell, as the reading of a host with one guest."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from damosrl.acma.blocks import BLOCK_BYTES, LEAF_BYTES, LEAF_PAGES
from damosrl.acma.config import GIB
from damosrl.acma.reading import Gauges, Reading
from damosrl.acma.state import GUEST
from damosrl.vm.guest_memory import GuestMemory
from damosrl_envs.acma.guest.sizing import MIB, Extent, Sizes

STALLS = (("some_us", "pressure", "pressure_us"), ("full_us", "full_pressure", "full_us"))
"""A guest's own total, and the record's share of the last interval and total."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a guest from inside and outside.

    Args:
        memory: What its kernel tells.
        sizes: What its devices tell.
        held_bytes: What the host holds for it.
        time_s: When, s since the episode began.
    """

    memory: GuestMemory
    sizes: Sizes
    held_bytes: int
    time_s: float

    @property
    def in_use_mib(self) -> int:
        """What programs and kernel cannot do without: all that is not available to others."""
        return max(self.sizes.usable - self.memory.available_bytes // MIB, 0)


class Counters:
    """Totals of an episode as the `damosrl.acma.state.GUEST` record that the task reads.

    What a guest's kernel does not have stays 0: no window stack, no contiguous requests, no dark
    ranks. The slowdown is not known.

    Args:
        extent: How far the guest can be resized.
        threads: Processors of the guest.
    """

    def __init__(self, extent: Extent, threads: int) -> None:
        self._record = np.zeros((1, 1), GUEST)
        self._record["blocks"] = extent.memory_mib * MIB // BLOCK_BYTES
        self._record["collaborative"], self._record["threads"] = 1, threads
        self._record["slowdown"] = np.nan
        self._memory_mib = extent.memory_mib
        self._before: Look | None = None
        self._asked_plugged = extent.memory_mib

    @property
    def pressure(self) -> float:
        """Share of the last interval in which some task stalled."""
        return float(self._record["pressure"][0, 0])

    def asked(self, wanted: Sizes) -> None:
        """Note what was asked for."""
        self._asked_plugged = wanted.plugged

    def take(self, look: Look, failed_mib: int) -> None:
        """Add what happened since the last look.

        Args:
            look: A later look.
            failed_mib: What a program asked for and did not get.
        """
        record: Any = self._record[0, 0]
        before = self._before or look
        seconds = max(look.memory.uptime_s - before.memory.uptime_s, 1e-3)
        for stalls, pressure, total in STALLS:
            stalled_us = getattr(look.memory, stalls) - getattr(before.memory, stalls)
            record[pressure] = min(stalled_us / (1e6 * seconds), 1.0)
            record[total] += stalled_us
        record["refaults"] = (look.memory.refaulted_pages - before.memory.refaulted_pages) / seconds
        moved = look.memory.migrated_pages - before.memory.migrated_pages
        record["moved_total"] += moved // LEAF_PAGES
        out = look.memory.swapped_out_pages - before.memory.swapped_out_pages
        record["out_total"] += out // LEAF_PAGES
        record["failed_leaves"] += failed_mib * MIB // LEAF_BYTES
        self._add_blocks(record, before, look)
        self._before = look

    def _add_blocks(self, record: Any, before: Look, look: Look) -> None:
        """Count 2 MiB blocks given and taken back, and unplugging that got nowhere."""
        given = (before.sizes.usable - look.sizes.usable) * MIB // BLOCK_BYTES
        record["given_blocks"] += max(given, 0)
        record["returned_blocks"] += max(-given, 0)
        lacking = max(look.sizes.plugged - self._asked_plugged, 0) * MIB // BLOCK_BYTES
        unplugged = max(before.sizes.plugged - look.sizes.plugged, 0) * MIB // BLOCK_BYTES
        record["unplugged"] = (self._memory_mib - look.sizes.plugged) * MIB // BLOCK_BYTES
        record["tried_blocks"] += lacking + unplugged
        record["failed_blocks"] += lacking
        record["unplug_failures"] += lacking > 0 and unplugged == 0

    def guests(self) -> np.ndarray[Any, np.dtype[np.void]]:
        """Return the record, ``(1, 1)``, a copy."""
        return self._record.copy()


def reading(look: Look, counters: Counters, extent: Extent, host_share: float) -> Reading:
    """Put a look into the form that the task reads.

    Args:
        look: The newest look.
        counters: Totals up to it.
        extent: How far the guest can be resized.
        host_share: Host memory for the guest over what it believes to have.
    """
    memory_bytes = float(extent.memory_mib * MIB)
    plugged, balloon = (float(mib * MIB) for mib in (look.sizes.plugged, look.sizes.ballooned))
    unplugged, free = memory_bytes - plugged, float(look.memory.free_bytes)
    capacity = host_share * memory_bytes
    gauges = (
        memory_bytes,
        float(look.held_bytes),
        plugged,
        max(plugged - free - balloon, 0.0),
        balloon,
        0.0,
        look.memory.whole_bytes + unplugged,
        look.memory.broken_ratio * free / max(free + unplugged, 1.0),
        look.memory.unmovable_blocks / max(look.memory.blocks, 1),
    )
    return Reading(
        Gauges(*(np.full((1, 1), value) for value in gauges)),
        counters.guests(),
        np.array([capacity]),
        np.array([max(look.held_bytes - capacity, 0.0)]),
        np.array([GIB]),
        np.zeros(1),
        np.array([look.time_s]),
    )
