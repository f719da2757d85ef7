"""Making room for a batch of machines, and describing each from its configuration."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.application import allocate_loop
from damosrl.emulator.extents import Extents, allocate_extents
from damosrl.emulator.latency import allocate_tiers
from damosrl.emulator.memory_world import Ledger, MemoryWorld
from damosrl.emulator.migration import allocate_traffic
from damosrl.emulator.presets import MachineConfig, Tier
from damosrl.emulator.pressure import allocate_stalls
from damosrl.emulator.rate_store import RateStore
from damosrl.emulator.rates import allocate_rates
from damosrl.emulator.swap import allocate_swap

PEAK_GBPS = 1e9
"""Peak of a node that is not there."""


def allocate_world(machines: int, nodes: int, points: int) -> MemoryWorld:
    """Make room for machines without memory and workload.

    Args:
        machines: Number of machines.
        nodes: Memory nodes and the swap store.
        points: Points of the longest latency table.
    """
    return MemoryWorld(
        extents=allocate_extents(machines, nodes, 1),
        rates=allocate_rates(machines, nodes, 1, 1),
        traffic=allocate_traffic(machines, nodes),
        tiers=allocate_tiers(machines, nodes, points),
        loop=allocate_loop(machines, nodes),
        swap=allocate_swap(machines),
        stalls=allocate_stalls(machines),
        ledger=Ledger(*(np.zeros(machines) for _ in Ledger._fields)),
        node_start=np.zeros((machines, nodes), np.int64),
    )


def describe_machine(world: MemoryWorld, machine: int, config: MachineConfig) -> None:
    """Write what a configuration says about a machine, whatever its workload."""
    for node, tier in enumerate(config.memory_tiers):
        _write_curve(world, machine, node, tier)
    swap = config.swap_tier
    if swap is not None:
        _write_curve(world, machine, -1, swap)
        world.tiers.fault_p99_ns[machine] = max(swap.fault_p99_ns, swap.idle_latency_ns)
        world.tiers.store_ns[machine] = swap.store_ns
    else:
        world.tiers.curve_gbps[machine, -1] = PEAK_GBPS
    world.traffic.granule_bytes[machine] = config.granule_bytes
    world.traffic.window_s[machine] = config.pingpong_window_s
    world.loop.cpus[machine] = config.cpus
    world.ledger.move_page_ns[machine] = config.page_move_us * 1e3
    world.ledger.check_us[machine] = config.region_check_us


def _write_curve(world: MemoryWorld, machine: int, node: int, tier: Tier) -> None:
    points = len(tier.curve_ns)
    for table, values in (
        (world.tiers.curve_gbps, tier.curve_gbps),
        (world.tiers.curve_ns, tier.curve_ns),
    ):
        table[machine, node, :points] = values
        table[machine, node, points:] = values[-1]


def grow_world(world: MemoryWorld, slots: int, pieces: int, store: RateStore) -> MemoryWorld:
    """Return the world with room for a machine's extents and pieces, and the store's arrays.

    Args:
        world: The machines.
        slots: Extents that a machine needs.
        pieces: Pieces of its workload.
        store: Where the rates are.
    """
    extents, rates = world.extents, world.rates
    if slots > extents.start.shape[1]:
        extents = _grow_extents(extents, slots)
        borders = {name: _padded(getattr(rates, name), slots + 1) for name in _PER_EXTENT}
        rates = rates._replace(**borders)
    if pieces > rates.hit.shape[1]:
        rates = rates._replace(hit=_padded(rates.hit, pieces))
    if rates.store is not store.rates or rates.epoch_store is not store.epochs:
        rates = rates._replace(store=store.rates, epoch_store=store.epochs)
    return world._replace(extents=extents, rates=rates)


_PER_EXTENT = ("border", "hits_below")


def _grow_extents(x: Extents, slots: int) -> Extents:
    """Add slots to every machine's pool; they become the first spare ones."""
    old = x.start.shape[1]
    names = ("start", "length", "piece", "moved_at", "after", "before")
    grown = x._replace(**{name: _padded(getattr(x, name), slots) for name in names})
    grown.after[:, old:] = np.arange(old + 1, slots + 1)
    grown.after[:, -1] = x.spare
    grown.spare[:] = old
    return grown


def _padded(array: NDArray[Any], size: int) -> NDArray[Any]:
    widths = [(0, 0)] * (array.ndim - 1) + [(0, size - array.shape[-1])]
    return np.pad(array, widths)
