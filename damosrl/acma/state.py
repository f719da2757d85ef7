"""The arrays of a batch of hosts: N machines with G guests each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.blocks import BLOCK_BYTES, CLASSES, REPORTED
from damosrl.acma.config import GIB, HostConfig

RECLAIM, SHRINK, GROW = range(3)
"""ACMA's schemes: page out cold memory, give blocks to the host, take them back."""

INTENDED, POSTED, QUOTAS, OFF = range(4)
"""Rules of ACMA: as the cover letter means it, as the posted code does it, quotas set from
outside, or none."""

MEMORY_SHARE = 0.5
"""Memory's share of what a server costs; a judgement, see docs/acma.md."""

GUEST = np.dtype(
    [
        # what it is
        ("blocks", "i8"),
        ("collaborative", "i8"),
        ("threads", "f8"),
        # where the stack stands
        ("stranded", "i8"),  # blocks above the frontier that could not be given
        ("anchored", "i8"),  # blocks of the kernel at the bottom, below every window
        ("window_tried", "i8"),
        ("window_failed", "i8"),
        ("unplugged", "i8"),  # given blocks that hotplug took
        ("lent", "i8"),  # given blocks that a device uses
        ("lent_plain", "i8"),  # of those: taken from the middle of memory
        ("lent_s", "f8"),
        # program and its paged out memory, leaves
        ("program", "i8"),
        ("cold_out", "i8"),
        ("warm_out", "i8"),
        ("host_out", "i8"),
        ("quota_bytes", "f8", (3,)),
        # what happened in the last second
        ("stall_s", "f8"),
        ("pressure", "f8"),
        ("full_pressure", "f8"),
        ("slowdown", "f8"),
        ("new_blocks", "i8"),
        ("moved_leaves", "i8"),
        ("busy_s", "f8"),
        ("refaults", "f8"),
        # life-time totals
        ("pressure_us", "f8"),
        ("full_us", "f8"),
        ("tried_blocks", "i8"),
        ("failed_blocks", "i8"),
        ("given_blocks", "i8"),
        ("returned_blocks", "i8"),
        ("moved_total", "i8"),
        ("failed_leaves", "i8"),
        ("out_total", "i8"),
        ("cma_requests", "i8"),
        ("cma_served", "i8"),
        ("cma_from_stack", "i8"),
        ("cma_us", "f8"),
        ("unplug_failures", "i8"),
        ("dark_ranks", "f8"),
        ("rank_exits", "f8"),
    ],
    align=True,
)

HOST = np.dtype(
    [
        ("capacity", "i8"),  # blocks
        ("window", "i8"),  # blocks
        ("hotplug", "i8"),  # blocks
        ("rank", "i8"),  # blocks
        ("vmemmap", "i8"),
        ("quota_ms", "f8"),
        ("move_leaf_ms", "f8"),
        ("clear_ms", "f8"),
        ("return_ms", "f8"),
        ("touch_s", "f8"),
        ("swap_in_s", "f8"),
        ("swap_out_s", "f8"),
        ("compressed", "f8"),  # what a paged out leaf takes on the host, in leaves
        ("host_swap_in_s", "f8"),
        ("huge_page_gain", "f8"),
        ("exit_s", "f8"),
        ("dark_saving_w", "f8"),  # of one rank in self-refresh
        ("time_s", "f8"),
        ("overrun", "i8"),  # blocks that guests hold beyond the host's memory
    ],
    align=True,
)

KNOB = np.dtype(
    [
        ("rule", "i8"),
        ("minimum", "f8"),
        ("maximum", "f8"),
        ("target", "f8"),
        ("quota_ms", "f8", (3,)),
        ("balloon", "f8"),
        ("unplug", "f8"),
        ("compaction_ms", "f8"),
        ("reporting", "i8"),
        ("reclaim_bytes", "f8"),
    ],
    align=True,
)
"""What is in force on a machine, as shares of a guest's memory (0..1), s of stall per s, ms/s."""

LOAD = np.dtype(
    [
        ("program", "f8"),  # share of the guest's memory that the program uses
        ("small", "f8"),  # share in leaves of small allocations
        ("unmovable", "f8"),  # share of leaves pinned by the kernel
        ("churn", "f8"),  # share of the program's leaves freed and allocated anew per second
        ("scatter", "f8"),  # share of new unmovable pages that open a block of their own
        ("whole", "f8"),  # share of what is freed that is freed in whole blocks
        ("touch", "f8"),  # touches of an average page per second
        ("skew", "f8"),  # the coldest share q of memory gets q^skew of all touches
        ("cma_blocks", "i8"),  # blocks that a device asks for in this second
        ("cma_s", "f8"),  # and for how long
    ],
    align=True,
)


class Hosts(NamedTuple):
    """State of N machines."""

    counts: NDArray[np.int64]
    """Blocks by class, ``(N, G, CLASSES)``."""
    guests: NDArray[np.void]
    """`GUEST` records, ``(N, G)``."""
    hosts: NDArray[np.void]
    """`HOST` records, ``(N,)``."""
    knobs: NDArray[np.void]
    """`KNOB` records, ``(N,)``."""
    streams: NDArray[np.uint64]
    """Random generators, ``(N, 1)``."""


def allocate_hosts(configs: list[HostConfig]) -> Hosts:
    """Make machines whose guests have touched nothing yet.

    Args:
        configs: One per machine, all with the same number of guests.
    """
    size, guests = len(configs), len(configs[0].guests)
    hosts = Hosts(
        np.zeros((size, guests, CLASSES), np.int64),
        np.zeros((size, guests), GUEST),
        np.zeros(size, HOST),
        np.zeros(size, KNOB),
        np.zeros((size, 1), np.uint64),
    )
    for place, config in enumerate(configs):
        reset_host(hosts, place, config, seed=0)
    return hosts


def reset_host(hosts: Hosts, place: int, config: HostConfig, seed: int) -> None:
    """Begin anew on one machine: all guests are empty and untouched."""
    guests = hosts.guests[place]
    guests[:] = np.zeros((), GUEST)
    for index, one in enumerate(config.guests):
        guests["blocks"][index] = round(one.memory_gib * GIB / BLOCK_BYTES)
        guests["collaborative"][index] = one.collaborative
        guests["threads"][index] = one.threads
    guests["quota_bytes"] = 1.0  # the kernel's loops begin at one byte
    guests["slowdown"] = 1.0
    hosts.counts[place] = 0
    hosts.counts[place, :, REPORTED] = guests["blocks"]
    hosts.hosts[place] = _host_record(config, int(guests["blocks"].sum()))
    hosts.streams[place] = seed


def _host_record(config: HostConfig, blocks: int) -> NDArray[np.void]:
    record = np.zeros((), HOST)
    costs, mib = config.costs, 2**20
    record["capacity"] = int(blocks * config.host_share)
    record["window"] = config.window_mib * mib // BLOCK_BYTES
    record["hotplug"] = config.hotplug_mib * mib // BLOCK_BYTES
    record["rank"] = round(config.rank_gib * GIB / BLOCK_BYTES)
    record["vmemmap"] = config.vmemmap
    record["quota_ms"] = config.quota_ms
    record["move_leaf_ms"] = costs.move_page_us * 128 / 1e3
    record["clear_ms"] = costs.clear_block_us / 1e3
    record["return_ms"] = costs.return_block_us / 1e3
    record["touch_s"] = costs.touch_block_us / 1e6
    record["swap_in_s"] = costs.swap_in_us / 1e6
    record["swap_out_s"] = costs.swap_out_us / 1e6
    record["compressed"] = 1.0 / costs.compression_ratio
    record["host_swap_in_s"] = costs.host_swap_in_us / 1e6
    record["huge_page_gain"] = costs.huge_page_gain
    idle_w = costs.standby_mw_per_gib * config.rank_gib / 1e3
    record["dark_saving_w"] = idle_w * (1.0 - costs.self_refresh_ratio)
    record["exit_s"] = costs.self_refresh_exit_ns / 1e9
    return record
