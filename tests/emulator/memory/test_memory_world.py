"""What schemes and monitors meet in emulated memory is what they meet in a kernel."""

from collections.abc import Callable

import numpy as np
import pytest

from damosrl.damon import (
    AccessPattern,
    Action,
    Attrs,
    Context,
    Document,
    Kdamond,
    Ops,
    Quota,
    Range,
    Scheme,
    Target,
    Weights,
)
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.workload.model import Workload

MIB = 1 << 20
MakeTemplate = Callable[..., Document]
MakeWorkload = Callable[..., Workload]


def _cold_down(config: MachineConfig, template: Document, workload: Workload) -> EmulatedMachines:
    machines = EmulatedMachines(config, 1, template)
    machines.load(0, workload, seed=1)
    return machines


def test_free_memory_eats_a_cold_quota(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """Free frames are the coldest memory there is: a cold scheme spends its quota on them."""
    workload = make_workload([900.0] * 8, fast_share=0.5, fast_fill=0.6)
    machines = _cold_down(two_tiers, make_template(2, 16 * MIB, hot=21), workload)
    telemetry = machines.run(20.0)
    assert telemetry.stats.sz_tried[0, 0, 0] >= 10 * 16 * MIB
    assert telemetry.stats.sz_applied[0, 0, 0] <= telemetry.stats.sz_tried[0, 0, 0] // 10
    assert telemetry.stats.qt_exceeds[0, 0, 0] >= 10


def test_memory_goes_down_when_it_is_cold(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """With no free frames in the way the same scheme moves cold memory and counts it."""
    workload = make_workload([900.0] * 4 + [0.0] * 4, fast_fill=0.98, fast_share=0.9)
    machines = _cold_down(two_tiers, make_template(2, 16 * MIB), workload)
    telemetry = machines.run(20.0)
    applied = telemetry.stats.sz_applied[0, 0, 0]
    assert applied > 100 * MIB
    assert telemetry.migrated_down_bytes[0] == applied
    free = telemetry.node_free_bytes[0, 0]
    assert free == pytest.approx(0.02 * telemetry.node_total_bytes[0, 0] + applied, abs=8 * MIB)


def test_a_full_target_takes_nothing(
    make_template: MakeTemplate, make_workload: MakeWorkload, two_tiers: MachineConfig
) -> None:
    """Migration reclaims nothing: hot memory stays below while the fast node is full."""
    workload = make_workload([0.0, 0.0, 900.0, 900.0, 0.0], fast_fill=1.0)
    machines = _cold_down(two_tiers, make_template(2, 64 * MIB, cold=0), workload)
    demote = machines.engine.schemes[0, 0]
    demote["max_nr_accesses"], demote["min_nr_accesses"] = 0, 1
    telemetry = machines.run(10.0)
    assert telemetry.stats.sz_tried[0, 1, 0] > 0
    assert telemetry.stats.sz_applied[0, 1, 0] == 0
    assert telemetry.migrated_up_bytes[0] == 0


def test_fast_and_exact_monitors_see_the_same(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """Both monitors report the true heat of memory on average, and so agree with each other."""
    workload = make_workload([600.0, 20.0, 100.0, 5.0, 300.0, 0.0], piece_mib=64)
    template = make_template(2, 1)
    heat = {}
    for monitor in ("fast", "exact"):
        machines = EmulatedMachines(two_tiers, 1, template, monitor)
        machines.load(0, workload, seed=5)
        machines.run(5.0)
        seen = np.zeros(8)
        for _ in range(40):
            machines.run(0.5)
            seen += machines.monitor_heat(0, 8) / 40
        heat[monitor] = seen
        truth = machines.heat_truth(0, 8)
        assert np.abs(seen - truth).max() < 0.12
    assert np.abs(heat["fast"] - heat["exact"]).max() < 0.12


def test_heat_by_either_address_adds_up(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """Physical and virtual pictures show the same accesses, free memory showing none."""
    machines = _cold_down(
        two_tiers, make_template(2), make_workload([600.0, 20.0, 0.0, 90.0], placement="random")
    )
    telemetry = machines.run(3.0)
    physical, virtual = machines.heat_truth(0, 64), machines.heat_truth(0, 64, by="virtual")
    memory = float(telemetry.node_total_bytes[0].sum())
    assert physical.mean() * memory == pytest.approx(virtual.mean() * 4 * 64 * MIB, rel=2e-3)


def test_pageout_leaves_what_is_young(
    with_swap: MachineConfig, make_workload: MakeWorkload
) -> None:
    """Paging out looks at the accessed bit again: memory in use stays, idle memory goes."""
    pageout = Scheme(
        Action.PAGEOUT,
        AccessPattern(nr_accesses=Range(0, 4294967295)),
        apply_interval_us=1_000_000,
        quota=Quota(sz_bytes=512 * MIB, reset_interval_ms=1000, weights=Weights(0, 1, 1)),
    )
    context = Context(Ops.PADDR, (Target(),), Attrs(), (pageout,))
    template = Document(kdamonds=(Kdamond(contexts=(context,)),))
    machines = EmulatedMachines(with_swap, 1, template)
    machines.load(0, make_workload([3000.0, 0.0, 0.0, 0.0], placement="good"), seed=1)
    before = machines.telemetry().node_free_bytes[0, 0]
    telemetry = machines.run(1.2)
    assert telemetry.node_free_bytes[0, 0] - before >= 60 * MIB
    assert telemetry.stats.sz_applied[0, 0, 0] < telemetry.stats.sz_tried[0, 0, 0]
    assert machines.run(5.0).pressure.some_total_us[0] == 0.0


@pytest.mark.parametrize("action", [Action.LRU_PRIO, Action.LRU_DEPRIO, Action.STAT])
def test_actions_that_move_nothing(
    two_tiers: MachineConfig, make_workload: MakeWorkload, action: Action
) -> None:
    """LRU actions count mapped memory, stat counts none, and all leave memory where it is."""
    scheme = Scheme(action, AccessPattern(), apply_interval_us=1_000_000)
    contexts = (
        Context(Ops.PADDR, (Target(),), Attrs(), (scheme,)),
        Context(Ops.PADDR, (Target(),), Attrs(), ()),
    )
    template = Document(kdamonds=tuple(Kdamond(contexts=(one,)) for one in contexts))
    machines = EmulatedMachines(two_tiers, 1, template)
    machines.load(0, make_workload([100.0] * 4), seed=1)
    used = machines.telemetry()
    telemetry = machines.run(1.1)
    mapped = used.node_total_bytes[0, 0] - used.node_free_bytes[0, 0]
    assert telemetry.stats.sz_applied[0, 0, 0] == (0 if action is Action.STAT else mapped)
    assert telemetry.migrated_down_bytes[0] == 0
