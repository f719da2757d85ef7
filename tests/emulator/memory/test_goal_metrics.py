"""Metrics of quota goals have the values that the kernel's formulas give by hand."""

import numpy as np
import pytest

from damosrl.damon import AccessPattern, Action, GoalMetric, Quota, QuotaGoal, Range, Scheme
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.workload.model import PageClass
from tests.emulator.memory.conftest import MakeWorkload
from tests.emulator.memory.physical import MIB, goal_metric, machine_with, run_action

CLASSES = (
    PageClass(memcg="/a"),
    PageClass(memcg="/b"),
    PageClass(kind="file", memcg="/a"),
    PageClass(),
)


def _goal(metric: GoalMetric, nid: int = 0, path: str | None = None) -> QuotaGoal:
    return QuotaGoal(metric, target_value=5000, nid=nid, memcg_path=path)


def _machine(
    config: MachineConfig, make_workload: MakeWorkload, *goals: QuotaGoal, counts: Range
) -> EmulatedMachines:
    """Return node 0 with pieces 0, 1 and half of 2 (160 of 160 MiB), node 1 with the rest."""
    scheme = Scheme(
        Action.LRU_PRIO,
        AccessPattern(nr_accesses=counts),
        apply_interval_us=3_600_000_000,
        quota=Quota(sz_bytes=1, reset_interval_ms=1000, goals=goals),
    )
    workload = make_workload([0.0] * 4, pages=CLASSES, fast_share=0.625, fast_fill=1.0)
    return machine_with(config, workload, scheme)


def _value(machines: EmulatedMachines, goal: int = 0) -> int:
    return int(goal_metric(machines.world, machines.engine, 0, 0, goal))


@pytest.mark.parametrize(
    ("metric", "nid", "path", "expected"),
    [
        (GoalMetric.NODE_MEM_USED_BP, 0, None, 10000),
        (GoalMetric.NODE_MEM_FREE_BP, 0, None, 0),
        (GoalMetric.NODE_MEM_USED_BP, 2, None, 0),  # the swap store is no memory node
        (GoalMetric.NODE_MEM_FREE_BP, 2, None, 10000),
        (GoalMetric.NODE_MEM_USED_BP, -1, None, 0),
        (GoalMetric.NODE_MEM_FREE_BP, -1, None, 10000),
        (GoalMetric.NODE_MEMCG_USED_BP, 0, "/a", 96 * 10000 // 160),
        (GoalMetric.NODE_MEMCG_FREE_BP, 0, "/a", 64 * 10000 // 160),
        (GoalMetric.NODE_MEMCG_USED_BP, 0, "/b", 64 * 10000 // 160),
        (GoalMetric.NODE_MEMCG_USED_BP, 0, "/", 0),
        (GoalMetric.NODE_MEMCG_USED_BP, 0, "/nobody", 0),
        (GoalMetric.NODE_MEMCG_FREE_BP, 0, "/nobody", 10000),
        (GoalMetric.NODE_MEMCG_USED_BP, 9, "/a", 0),
        (GoalMetric.NODE_MEMCG_FREE_BP, 9, "/a", 10000),
        (GoalMetric.ACTIVE_MEM_BP, 0, None, 0),
        (GoalMetric.INACTIVE_MEM_BP, 0, None, 10000),
        (GoalMetric.NODE_ELIGIBLE_MEM_BP, 0, None, 10000),
        (GoalMetric.NODE_ELIGIBLE_MEM_BP, 1, None, 0),
        (GoalMetric.NODE_ELIGIBLE_MEM_BP, -1, None, 0),
    ],
)
def test_metrics_by_hand(
    two_tiers: MachineConfig,
    make_workload: MakeWorkload,
    metric: GoalMetric,
    nid: int,
    path: str | None,
    expected: int,
) -> None:
    """Node 0 holds 64 MiB of /a, 64 of /b and 32 of /a again, all of it inactive."""
    machines = _machine(
        two_tiers, make_workload, _goal(metric, nid, path), counts=Range(0, 4294967295)
    )
    assert _value(machines) == expected


def test_nodes_without_memory_count_as_used(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """A node whose total is 0 has all of nothing in use."""
    goals = (_goal(GoalMetric.NODE_MEM_USED_BP, 1), _goal(GoalMetric.NODE_MEM_FREE_BP, 1))
    machines = _machine(two_tiers, make_workload, *goals, counts=Range(0, 20))
    machines.world.nodes["total"][0, 1] = machines.world.nodes["free"][0, 1] = 0
    assert [_value(machines, goal) for goal in (0, 1)] == [10000, 0]


def test_lists_are_counted_on_all_nodes(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """64 of 256 MiB on the active list are 2500 basis points, the other list has the rest."""
    goals = (_goal(GoalMetric.ACTIVE_MEM_BP), _goal(GoalMetric.INACTIVE_MEM_BP))
    machines = _machine(two_tiers, make_workload, *goals, counts=Range(0, 20))
    assert run_action(machines, 0, 64 * MIB) == 64 * MIB
    assert [_value(machines, goal) for goal in (0, 1)] == [2500, 7500]


def test_eligible_memory_is_that_of_the_pattern(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """Regions that match on two nodes share the eligible bytes; free frames are not eligible."""
    goals = (
        _goal(GoalMetric.NODE_ELIGIBLE_MEM_BP, 0),
        _goal(GoalMetric.NODE_ELIGIBLE_MEM_BP, 1),
    )
    machines = _machine(two_tiers, make_workload, *goals, counts=Range(3, 20))
    regions, world = machines.engine.regions, machines.world
    assert [_value(machines, goal) for goal in (0, 1)] == [0, 0]  # nothing matches yet
    # 30 MiB of node 0, and 90 MiB across the border: 10 on node 0, 80 of 96 MiB on node 1
    regions.nr_regions[0] = 3
    regions.start[0, :3] = np.array([0, 60, 150]) * MIB
    regions.end[0, :3] = np.array([30, 150, 240]) * MIB
    regions.nr_accesses[0, :3] = regions.last_nr_accesses[0, :3] = (5, 0, 5)
    assert [_value(machines, goal) for goal in (0, 1)] == [
        40 * 10000 // 120,
        80 * 10000 // 120,
    ]
    world.slots["piece"][0, int(world.nodes["first"][0, 0])] = -1  # piece 0 goes
    assert [_value(machines, goal) for goal in (0, 1)] == [10 * 10000 // 90, 80 * 10000 // 90]


def test_memcg_goals_steer_a_quota(two_tiers: MachineConfig, make_workload: MakeWorkload) -> None:
    """A group that fills more of the node than wanted lets the consist loop collapse to a byte."""
    quota = Quota(
        sz_bytes=64 * MIB,
        reset_interval_ms=100,
        goals=(_goal(GoalMetric.NODE_MEMCG_USED_BP, 0, "/a"),),
    )
    free = Quota(
        sz_bytes=64 * MIB,
        reset_interval_ms=100,
        goals=(_goal(GoalMetric.NODE_MEMCG_USED_BP, 0, "/nobody"),),
    )
    schemes = [Scheme(Action.LRU_PRIO, AccessPattern(), quota=each) for each in (quota, free)]
    workload = make_workload([0.0] * 4, pages=CLASSES, fast_share=0.625, fast_fill=1.0)
    machines = machine_with(two_tiers, workload, *schemes)
    esz = machines.run(1.0).stats.effective_bytes[0, 0]
    assert esz[0] == 1
    assert esz[1] == 2**10
