"""Online commits: what is kept, what is overwritten, when it takes effect (semantics 2.14)."""

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
    WatermarkMetric,
    Watermarks,
    Weights,
)
from damosrl.emulator.engine import run_until
from damosrl.emulator.loading import load_context, write_field
from damosrl.emulator.scripted import ScriptedWorld, empty_script
from damosrl.emulator.staging import (
    joined_ranges,
    request_commit,
    request_goals,
    with_tuned_intervals,
)
from damosrl.emulator.state import (
    CONTEXT,
    EXACT,
    NO_TARGET,
    SCHEME,
    SCHEME_STATE,
    EngineState,
    allocate,
)
from damosrl.errors import DocumentError, MachineError
from damosrl.machine import GOAL_TUNER_CODES, SchemeField, with_field

MIB = 1 << 20
PSI_GOAL = QuotaGoal(GoalMetric.SOME_MEM_PSI_US, target_value=1000)
USER_GOAL = QuotaGoal(GoalMetric.USER_INPUT, target_value=1000, current_value=500)
QUOTA = Quota(sz_bytes=4 * MIB, reset_interval_ms=100, goals=(USER_GOAL,))
SCHEME_A = Scheme(action=Action.PAGEOUT, access_pattern=AccessPattern(), quota=QUOTA)
SCHEME_B = Scheme(action=Action.STAT, access_pattern=AccessPattern())


def _target(*ranges: tuple[int, int], obsolete: bool = False) -> Target:
    regions = tuple(AddressRange(low * MIB, high * MIB) for low, high in ranges)
    return Target(pid=1, regions=regions, obsolete=obsolete)


def _context(*schemes: Scheme, targets: tuple[Target, ...] = (), **parts: Any) -> Context:
    parts.setdefault("attrs", Attrs(min_nr_regions=4, max_nr_regions=40))
    return Context(Ops.FVADDR, targets or (_target((0, 64)),), schemes=schemes, **parts)


def _loaded(what: Context, *, until_us: int = 0, seed: int = 1) -> EngineState:
    state = allocate(1, region_capacity=256, schemes=2, goals=2, filters=2)
    load_context(state, 0, what, seed, monitor=EXACT)
    return _run(state, until_us)


def _run(state: EngineState, until_us: int, world: ScriptedWorld | None = None) -> EngineState:
    run_until(state, world or empty_script(3), 0, 1, np.array([until_us]))
    return state


def _ages(state: EngineState) -> list[int]:
    ages: list[int] = state.regions.age[0, : state.regions.nr_regions[0]].tolist()
    return ages


def _spans(state: EngineState) -> list[tuple[int, int, int]]:
    regions, used = state.regions, int(state.regions.nr_regions[0])
    rows = zip(regions.target[0], regions.start[0], regions.end[0], strict=True)
    return [(int(t), int(start) // MIB, int(end) // MIB) for t, start, end in list(rows)[:used]]


def test_commit_waits_for_the_next_sample() -> None:
    """A commit is not seen before one more sample is taken, and is in force right after it."""
    state = request_commit(_loaded(_context(SCHEME_A), until_us=30_000), [0], _context(SCHEME_B))
    assert int(state.schemes["action"][0, 0]) == 2
    _run(state, 35_000)
    assert int(state.schemes["action"][0, 0]) == 10
    assert int(state.contexts["request"][0]) == 0


def test_parameters_change_and_state_stays() -> None:
    """Statistics, quota state, cursor and schedule stay; everything else is overwritten."""
    state = _loaded(_context(SCHEME_A), until_us=1_230_000)
    before = state.schemes.copy()
    changed = Scheme(
        action=Action.LRU_DEPRIO,
        access_pattern=AccessPattern(nr_accesses=Range(0, 7), age=Range(2, 9)),
        target_nid=3,
        apply_interval_us=70_000,
        quota=Quota(
            time_ms=5,
            sz_bytes=MIB,
            reset_interval_ms=300,
            weights=Weights(1, 2, 3),
            goal_tuner=GoalTuner.TEMPORAL,
            fail_charge_num=1,
            fail_charge_denom=2,
        ),
        watermarks=Watermarks(WatermarkMetric.FREE_MEM_RATE, 1000, 900, 500, 100),
        max_nr_snapshots=77,
    )
    world = empty_script(3)._replace(free_mem=np.array([[0, 300]], np.uint64))
    state = request_commit(state, [0], _context(changed))
    _run(state, 1_235_000, world)
    fresh = _loaded(_context(changed))
    for name in SCHEME.names or ():
        source = before if name in SCHEME_STATE and not name.startswith("nr_goals") else None
        wanted = fresh.schemes if source is None else source
        assert state.schemes[name][0, 0] == wanted[name][0, 0], name


def test_changed_apply_interval_waits_for_the_scheduled_pass() -> None:
    """A changed apply interval counts from the pass that was scheduled before the commit."""
    state = _loaded(_context(SCHEME_B), until_us=105_000)
    faster = replace(SCHEME_B, apply_interval_us=10_000)
    state = request_commit(state, [0], _context(faster))
    _run(state, 195_000)
    assert int(state.schemes["nr_snapshots"][0, 0]) == 1
    _run(state, 215_000)
    assert int(state.schemes["nr_snapshots"][0, 0]) == 3


def test_schemes_are_appended_and_dropped() -> None:
    """New schemes start untouched an apply interval later; surplus ones are gone for good."""
    state = _loaded(_context(SCHEME_A), until_us=1_000_000)
    tried = int(state.schemes["nr_tried"][0, 0])
    state = request_commit(state, [0], _context(SCHEME_A, SCHEME_B, SCHEME_B))
    _run(state, 1_005_000)
    assert state.schemes["nr_tried"][0].tolist() == [tried, 0, 0]
    assert int(state.schemes["next_apply"][0, 2]) == 201 + 20
    _run(state, 1_200_000)
    assert int(state.schemes["nr_tried"][0, 2]) > 0
    state = request_commit(state, [0], _context(SCHEME_A))
    _run(state, 1_300_000)
    assert int(state.contexts["nr_schemes"][0]) == 1
    state = request_commit(state, [0], _context(SCHEME_A, SCHEME_B))
    _run(state, 1_305_000)
    assert int(state.schemes["nr_tried"][0, 1]) == 0
    assert int(state.schemes["nr_tried"][0, 0]) >= tried


def test_goals_are_replaced_by_index() -> None:
    """Metric and target come from the commit; the current value only where the user gives it."""
    state = _loaded(_context(replace(SCHEME_A, quota=replace(QUOTA, goals=(PSI_GOAL,)))))
    _run(state, 500_000)
    assert int(state.goals["has_base"][0, 0, 0]) == 1
    goals = (replace(PSI_GOAL, target_value=70), USER_GOAL, USER_GOAL)
    new = _context(replace(SCHEME_A, quota=replace(QUOTA, sz_bytes=1, goals=goals)))
    for request, quota_bytes in ((request_goals, 4 * MIB), (request_commit, 1)):
        state = request(state, [0], new)
        _run(state, int(state.contexts["now_us"][0]) + 1)
        assert int(state.schemes["nr_goals"][0, 0]) == 3
        assert state.goals["target_value"][0, 0].tolist() == [70, 1000, 1000]
        assert state.goals["current_value"][0, 0, 1:].tolist() == [500, 500]
        assert not state.goals["has_base"][0, 0].any()
        assert int(state.schemes["quota_bytes"][0, 0]) == quota_bytes


def test_filters_are_replaced_by_index() -> None:
    """Filters and the default that follows from the last of them are those of the commit."""
    allow = Filter(FilterType.ADDR, allow=True, address_range=AddressRange(0, 8 * MIB))
    state = _loaded(_context(SCHEME_B), until_us=100_000)
    state = request_commit(state, [0], _context(replace(SCHEME_B, filters=(allow,))))
    _run(state, 300_000)
    record = state.schemes[0, 0]
    assert (int(record["nr_filters"]), int(record["default_reject"])) == (1, 1)
    before = int(record["sz_tried"])
    _run(state, 400_000)
    assert int(state.schemes["sz_tried"][0, 0]) == before + 8 * MIB


def test_targets_come_and_go() -> None:
    """Obsolete and surplus targets go, new ones come, the rest keep regions and get new indices."""
    targets = (_target((0, 8)), _target((8, 16)), _target((16, 24)))
    state = _loaded(_context(targets=targets), until_us=100_000)
    kept = [(t - 1, low, high) for t, low, high in _spans(state) if t in (1, 2)]
    gone = replace(targets[0], obsolete=True)
    state = request_commit(state, [0], _context(targets=(gone, Target(pid=1), Target(pid=1))))
    _run(state, 105_000)
    assert _spans(state) == kept
    state = request_commit(state, [0], _context(targets=(Target(pid=1),)))
    _run(state, 110_000)
    assert {t for t, _, _ in _spans(state)} == {0}
    joined = _target((40, 44), (44, 48), (50, 51))
    state = request_commit(state, [0], _context(targets=(Target(pid=1), joined)))
    _run(state, 115_000)
    assert [item for item in _spans(state) if item[0] == 1] == [(1, 40, 48), (1, 50, 51)]


def test_regions_are_fitted_to_new_ranges() -> None:
    """Ranges of a commit move a target's borders; what was learnt inside is kept."""
    span = np.array([[0, 64 * MIB, 0, 2**64 - 1]], np.uint64)
    world = empty_script(3)._replace(access_target=np.zeros(1, np.int64), access_span=span)
    state = _run(_loaded(_context()), 1_000_000, world)
    state = request_commit(state, [0], _context(targets=(_target((32, 96)),)))
    _run(state, 1_005_000, world)
    spans = _spans(state)
    assert (spans[0][1], spans[-1][2]) == (32, 96)
    assert int(state.regions.last_nr_accesses[0, 0]) == 20
    assert int(state.regions.age[0, 0]) > 0


def test_obsolete_target_must_exist() -> None:
    """An obsolete target beyond the running ones is refused, and nothing is staged."""
    state = _loaded(_context(SCHEME_A), until_us=100_000)
    bad = _context(targets=(_target((0, 64)), _target((64, 65), obsolete=True)))
    with pytest.raises(DocumentError, match=r"EINVAL.*obsolete target 1; allowed: 0\.\.0"):
        request_commit(state, [0], bad)
    assert int(state.contexts["request"][0]) == 0


def test_cursor_follows_its_target() -> None:
    """The charge cursor goes with its target to a new index, and is cleared with a removed one."""
    small = replace(SCHEME_A, quota=Quota(sz_bytes=MIB, reset_interval_ms=10_000))
    targets = (_target((0, 8)), _target((8, 16)))
    for obsolete, cursor in ((0, 0), (1, NO_TARGET)):
        state = _loaded(_context(small, targets=targets), until_us=50_000)
        state.schemes["cursor_target"][0, 0] = 1
        state.schemes["cursor_addr"][0, 0] = 9 * MIB
        new = tuple(replace(t, obsolete=i == obsolete) for i, t in enumerate(targets))
        state = request_commit(state, [0], _context(small, targets=new))
        _run(state, 55_000)
        assert int(state.schemes["cursor_target"][0, 0]) == cursor
        assert int(state.schemes["cursor_addr"][0, 0]) == (9 * MIB if cursor == 0 else 0)


def test_equal_attributes_leave_schedules_alone() -> None:
    """A commit of the attributes in force converts nothing and restarts nothing."""
    state = _loaded(_context(SCHEME_B), until_us=1_030_000)
    marks = ("next_aggr", "next_ops", "next_tune", "aggr_samples")
    before = [int(state.contexts[name][0]) for name in marks]
    ages = _ages(state)
    state = _run(request_commit(state, [0], _context(SCHEME_B)), 1_035_000)
    assert [int(state.contexts[name][0]) for name in marks] == before
    assert _ages(state) == ages


def test_new_attributes_convert_and_restart() -> None:
    """New intervals rescale ages and counts and start all schedules at the commit."""
    state = _loaded(_context(SCHEME_B), until_us=1_030_000)
    ages = _ages(state)
    slower = Attrs(Intervals(10_000, 200_000), min_nr_regions=4, max_nr_regions=40)
    state = _run(request_commit(state, [0], _context(SCHEME_B, attrs=slower)), 1_035_000)
    assert int(state.contexts["next_aggr"][0]) == 207 + 20
    assert int(state.schemes["next_apply"][0, 0]) == 207 + 20
    assert _ages(state) == [age // 2 for age in ages]
    assert not state.regions.nr_accesses[0].any()  # in the middle of an aggregation
    _run(state, 1_035_000 + 200_000)
    assert int(state.schemes["nr_snapshots"][0, 0]) == 11


def test_commit_at_a_boundary_keeps_the_old_window_end() -> None:
    """At an aggregation's end the next window begins at that end, with the new intervals."""
    state = _loaded(_context(SCHEME_B), until_us=95_000)
    slower = Attrs(Intervals(10_000, 400_000), min_nr_regions=4, max_nr_regions=40)
    state = _run(request_commit(state, [0], _context(SCHEME_B, attrs=slower)), 100_000)
    assert int(state.contexts["next_aggr"][0]) == 20 + 40
    assert int(state.schemes["next_apply"][0, 0]) == 20 + 40


def test_untuned_document_reverts_tuning() -> None:
    """A commit restores the document's intervals unless the tuned ones were copied into it."""
    goal = IntervalsGoal(access_bp=400, aggrs=2, min_sample_us=5000, max_sample_us=80_000)
    what = _context(SCHEME_B, attrs=Attrs(Intervals(goal=goal), 4, 40))
    state = _loaded(what, until_us=1_000_000)
    tuned = int(state.contexts["sample_us"][0])
    assert tuned > 5000
    now = int(state.contexts["now_us"][0])
    state = request_commit(state, [0], with_tuned_intervals(state, 0, what))
    _run(state, now + 1)
    assert int(state.contexts["sample_us"][0]) == tuned
    state = request_commit(state, [0], what)
    _run(state, int(state.contexts["now_us"][0]) + 1)
    assert int(state.contexts["sample_us"][0]) == 5000


def test_goal_enabled_late_tunes_each_aggregation() -> None:
    """A commit leaves the tuning schedule as it was: it catches up from 0 by one per window."""
    goal = IntervalsGoal(access_bp=400, aggrs=5, min_sample_us=5000, max_sample_us=5000)
    state = _loaded(_context(SCHEME_B), until_us=1_000_000)
    attrs = Attrs(Intervals(goal=goal), 4, 40)
    state = _run(request_commit(state, [0], _context(SCHEME_B, attrs=attrs)), 1_005_000)
    assert int(state.contexts["next_tune"][0]) == 0
    _run(state, 1_105_000)
    assert int(state.contexts["next_tune"][0]) == 100
    _run(state, 1_205_000)
    assert int(state.contexts["next_tune"][0]) == 200


def test_pause_stops_sampling_until_a_commit_ends_it() -> None:
    """A paused context serves requests once per interval, then finishes its iteration."""
    state = _loaded(_context(SCHEME_B), until_us=95_000)
    state = _run(request_commit(state, [0], _context(SCHEME_B, pause=True)), 500_000)
    assert int(state.contexts["passed"][0]) == 20
    assert int(state.schemes["nr_snapshots"][0, 0]) == 0
    state = _run(request_commit(state, [0], _context(SCHEME_B)), 505_000)
    assert int(state.schemes["nr_snapshots"][0, 0]) == 1
    assert int(state.contexts["passed"][0]) == 21
    assert int(state.contexts["next_aggr"][0]) == 40


def test_commit_during_watermark_sleep_wakes() -> None:
    """A commit waits for the watermark check, activates, and the check is made again."""
    marks = Watermarks(WatermarkMetric.FREE_MEM_RATE, 100_000, 500, 400, 200)
    world = empty_script(3)._replace(free_mem=np.array([[0, 900], [150_000, 450]], np.uint64))
    asleep = replace(SCHEME_B, watermarks=marks)
    state = _run(_loaded(_context(asleep)), 250_000, world)
    assert (int(state.contexts["now_us"][0]), int(state.contexts["passed"][0])) == (300_000, 0)
    state = _run(request_commit(state, [0], _context(asleep)), 310_000, world)
    assert int(state.schemes["activated"][0, 0]) == 1
    assert int(state.contexts["passed"][0]) == 2


def test_shortest_wait_is_kept_over_a_commit() -> None:
    """A commit of a longer watermark interval does not lengthen the wait that goes on."""
    marks = Watermarks(WatermarkMetric.FREE_MEM_RATE, 100_000, 500, 400, 200)
    world = empty_script(3)._replace(free_mem=np.array([[0, 900]], np.uint64))
    state = _run(_loaded(_context(replace(SCHEME_B, watermarks=marks))), 50_000, world)
    longer = replace(SCHEME_B, watermarks=replace(marks, interval_us=1_000_000))
    state = _run(request_commit(state, [0], _context(longer)), 150_000, world)
    assert int(state.contexts["now_us"][0]) == 200_000


def test_goals_alone_do_not_overtake_a_commit() -> None:
    """While a whole commit waits, committing goals alone is refused as busy."""
    state = request_commit(_loaded(_context(SCHEME_A)), [0], _context(SCHEME_A))
    with pytest.raises(MachineError, match="EBUSY"):
        request_goals(state, [0], _context(SCHEME_A))


def test_joined_ranges_of_nothing() -> None:
    """A target without ranges has none after joining either."""
    assert joined_ranges([], 4096) == []


_VALUES = {
    SchemeField.QUOTA_BYTES: st.integers(0, 2**62),
    SchemeField.MIN_NR_ACCESSES: st.integers(0, 5),
    SchemeField.MAX_NR_ACCESSES: st.integers(5, 2**33),
    SchemeField.MIN_AGE: st.integers(0, 5),
    SchemeField.MAX_AGE: st.integers(5, 2**33),
    SchemeField.GOAL_TARGET: st.integers(1, 2**40),
    SchemeField.GOAL_TUNER: st.integers(0, len(GOAL_TUNER_CODES) - 1),
}


@st.composite
def _fields(draw: st.DrawFn) -> tuple[SchemeField, int]:
    field = draw(st.sampled_from(list(_VALUES)))
    return field, draw(_VALUES[field])


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    _fields(),
    st.integers(0, 700_000),
    st.sampled_from([PSI_GOAL, USER_GOAL]),
    st.lists(st.integers(0, 1000), min_size=1, max_size=8),
)
def test_number_equals_whole_commit(
    change: tuple[SchemeField, int], at_us: int, goal: QuotaGoal, free: list[int]
) -> None:
    """Writing one number leads to the same state as committing the document that has it."""
    field, value = change
    marks = Watermarks(WatermarkMetric.FREE_MEM_RATE, 35_000, 700, 500, 200)
    scheme = replace(
        SCHEME_A,
        access_pattern=AccessPattern(nr_accesses=Range(5, 5), age=Range(5, 5)),
        quota=replace(QUOTA, goals=(goal,)),
        watermarks=marks,
    )
    series = [(50_000 * place, permil) for place, permil in enumerate(free)]
    world = empty_script(3)._replace(free_mem=np.array(series, np.uint64))
    what = _context(scheme, replace(SCHEME_B, watermarks=replace(marks, high_permil=600)))
    numbers = _run(_loaded(what), at_us, world)
    whole = _run(_loaded(what), at_us, world)
    write_field(numbers, np.array([0]), 0, field, np.array([value]))
    changed = with_field(scheme, field, value)
    if changed == scheme:
        return
    whole = request_commit(whole, [0], replace(what, schemes=(changed, what.schemes[1])))
    for later_us in (1, 50_000, 400_000):
        _run(numbers, at_us + later_us, world)
        _run(whole, at_us + later_us, world)
        if not whole.contexts["request"][0]:  # its slot is behind
            _assert_equal(numbers, whole)


def _assert_equal(numbers: EngineState, whole: EngineState) -> None:
    for name in CONTEXT.names or ():
        assert np.array_equal(numbers.contexts[name], whole.contexts[name]), name
    for name in SCHEME.names or ():
        if name != "nr_goals_defined":  # what a number's commit can put back in force
            assert np.array_equal(numbers.schemes[name], whole.schemes[name]), name
    for s in range(2):
        goals = int(numbers.schemes["nr_goals"][0, s])
        assert np.array_equal(numbers.goals[0, s, :goals], whole.goals[0, s, :goals])
    used = int(numbers.regions.nr_regions[0])
    assert int(whole.regions.nr_regions[0]) == used
    for name in ("start", "end", "nr_accesses", "last_nr_accesses", "age", "target"):
        one, other = getattr(numbers.regions, name), getattr(whole.regions, name)
        assert np.array_equal(one[0, :used], other[0, :used]), name
