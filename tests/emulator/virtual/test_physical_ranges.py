"""Kdamonds on any ranges of physical memory, in any address unit."""

from collections.abc import Callable

import numpy as np
import pytest

from damosrl.damon import (
    AccessPattern,
    Action,
    AddressRange,
    Attrs,
    Context,
    Document,
    Intervals,
    Kdamond,
    Ops,
    Quota,
    Range,
    Scheme,
    Target,
)
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.workload.model import Workload
from damosrl.machine import Plan, Telemetry

MIB = 1 << 20
MakeProcesses = Callable[..., Workload]
Watch = Callable[..., Document]
RATES = [800.0, 0.0, 800.0, 0.0, 0.0, 800.0, 0.0, 0.0]


def _heat(telemetry: Telemetry, kdamond: int, low: float, high: float) -> float:
    """Return the mean count of a kdamond's regions over a range of its addresses."""
    snapshot = telemetry.snapshot
    used = snapshot.nr_regions[0, kdamond]
    start = snapshot.start[0, kdamond, :used].astype(float)
    end = snapshot.end[0, kdamond, :used].astype(float)
    inside = np.clip(np.minimum(end, high) - np.maximum(start, low), 0.0, None)
    return float((inside * snapshot.nr_accesses[0, kdamond, :used]).sum() / inside.sum())


@pytest.mark.parametrize("unit", [1, 512, 4096])
@pytest.mark.parametrize("monitor", ["fast", "exact"])
def test_one_kdamond_sees_all_nodes(
    two_tiers: MachineConfig,
    make_processes: MakeProcesses,
    watch: Watch,
    unit: int,
    monitor: str,
) -> None:
    """A kdamond without regions watches all memory, in core addresses of its unit (1.2)."""
    document = watch(Target(), ops=Ops.PADDR, addr_unit=unit)
    machines = EmulatedMachines(two_tiers, 1, document, monitor)  # type: ignore[arg-type]
    machines.load(0, make_processes(RATES), seed=1)
    machines.run(8.0)
    memory = machines.telemetry().node_total_bytes[0].sum()
    truth = machines.heat_truth(0, 8) * 20
    seen = np.zeros(8)
    for _ in range(20):
        telemetry = machines.run(0.5)
        borders = np.linspace(0.0, memory / unit, 9)
        for place in range(8):
            seen[place] += _heat(telemetry, 0, borders[place], borders[place + 1]) / 20
    assert np.abs(seen - truth).max() < 3.0
    snapshot = machines.telemetry().snapshot
    assert snapshot.end.max() == memory // unit
    shown = machines.monitor_heat(0, 8) * 20
    assert np.abs(shown - truth).max() < 6.0


def test_holes_are_never_accessed(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """What lies beyond all nodes reads as never accessed; what crosses nodes does not matter."""
    ranges = (
        AddressRange(start=32 * MIB, end=64 * MIB),
        AddressRange(start=2**40, end=2**40 + 64 * MIB),
    )
    machines = EmulatedMachines(two_tiers, 1, watch(Target(regions=ranges), ops=Ops.PADDR))
    machines.load(0, make_processes([800.0] * 8), seed=1)
    telemetry = machines.run(3.0)
    assert _heat(telemetry, 0, 32 * MIB, 64 * MIB) > 15.0
    assert _heat(telemetry, 0, 2.0**40, 2.0**41) == 0.0


@pytest.mark.parametrize("unit", [1, 4096])
def test_schemes_act_across_nodes(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch, unit: int
) -> None:
    """A scheme of one kdamond takes from every node but the target; bytes are core units."""
    cold = Scheme(
        Action.MIGRATE_COLD,
        AccessPattern(nr_accesses=Range(0, 0)),
        target_nid=1,
        apply_interval_us=500_000,
        quota=Quota(reset_interval_ms=1000),
    )
    document = watch(Target(), ops=Ops.PADDR, schemes=(cold,), addr_unit=unit)
    machines = EmulatedMachines(two_tiers, 1, document)
    machines.load(0, make_processes(RATES), seed=1)
    telemetry = machines.run(10.0)
    applied = telemetry.stats.sz_applied[0, 0, 0] * unit
    assert applied == telemetry.migrated_down_bytes[0] > 32 * MIB
    assert telemetry.stats.sz_tried[0, 0, 0] * unit > applied


def test_kdamonds_of_all_kinds_side_by_side(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """Whole nodes, ranges and a process are watched at once; those on nodes see what they did."""
    nodes = Document((Kdamond((Context(Ops.PADDR),)),) * 2)
    part = AddressRange(start=0, end=16 * MIB)
    extra = (
        watch(Target(1)).kdamonds[0],
        watch(Target(regions=(part,)), ops=Ops.PADDR).kdamonds[0],
    )
    machines = EmulatedMachines(two_tiers, 1, Document((*nodes.kdamonds, *extra)))
    machines.load(0, make_processes(RATES), seed=1)
    telemetry = machines.run(5.0)
    first = telemetry.node_total_bytes[0, 0]
    starts = telemetry.snapshot.start[0, :, 0].tolist()
    assert starts[:2] == [0, int(first)]
    assert telemetry.snapshot.end[0, 3].max() == 16 * MIB
    assert machines.world.watches["node"].tolist() == [0, 1, -1, 0]
    assert telemetry.kdamonds.ops[0].tolist() == [2, 2, 0, 2]
    truth = machines.heat_truth(0, 8)
    assert np.abs(machines.monitor_heat(0, 8) - truth).max() < 0.3


def test_a_commit_may_leave_the_node(
    two_tiers: MachineConfig, make_processes: MakeProcesses
) -> None:
    """Ranges beyond its node that a commit gives a kdamond are watched from then on."""
    attrs = Attrs(Intervals(5000, 100_000))

    def document(*ranges: AddressRange) -> Document:
        first = Context(Ops.PADDR, (Target(regions=ranges),), attrs)
        return Document((Kdamond((first,)), Kdamond((Context(Ops.PADDR, (Target(),), attrs),))))

    machines = EmulatedMachines(two_tiers, 1, document())
    machines.load(0, make_processes([800.0] * 8), seed=1)
    total = machines.run(1.0).node_total_bytes[0]
    low, high = int(total[0]) - 16 * MIB, int(total[0]) + 16 * MIB
    machines.commit(Plan(document(AddressRange(start=low, end=high)), {}))
    telemetry = machines.run(2.0)
    assert telemetry.snapshot.start[0, 0, 0] == low
    assert _heat(telemetry, 0, float(total[0]), float(high)) > 15.0
