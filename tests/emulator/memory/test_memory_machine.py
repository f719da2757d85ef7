"""A batch of machines is its machines, seed by seed, and says what is wrong with a description."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from damosrl.damon import Document
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.placement import coldest_last, start_fill, start_order
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.rate_store import to_grid
from damosrl.emulator.workload.model import AccessModel, Placement, StartState, Workload
from damosrl.errors import EmulatorLimitError, MachineError
from damosrl.machine import Plan, SchemeField, Setting, Telemetry

MIB = 1 << 20
MakeTemplate = Callable[..., Document]
MakeWorkload = Callable[..., Workload]


@pytest.fixture(scope="session")
def workloads(make_workload: MakeWorkload) -> list[Workload]:
    """Return workloads of different size, epochs and placement."""
    moving = [[900.0, 1.0, 1.0, 20.0], [1.0, 20.0, 900.0, 1.0]]
    return [
        make_workload([1.0, 900.0, 30.0, 0.0]),
        make_workload(moving, epoch_s=(0.0, 3.3), period_s=7.0, placement="random"),
        make_workload(np.linspace(0, 500, 24), piece_mib=16, placement="bad", fast_share=0.5),
        make_workload([10.0, 700.0], piece_mib=128, placement="good", fast_fill=0.6),
    ]


def _same(left: Telemetry, right: Telemetry, index: int) -> None:
    for name in ("time_s", "node_free_bytes", "migrated_up_bytes", "kdamond_cpu_us", "latency_ns"):
        np.testing.assert_array_equal(getattr(left, name)[index], getattr(right, name)[0])
    for column in left.stats._fields:
        np.testing.assert_array_equal(
            getattr(left.stats, column)[index], getattr(right.stats, column)[0]
        )
    for node, count in enumerate(right.snapshot.nr_regions[0]):
        assert left.snapshot.nr_regions[index, node] == count
        for column in ("start", "end", "nr_accesses", "age"):
            ours = getattr(left.snapshot, column)[index, node, :count]
            np.testing.assert_array_equal(ours, getattr(right.snapshot, column)[0, node, :count])


@pytest.mark.parametrize("threads", [1, 3])
def test_batch_equals_single_machines(
    two_tiers: MachineConfig,
    make_template: MakeTemplate,
    workloads: list[Workload],
    threads: int,
) -> None:
    """Every machine of a batch does bit for bit what it does alone, with any threads."""
    template = make_template()
    batch = EmulatedMachines(two_tiers, 4, template, threads=threads)
    for index, workload in enumerate(workloads):
        batch.load(index, workload, seed=10 + index)
    together = [batch.run(seconds) for seconds in (1.0, 1.0, 5.0)][-1]
    truth = batch.truth()
    for index, workload in enumerate(workloads):
        single = EmulatedMachines(two_tiers, 1, template)
        single.load(0, workload, seed=10 + index)
        alone = [single.run(seconds) for seconds in (1.0, 1.0, 5.0)][-1]
        _same(together, alone, index)
        assert truth.slowdown[index] == single.truth().slowdown[0]


def test_reloading_begins_anew(
    two_tiers: MachineConfig, make_template: MakeTemplate, workloads: list[Workload]
) -> None:
    """An episode depends on its workload and seed, not on what the machine did before."""
    machines = EmulatedMachines(two_tiers, 2, make_template())
    for index in (0, 1):
        machines.load(index, workloads[1], seed=5)
    first = machines.run(10.0)
    machines.load(0, workloads[2], seed=6)
    machines.run(5.0)
    machines.load(0, workloads[1], seed=5)
    machines.load(1, workloads[0], seed=7)
    second = machines.run(10.0)
    single = EmulatedMachines(two_tiers, 1, make_template())
    single.load(0, workloads[1], seed=5)
    alone = single.run(10.0)
    _same(first, alone, 0)
    _same(second, alone, 0)


def test_seeds_differ(
    two_tiers: MachineConfig, make_template: MakeTemplate, workloads: list[Workload]
) -> None:
    """Another seed gives another episode of the same workload."""
    machines = EmulatedMachines(two_tiers, 2, make_template())
    machines.load(0, workloads[0], seed=1)
    machines.load(1, workloads[0], seed=2)
    starts = machines.run(5.0).snapshot.start
    assert not np.array_equal(starts[0], starts[1])


def test_bytes_stay_and_time_passes(
    two_tiers: MachineConfig, make_template: MakeTemplate, workloads: list[Workload]
) -> None:
    """Whatever moves, used memory stays the footprint, and the clock shows what was run."""
    machines = EmulatedMachines(two_tiers, 4, make_template())
    for index, workload in enumerate(workloads):
        machines.load(index, workload, seed=index)
    for _ in range(10):
        telemetry = machines.run(2.5)
        used = (telemetry.node_total_bytes - telemetry.node_free_bytes).sum(axis=1)
        assert used.tolist() == [workload.access.footprint_bytes for workload in workloads]
    assert telemetry.time_s.tolist() == [25.0] * 4
    moved = telemetry.migrated_up_bytes + telemetry.migrated_down_bytes
    assert np.all(moved > 0)
    assert np.all(telemetry.returned_bytes <= moved)


def test_all_fast_is_slowdown_one(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """A machine whose whole workload lies in fast memory is as fast as all-fast memory."""
    machines = EmulatedMachines(two_tiers, 1, make_template(quota_bytes=1))
    machines.load(0, make_workload([5.0, 900.0], fast_share=1.1, fast_fill=1.0), seed=1)
    machines.run(5.0)
    assert machines.truth().slowdown[0] == pytest.approx(1.0, abs=1e-9)
    assert machines.truth().fast_share[0] == 1.0


def test_uniform_access_makes_placements_equal(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """When every page is as hot as any other it does not matter which lie in fast memory."""
    placements: list[Placement] = ["first_touch", "random", "good", "bad"]
    machines = EmulatedMachines(two_tiers, 4, make_template(quota_bytes=1))
    for index, placement in enumerate(placements):
        machines.load(index, make_workload([100.0] * 4, placement=placement), seed=index)
    machines.run(5.0)
    assert np.allclose(machines.truth().slowdown, machines.truth().slowdown[0], rtol=1e-12)


def test_good_placement_beats_bad(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """Hot memory in the fast tier makes the application faster, in order of heat placed."""
    placements: list[Placement] = ["good", "random", "bad"]
    machines = EmulatedMachines(two_tiers, 3, make_template(quota_bytes=1))
    rates = [900.0] * 2 + [1.0] * 6
    for index, placement in enumerate(placements):
        machines.load(index, make_workload(rates, placement=placement, threads=2), seed=1)
    machines.run(3.0)
    slowdown = machines.truth().slowdown
    assert slowdown[0] < slowdown[1] < slowdown[2]


def test_littles_law_holds_over_a_run(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """Without migration, throughput times (think time + latency) is the requests in flight."""
    machines = EmulatedMachines(two_tiers, 1, make_template(quota_bytes=1))
    machines.load(0, make_workload([900.0, 1.0, 500.0, 20.0], threads=16), seed=1)
    machines.run(5.0)
    truth = machines.truth()
    in_flight = truth.throughput_per_s[0] * 1e-9 * (200.0 + truth.mean_latency_ns[0])
    assert in_flight == pytest.approx(16 * 8.0, rel=1e-6)


def test_warm_start_takes_the_quota_along(
    two_tiers: MachineConfig, make_template: MakeTemplate, workloads: list[Workload]
) -> None:
    """A quota loop started from another's feedback goes on where that one stood."""
    machines = EmulatedMachines(two_tiers, 1, make_template(goals=True))
    machines.load(0, workloads[0], seed=1)
    machines.run(300.0)
    feedback = machines.quota_feedback(0)
    machines.load(0, workloads[0], seed=1)
    cold = machines.run(1.0).stats.effective_bytes.copy()
    machines.load(0, workloads[0], seed=1)
    machines.set_quota_feedback(0, feedback)
    warm = machines.run(1.0).stats.effective_bytes
    assert feedback.max() > 100 * 10000
    assert warm.max() > 50 * cold.max()


def test_commit_changes_numbers_per_machine(
    two_tiers: MachineConfig, make_template: MakeTemplate, workloads: list[Workload]
) -> None:
    """A plan's quotas take effect machine by machine: with one byte nothing is tried."""
    template = make_template()
    machines = EmulatedMachines(two_tiers, 2, template)
    for index in (0, 1):
        machines.load(index, workloads[0], seed=1)
    quotas = np.array([1, 32 * MIB], np.int64)
    settings = {Setting(k, 0, SchemeField.QUOTA_BYTES): quotas for k in (0, 1)}
    machines.commit(Plan(template, settings))
    tried = machines.run(5.0).stats.sz_tried
    assert tried[0].max() == 0
    assert tried[1].max() > 0


def test_wrong_machines_are_refused(
    two_tiers: MachineConfig, make_template: MakeTemplate, workloads: list[Workload]
) -> None:
    """What cannot work is said before anything runs."""
    one_tier = replace(two_tiers, tiers=two_tiers.tiers[:1])
    with pytest.raises(MachineError, match="does not fit the others"):
        EmulatedMachines([two_tiers, one_tier], 2, make_template())
    with pytest.raises(MachineError, match="unknown monitor"):
        EmulatedMachines(two_tiers, 1, make_template(), "quick")  # type: ignore[arg-type]
    with pytest.raises(MachineError, match="too few machines"):
        EmulatedMachines(two_tiers, 0, make_template())
    with pytest.raises(MachineError, match="do not fit the number"):
        EmulatedMachines([two_tiers], 2, make_template())
    machines = EmulatedMachines(two_tiers, 2, make_template())
    machines.load(0, workloads[0], seed=1)
    with pytest.raises(MachineError, match="machine 1 has no workload"):
        machines.run(1.0)


def test_running_out_of_extents_is_said(
    make_template: MakeTemplate, workloads: list[Workload], two_tiers: MachineConfig
) -> None:
    """A machine that needs more extents than allowed stops with the limit's name."""
    few = MachineConfig("few", two_tiers.tiers, max_extents=24)
    machines = EmulatedMachines(few, 1, make_template())
    with pytest.raises(EmulatorLimitError, match="max_extents=24"):
        machines.load(0, workloads[2], seed=1)


def test_kdamonds_cost_cpu(
    two_tiers: MachineConfig, make_template: MakeTemplate, workloads: list[Workload]
) -> None:
    """Monitoring time grows with regions and samples, migration adds its own."""
    machines = EmulatedMachines(two_tiers, 2, make_template())
    for index in (0, 1):
        machines.load(index, workloads[0], seed=1)
    off = np.array([1, 64 * MIB], np.int64)
    settings = {Setting(k, 0, SchemeField.QUOTA_BYTES): off for k in (0, 1)}
    machines.commit(Plan(make_template(), settings))
    telemetry = machines.run(10.0)
    least = 10.0 * 200 * 10 * 2 * 0.1
    assert telemetry.kdamond_cpu_us[0] >= least
    assert telemetry.kdamond_cpu_us[0] <= least * 100
    moved = telemetry.migrated_up_bytes[1] + telemetry.migrated_down_bytes[1]
    assert telemetry.kdamond_cpu_us[1] >= moved / 4096


@pytest.mark.parametrize("fast_fill", [0.6, 0.97, 1.0])
def test_start_fills_what_was_asked(
    two_tiers: MachineConfig,
    make_template: MakeTemplate,
    make_workload: MakeWorkload,
    fast_fill: float,
) -> None:
    """The fast tier starts used to the share asked for, in whole frames."""
    machines = EmulatedMachines(two_tiers, 1, make_template())
    machines.load(0, make_workload([1.0] * 16, fast_fill=fast_fill), seed=1)
    telemetry = machines.telemetry()
    used = 1.0 - telemetry.node_free_bytes[0, 0] / telemetry.node_total_bytes[0, 0]
    assert used == pytest.approx(fast_fill, abs=1 / 128)


def test_start_orders() -> None:
    """Each placement fills the fast tier with the pieces its name promises."""
    rng = np.random.default_rng(0)

    def order(placement: Placement) -> list[int]:
        access = AccessModel(
            np.arange(4) * 4096, np.zeros(1), np.array([[2.0, 9.0, 1.0]], np.float32)
        )
        pieces, frames = start_order(to_grid(access, 4096), StartState(1.0, placement), rng)
        assert frames.tolist() == [1, 1, 1]
        return [int(piece) for piece in pieces]

    assert order("first_touch") == [0, 1, 2]
    assert order("good") == [1, 0, 2]
    assert order("bad") == [2, 0, 1]
    assert sorted(order("random")) == [0, 1, 2]


def test_swap_starts_with_the_coldest() -> None:
    """Whatever the order, the coldest frames are the ones swapped out at the start."""
    pieces, frames = coldest_last(
        np.array([0, 1, 2]), np.array([4, 4, 4]), np.array([5.0, 0.0, 1.0]), 6
    )
    assert pieces.tolist() == [0, 2, 1, 2]
    assert frames.tolist() == [4, 2, 4, 2]
    assert start_fill(np.array([8, 8]), 12, 1.0).tolist() == [8, 4]
    assert start_fill(np.array([10, 20, 0]), 24, 0.6).tolist() == [6, 18, 0]
    assert start_fill(np.array([10, 14, 0]), 24, 0.6).tolist() == [10, 14, 0]
