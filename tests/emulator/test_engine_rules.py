"""Behaviour of the whole engine against runs of the kernel that are written down elsewhere."""

from typing import Any

import numpy as np
import pytest

from damosrl.damon import (
    AccessPattern,
    Action,
    AddressRange,
    Attrs,
    Context,
    GoalMetric,
    GoalTuner,
    Intervals,
    Ops,
    Quota,
    QuotaGoal,
    Range,
    Scheme,
    Target,
)
from damosrl.emulator.engine import run_until
from damosrl.emulator.loading import load_context
from damosrl.emulator.regions import copy_regions
from damosrl.emulator.scripted import AGGREGATION, APPLIED, ESZ, ScriptedWorld, empty_script
from damosrl.emulator.state import EXACT, EngineState, allocate

MIB = 1 << 20
PAGE = 4096
G2_LAST = """0-24856:0,2 24856-26114:7,0 26114-75415:20,0 75415-77717:14,2 77717-89967:0,4
89967-131072:0,6 131072-181403:0,7 181403-233478:0,8 233478-262144:0,8"""


def _context(
    size: int, *schemes: Scheme, lowest: int = 4, most: int = 4, aggr_us: int = 100_000
) -> Context:
    target = Target(regions=(AddressRange(0, size),))
    attrs = Attrs(Intervals(5000, aggr_us), min_nr_regions=lowest, max_nr_regions=most)
    return Context(Ops.PADDR, (target,), attrs, schemes)


def _run(what: Context, milliseconds: int, **script: Any) -> tuple[EngineState, ScriptedWorld]:
    state = allocate(1, region_capacity=256, schemes=len(what.schemes), goals=2)
    world = empty_script(len(what.schemes), 4096)._replace(**script)
    load_context(state, 0, what, 42, monitor=EXACT)
    assert run_until(state, world, 0, 1, np.array([milliseconds * 1000])) == 0
    return state, world


def _hot(low_mib: int, high_mib: int) -> dict[str, Any]:
    span = np.array([[low_mib * MIB, high_mib * MIB, 0, 2**64 - 1]], np.uint64)
    return {"access_target": np.zeros(1, np.int64), "access_span": span}


def _applied(world: ScriptedWorld) -> list[list[int]]:
    rows: list[list[int]] = world.applied[: world.lengths[APPLIED]].tolist()
    return rows


def test_golden_trace_two() -> None:
    """The last aggregation of the kernel trace G2 comes out (semantics 1.14)."""
    _, world = _run(_context(1 << 30, lowest=5, most=40), 800, **_hot(100, 300))
    counts = world.aggregations[: world.lengths[AGGREGATION], 1]
    last = world.regions[int(counts[:-1].sum()) : int(counts.sum())].tolist()
    text = [f"{start // PAGE}-{end // PAGE}:{nr},{age}" for _, start, end, nr, age in last]
    assert text == G2_LAST.split()


def _quota_scheme(size: int, window_ms: int) -> Scheme:
    return Scheme(
        action=Action.PAGEOUT,
        access_pattern=AccessPattern(),
        apply_interval_us=100_000,
        quota=Quota(sz_bytes=size, reset_interval_ms=window_ms),
    )


def test_charge_cursor_trace_r() -> None:
    """A quota that fills at the last region costs one pass without work (semantics 2.9, R)."""
    state, world = _run(_context(40 * MIB, _quota_scheme(10 * MIB, 100)), 800)
    by_time = {row[0] // 1000: (row[3] // MIB, row[4] // MIB) for row in _applied(world)}
    assert by_time[100] == (0, 10)
    assert by_time[400] == (30, 40)
    assert 500 not in by_time
    assert by_time[600] == (0, 10)
    assert int(state.schemes["qt_exceeds"][0, 0]) == 6


def test_charge_cursor_trace_q() -> None:
    """Statistics of trace Q after 3 s: 6 MiB per 300 ms over 40 MiB (semantics 2.9)."""
    state, world = _run(_context(40 * MIB, _quota_scheme(6 * MIB, 300)), 3000)
    record = state.schemes[0, 0]
    assert int(record["nr_tried"]) == len(_applied(world)) == 15
    assert int(record["sz_tried"]) == 62914560
    assert int(record["qt_exceeds"]) == 9
    assert int(record["nr_snapshots"]) == 1


def test_quota_trace_b() -> None:
    """1 GiB under 16 MiB per second for 5.05 s: five windows' worth, no complete pass."""
    state, _ = _run(_context(1 << 30, _quota_scheme(16 * MIB, 1000)), 5050)
    record = state.schemes[0, 0]
    assert int(record["sz_tried"]) == 83886080
    assert int(record["qt_exceeds"]) == 4
    assert int(record["nr_snapshots"]) == 0


@pytest.mark.parametrize(
    ("tuner", "totals", "quotas"),
    [
        # growths none, 0, 0, 0, 1500, 2500 of 1000: as it is, three times double, half, one
        (GoalTuner.CONSIST, [5000, 5000, 5000, 5000, 6500, 9000], [1, 2, 4, 8, 4, 1]),
        # growths none, 0, 1500, 100: off, all, off, all
        (GoalTuner.TEMPORAL, [5000, 5000, 6500, 6600], [0, 8 * MIB, 0, 8 * MIB]),
    ],
)
def test_pressure_goal_takes_growth(tuner: GoalTuner, totals: list[int], quotas: list[int]) -> None:
    """A PSI goal follows the growth per window: first no change, then up or down."""
    goal = QuotaGoal(GoalMetric.SOME_MEM_PSI_US, target_value=1000)
    quota = Quota(sz_bytes=8 * MIB, reset_interval_ms=100, goals=(goal,), goal_tuner=tuner)
    scheme = Scheme(action=Action.PAGEOUT, quota=quota)
    table = np.array([(100_000 * (i + 1), value) for i, value in enumerate(totals)], np.uint64)
    first = np.array([[0, len(table)]], np.int64)
    milliseconds = 100 * len(totals)
    _, world = _run(_context(64 * MIB, scheme), milliseconds, goal_first=first, goal_series=table)
    assert [row[2] for row in world.esz[: world.lengths[ESZ]].tolist()] == quotas


def test_apply_interval_shorter_than_aggregation() -> None:
    """A scheme of 10 ms is applied ten times as often as one of 100 ms."""
    match_all = AccessPattern()
    often = Scheme(access_pattern=match_all, apply_interval_us=10_000)
    seldom = Scheme(access_pattern=match_all, apply_interval_us=100_000)
    state, _ = _run(_context(64 * MIB, often, seldom), 3000)
    assert state.schemes["nr_snapshots"][0].tolist() == [300, 30]


def test_moving_sums_are_whole_at_the_boundary() -> None:
    """Snapshots between aggregations count the last window's share (semantics 1.13)."""
    state, _ = _run(_context(64 * MIB), 950, **_hot(0, 64))
    shape = state.regions.age.shape
    start, end = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
    sums, age = np.zeros(shape, np.uint32), np.zeros(shape, np.uint32)
    copy_regions(state, 0, 1, start, end, sums, age)
    used = int(state.regions.nr_regions[0])
    assert set(sums[0, :used].tolist()) == {20}
    assert set(state.regions.nr_accesses[0, :used].tolist()) == {10}


def test_pattern_that_matches_nothing_does_nothing() -> None:
    """Bounds 0..0 for the size, sysfs' default, match no region."""
    nothing = AccessPattern(sz_bytes=Range(0, 0))
    state, world = _run(_context(64 * MIB, Scheme(access_pattern=nothing)), 500)
    assert not _applied(world)
    assert int(state.schemes["nr_snapshots"][0, 0]) == 5


def test_sleeps_stretch() -> None:
    """An overshoot of 1.14 makes aggregations of 114 ms, in both monitor modes."""
    for monitor in (0, 1):
        state, world = allocate(1, region_capacity=64), empty_script(1, 64)
        load_context(state, 0, _context(64 * MIB), 1, monitor=monitor, overshoot=1.14)
        run_until(state, world, 0, 1, np.array([1_140_000]))
        times = world.aggregations[: world.lengths[AGGREGATION], 0].tolist()
        assert times == [114_000 * (i + 1) for i in range(10)]
