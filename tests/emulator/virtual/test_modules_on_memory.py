"""Documents of kernel modules on emulated memory, at the addresses that the machine has."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from damosrl.damon import AddressRange, Document, IntervalsGoal
from damosrl.damon.modules import DamonReclaim, Mtier, PhysicalLayout
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.presets import MachineConfig, capacities
from damosrl.emulator.workload.model import Workload

MIB = 1 << 20
MakeProcesses = Callable[..., Workload]


def _layout(config: MachineConfig, workload: Workload) -> PhysicalLayout:
    frames = capacities(config, workload.access.footprint_bytes, workload.fast_share)
    sizes = frames[: len(config.memory_tiers)] * config.granule_bytes
    borders = [0, *(int(end) for end in np.cumsum(sizes))]
    nodes = tuple(AddressRange(start, end) for start, end in pairwise(borders))
    return PhysicalLayout((AddressRange(0, borders[-1]),), nodes)


def _machine(config: MachineConfig, workload: Workload, document: Document) -> EmulatedMachines:
    machines = EmulatedMachines(config, 1, document)
    machines.load(0, workload, seed=3)
    return machines


def _without_tuning(document: Document) -> Document:
    kdamonds = []
    for kdamond in document.kdamonds:
        context = kdamond.contexts[0]
        intervals = replace(context.attrs.intervals, goal=IntervalsGoal())
        context = replace(context, attrs=replace(context.attrs, intervals=intervals))
        kdamonds.append(replace(kdamond, contexts=(context,)))
    return Document(tuple(kdamonds))


@pytest.mark.parametrize("hot_piece", [30, 17])
def test_mtier_promotes_what_is_hot(
    two_tiers: MachineConfig, make_processes: MakeProcesses, hot_piece: int
) -> None:
    """The kernel's mtier sample, its kdamonds in the module's order, moves hot memory up."""
    workload = make_processes(800.0 * (np.arange(32) == hot_piece), piece_mib=16)
    module = Mtier(detect_node_addresses=True, node0_mem_free_bp=500)
    document = _without_tuning(module.document(_layout(two_tiers, workload)))
    machines = _machine(two_tiers, workload, document)
    machines.run(1.0)
    assert machines.truth().fast_share[0] < 0.1
    machines.run(250.0)  # consist starts from one byte and grows by a tenth per window
    machines.run(1.0)
    assert machines.truth().fast_share[0] > 0.9
    told = machines.telemetry()
    assert told.stats.sz_applied[0, 0, 0] == pytest.approx(told.migrated_up_bytes[0])
    assert told.migrated_up_bytes[0] < 40 * MIB


def test_interval_tuning_starves_mtier(
    two_tiers: MachineConfig, make_processes: MakeProcesses
) -> None:
    """As it stands, the sample's schemes never run: each tuning puts them off (semantics 1.11)."""
    workload = make_processes(800.0 * (np.arange(32) == 30), piece_mib=16)
    document = Mtier(detect_node_addresses=True).document(_layout(two_tiers, workload))
    machines = _machine(two_tiers, workload, document)
    told = machines.run(120.0)
    assert not told.stats.nr_tried.any()


def test_reclaim_stops_at_its_watermark(
    with_swap: MachineConfig, make_processes: MakeProcesses
) -> None:
    """DAMON_RECLAIM pages out what idles, never what is hot, until enough memory is free."""
    workload = make_processes(800.0 * (np.arange(32) < 4), piece_mib=16, fast_fill=0.97)
    module = DamonReclaim(min_age=5_000_000, wmarks_high=300, wmarks_mid=250, wmarks_low=10)
    machines = _machine(with_swap, workload, module.document(_layout(with_swap, workload)))
    machines.run(120.0)
    told = machines.telemetry()
    free = told.node_free_bytes[0, 0] / told.node_total_bytes[0, 0]
    assert 0.25 <= free <= 0.45
    assert machines.truth().slowdown[0] < 1.01
