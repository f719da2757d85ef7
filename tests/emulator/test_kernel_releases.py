"""Kernel 6.12 beside 7.3: the rules that differ, against a plain reference (semantics 1.15)."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damosrl.damon import (
    AccessPattern,
    Action,
    AddressRange,
    Attrs,
    Context,
    Filter,
    FilterType,
    GoalMetric,
    GoalTuner,
    Intervals,
    IntervalsGoal,
    Ops,
    Quota,
    QuotaGoal,
    Range,
    Scheme,
    Target,
)
from damosrl.emulator.engine import run_until
from damosrl.emulator.loading import load_context
from damosrl.emulator.quota import set_effective_quota
from damosrl.emulator.scripted import AGGREGATION, APPLIED, ScriptedWorld, empty_script
from damosrl.emulator.staging import request_commit, request_goals
from damosrl.emulator.state import EXACT, FAST, EngineState, allocate
from damosrl.errors import DamosrlError, MachineError

MIB = 1 << 20
U64 = 2**64
ALL = Scheme(access_pattern=AccessPattern())
Row = list[int]


def _context(*schemes: Scheme, regions: int = 4, **parts: Any) -> Context:
    ranges = tuple(AddressRange(i * MIB, (i + 1) * MIB) for i in range(regions))
    attrs = parts.pop("attrs", Attrs(min_nr_regions=3, max_nr_regions=regions))
    return Context(Ops.PADDR, (Target(regions=ranges),), attrs, schemes, **parts)


def _loaded(what: Context, *, kernel: str = "6.12", monitor: int = EXACT) -> EngineState:
    schemes = max(len(what.schemes), 1)
    state = allocate(1, region_capacity=256, schemes=schemes, goals=2, filters=2, legacy=True)
    load_context(state, 0, what, 7, monitor=monitor, kernel=kernel)
    return state


def _run(
    state: EngineState, until_us: int, world: ScriptedWorld | None = None
) -> tuple[EngineState, ScriptedWorld]:
    world = world or empty_script(3, 4096)
    run_until(state, world, 0, 1, np.array([until_us]))
    return state, world


def _accesses(spans: list[tuple[int, int, int]]) -> ScriptedWorld:
    """Access MiB ``place`` from ``first`` ms to ``last`` ms."""
    table = [(p * MIB, (p + 1) * MIB, first * 1000, last * 1000) for p, first, last in spans]
    return empty_script(3, 4096)._replace(
        access_target=np.zeros(len(spans), np.int64),
        access_span=np.array(table, np.uint64).reshape(len(spans), 4),
    )


def _reference(spans: list[tuple[int, int, int]], samples: int, regions: int) -> list[Row]:
    """Monitor whole-MiB regions as 6.12: start, end, count, last, age, moving sum in bp.

    Regions are as many as allowed, so that nothing is split; each MiB is accessed as a whole.
    """
    rows = [[i * MIB, (i + 1) * MIB, 0, 0, 0, 0] for i in range(regions)]
    cap = regions * MIB // 3
    for sample in range(1, samples + 1):
        ms = 5 * sample
        hot = {p for p, first, last in spans if first <= ms < last}
        for row in rows:
            seen = all(p in hot for p in range(row[0] // MIB, row[1] // MIB))
            row[2] += seen
            row[5] = (row[5] - row[3] * 10000 // 20 + 10000 * seen) % 2**32
        if sample % 20 == 0:
            rows = _merged(rows, max(row[2] for row in rows) // 10, cap)
            for row in rows:
                row[2], row[3] = 0, row[2]
    return rows


def _merged(rows: list[Row], threshold: int, cap: int) -> list[Row]:
    merged: list[Row] = []
    for row in rows:
        row[4] = 0 if abs(row[2] - row[3]) > threshold else row[4] + 1
        left = merged[-1] if merged else None
        if left and abs(left[2] - row[2]) <= threshold and row[1] - left[0] <= cap:
            sizes = left[1] - left[0], row[1] - row[0]
            left[2] = (left[2] * sizes[0] + row[2] * sizes[1]) // sum(sizes)
            left[4] = (left[4] * sizes[0] + row[4] * sizes[1]) // sum(sizes)
            left[1], left[5] = row[1], left[2] * 10000
        else:
            merged.append(row)
    return merged


_SPANS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 900), st.integers(0, 900)), max_size=8
)


@settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))
@given(_SPANS, st.integers(1, 180))
def test_monitor_equals_the_reference(spans: list[tuple[int, int, int]], samples: int) -> None:
    """Counts, ages and kept moving sums are those of 6.12, also between aggregations."""
    state, _ = _run(_loaded(_context()), samples * 5000, _accesses(spans))
    regions, used = state.regions, int(state.regions.nr_regions[0])
    names = ("start", "end", "nr_accesses", "last_nr_accesses", "age", "nr_accesses_bp")
    columns = [getattr(regions, name)[0, :used].tolist() for name in names]
    assert [list(row) for row in zip(*columns, strict=True)] == _reference(spans, samples, 4)


def _quota_reference(quota: Quota, esz_bp: int, charged: tuple[int, int]) -> tuple[int, int]:
    size, total_sz, total_ns = U64 - 1, *charged
    if not quota.time_ms and not quota.goals:
        return quota.sz_bytes, esz_bp
    if quota.goals:
        score = max(goal.current_value * 10000 % U64 // goal.target_value for goal in quota.goals)
        esz_bp = _feed(max(esz_bp, 10000), score)
        size = esz_bp // 10000
    if quota.time_ms:
        per_ms = total_sz * 1000000 % U64 // total_ns if total_ns else 4194304
        size = max(min(size, per_ms * quota.time_ms % U64), 4096)
    return min(size, quota.sz_bytes or size), esz_bp


def _feed(last: int, score: int) -> int:
    if score == 10000:
        return last
    if score >= 20000:
        return 10000
    distance = abs(score - 10000)
    fits = last < (U64 - 1) // distance
    change = last * distance // 10000 if fits else last // 10000 * distance % U64
    if score > 10000:
        return max((last - change) % U64, 10000)
    return last + change if last < U64 - 1 - change else U64 - 1


@settings(deadline=None, max_examples=300)
@given(
    st.integers(0, 50),
    st.sampled_from([0, 1, 4096, 10 * MIB, 2**63]),
    st.lists(st.tuples(st.integers(1, 2**20), st.integers(0, 2**62)), max_size=2),
    st.integers(0, 2**60),
    st.tuples(st.integers(0, 2**50), st.sampled_from([0, 1, 10**6, 10**12])),
)
def test_effective_quota_equals_the_reference(
    time_ms: int,
    size: int,
    goals: list[tuple[int, int]],
    esz_bp: int,
    charged: tuple[int, int],
) -> None:
    """Products wrap, the highest score rules, and a time quota lifts a tiny goal to 4096."""
    quota = Quota(
        time_ms=time_ms,
        sz_bytes=size,
        goals=tuple(QuotaGoal(GoalMetric.USER_INPUT, target, now) for target, now in goals),
    )
    state = _loaded(_context(Scheme(quota=quota)))
    record = state.schemes[0]
    record["esz_bp"], record["total_charged_sz"] = esz_bp, charged[0]
    record["total_charged_ns"] = charged[1]
    world = empty_script(1)._replace(goal_first=np.zeros((1, 3), np.int64))
    set_effective_quota(world, state, 0, 0)
    got = int(state.schemes["esz"][0, 0]), int(state.schemes["esz_bp"][0, 0])
    assert got == _quota_reference(quota, esz_bp, charged)


_WINDOWS = (100, 200, 300, 400)


def test_first_window_has_no_limit() -> None:
    """Before the first reset 6.12 applies to everything; then the quota rules, down to its end."""
    scheme = Scheme(
        action=Action.PAGEOUT,
        access_pattern=AccessPattern(),
        quota=Quota(sz_bytes=5000, reset_interval_ms=250),
    )
    state, world = _run(_loaded(_context(scheme)), 400_000)
    rows = world.applied[: world.lengths[APPLIED]].tolist()
    handled = [sum(row[4] - row[3] for row in rows if row[0] == ms * 1000) for ms in _WINDOWS]
    assert handled == [4 * MIB, 4 * MIB, 4 * MIB, 4096]
    assert int(state.schemes["qt_exceeds"][0, 0]) == 0
    assert int(state.schemes["nr_snapshots"][0, 0]) == 0


def test_regions_start_whole_and_are_not_split_above_half() -> None:
    """6.12 neither cuts given regions to min_nr_regions nor splits above half of the most."""
    one = Target(regions=(AddressRange(0, 64 * MIB),))
    wide = Context(Ops.PADDR, (one,), Attrs(min_nr_regions=10, max_nr_regions=40))
    assert int(_loaded(wide).regions.nr_regions[0]) == 1
    assert int(_loaded(wide, kernel="7.3").regions.nr_regions[0]) == 10
    half = _context(attrs=Attrs(min_nr_regions=3, max_nr_regions=6))
    state, _ = _run(_loaded(half), 100_000, _accesses([(0, 0, 900), (2, 0, 900)]))
    assert int(state.contexts["draws"][0]) == 20 * 4
    assert int(state.contexts["last_nr_regions"][0]) == 0


def test_commit_waits_for_a_window_and_goals_do_not() -> None:
    """A whole commit is taken at an aggregation's end, goals alone before the next sample."""
    goal = QuotaGoal(GoalMetric.USER_INPUT, 100)
    scheme = replace(ALL, quota=Quota(goals=(goal,)))
    state, _ = _run(_loaded(_context(scheme)), 30_000)
    other = replace(scheme, action=Action.COLD, quota=Quota(goals=(replace(goal, target_value=7),)))
    state, _ = _run(request_goals(state, [0], _context(other)), 35_000)
    assert int(state.goals["target_value"][0, 0, 0]) == 7
    state, _ = _run(request_commit(state, [0], _context(other)), 95_000)
    assert int(state.schemes["action"][0, 0]) == 10
    state, _ = _run(state, 100_000)
    assert int(state.schemes["action"][0, 0]) == 1


def test_pressure_counts_from_zero() -> None:
    """The first growth of a PSI goal is the whole total, and commits keep the base."""
    goal = QuotaGoal(GoalMetric.SOME_MEM_PSI_US, 1000)
    scheme = replace(ALL, quota=Quota(goals=(goal,), reset_interval_ms=100))
    state = _loaded(_context(scheme))
    world = empty_script(3, 64)._replace(
        goal_first=np.array([[0, 1]], np.int64), goal_series=np.array([[0, 1500]], np.uint64)
    )
    state, _ = _run(state, 200_000, world)
    assert int(state.goals["base"][0, 0, 0]) == 1500
    assert int(state.schemes["esz"][0, 0]) == 1
    state, _ = _run(request_commit(state, [0], _context(scheme)), 300_000, world)
    assert int(state.schemes["esz"][0, 0]) == 2


def test_fast_monitor_keeps_moving_sums() -> None:
    """Many samples at once lead to the same moving sum as one after the other."""
    world = _accesses([(p, 0, 2000) for p in range(4)])
    sums = []
    for monitor in (EXACT, FAST):
        state, _ = _run(_loaded(_context(), monitor=monitor), 1_030_000, world)
        sums.append(state.regions.nr_accesses_bp[0, :2].tolist())
    assert sums[0] == sums[1]
    assert sums[0][0] == 200_000


ALLOW = Filter(FilterType.ADDR, allow=True, address_range=AddressRange(0, MIB))
NODE_GOAL = Quota(goals=(QuotaGoal(GoalMetric.NODE_MEM_FREE_BP, 50),))
TUNED = Intervals(goal=IntervalsGoal(400, 3, 1000, 10_000))


@pytest.mark.parametrize(
    ("what", "feature", "since"),
    [
        (_context(pause=True), "pause", "7.2"),
        (_context(attrs=Attrs(TUNED)), "intervals_goal", "6.15"),
        (_context(Scheme(filters=(ALLOW,))), "filters that allow", "6.14"),
        (_context(Scheme(quota=NODE_GOAL)), "quota goal node_mem_free_bp", "6.16"),
        (_context(Scheme(max_nr_snapshots=1)), "max_nr_snapshots", "7.0"),
        (_context(Scheme(action=Action.COLLAPSE)), "action collapse", "7.2"),
        (
            _context(Scheme(quota=Quota(goal_tuner=GoalTuner.TEMPORAL))),
            "goal tuner temporal",
            "7.1",
        ),
        (_context(Scheme(quota=Quota(fail_charge_denom=2))), "fail_charge_num", "7.2"),
    ],
)
def test_newer_features_are_refused(what: Context, feature: str, since: str) -> None:
    """What 6.12 lacks is refused by name with the version that has it, at start and commit."""
    with pytest.raises(MachineError, match=rf"does not know {feature}.*kernel {since} or later"):
        _loaded(what)
    with pytest.raises(MachineError, match=f"does not know {feature}"):
        request_commit(_loaded(_context()), [0], what)
    _loaded(what, kernel="7.3")


def test_unknown_kernels_and_missing_room_are_refused() -> None:
    """Only 7.3 and 6.12 can be chosen, and 6.12 needs room for its moving sums."""
    with pytest.raises(DamosrlError, match="unknown kernel"):
        _loaded(_context(), kernel="6.1")
    with pytest.raises(MachineError, match="legacy=True"):
        load_context(allocate(1), 0, _context(), 1, kernel="6.12")


def test_pattern_sees_the_kept_moving_sum() -> None:
    """Schemes between aggregations match by the moving sum that 6.12 keeps."""
    hot = Scheme(access_pattern=AccessPattern(nr_accesses=Range(15, 20)), apply_interval_us=5_000)
    world = _accesses([(0, 0, 200)])
    _run(_loaded(_context(hot)), 240_000, world)
    rows = world.applied[: world.lengths[APPLIED]].tolist()
    assert [row[5] for row in rows if row[0] > 200_000 and row[3] == 0] == [18, 17, 16, 15]
    assert int(world.lengths[AGGREGATION]) == 2
