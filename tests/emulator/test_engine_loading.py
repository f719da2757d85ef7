"""Contexts enter the arrays whole or not at all; commits change one number and keep the rest."""

from dataclasses import replace

import numpy as np
import pytest

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
    Ops,
    Quota,
    QuotaGoal,
    Scheme,
    Target,
    WatermarkMetric,
    Watermarks,
)
from damosrl.emulator.conformance.rig import get_regions, rig
from damosrl.emulator.engine import run_until
from damosrl.emulator.fitting import set_regions
from damosrl.emulator.loading import check_status, load_context, write_field
from damosrl.emulator.scripted import empty_script
from damosrl.emulator.state import EngineState, allocate
from damosrl.emulator.targets import aligned_ranges
from damosrl.errors import DamosrlError, DocumentError, EmulatorLimitError
from damosrl.machine import SchemeField

MIB = 1 << 20
GOAL = QuotaGoal(GoalMetric.SOME_MEM_PSI_US, target_value=1000)
SCHEME = Scheme(
    action=Action.PAGEOUT,
    access_pattern=AccessPattern(),
    quota=Quota(sz_bytes=4 * MIB, reset_interval_ms=100, goals=(GOAL,)),
)


def _context(*schemes: Scheme, attrs: Attrs | None = None, pause: bool = False) -> Context:
    target = Target(regions=(AddressRange(0, 64 * MIB),))
    return Context(Ops.PADDR, (target,), attrs or Attrs(), schemes, pause=pause)


def _loaded(*schemes: Scheme, number: int = 1) -> EngineState:
    state = allocate(number, region_capacity=256)
    for c in range(number):
        load_context(state, c, _context(*schemes), seed=c)
    return state


def test_size_cap_is_applied_at_start() -> None:
    """A fresh context has at least min_nr_regions regions, all schedules start at zero."""
    state = _loaded(SCHEME)
    assert int(state.regions.nr_regions[0]) == 10
    assert int(state.contexts["next_aggr"][0]) == 20
    assert int(state.schemes["next_apply"][0, 0]) == 20


def test_reload_forgets_everything() -> None:
    """Loading a context again equals loading it for the first time."""
    state, fresh = _loaded(SCHEME), _loaded(SCHEME)
    run_until(state, empty_script(), 0, 1, np.array([3_000_000]))
    assert int(state.schemes["nr_tried"][0, 0]) > 0
    load_context(state, 0, _context(SCHEME), seed=0)
    run_until(state, empty_script(), 0, 1, np.array([700_000]))
    run_until(fresh, empty_script(), 0, 1, np.array([700_000]))
    assert np.array_equal(state.contexts, fresh.contexts)
    assert np.array_equal(state.schemes, fresh.schemes)


@pytest.mark.parametrize(
    ("field", "column", "value"),
    [
        (SchemeField.QUOTA_BYTES, "quota_bytes", 8 * MIB),
        (SchemeField.MIN_NR_ACCESSES, "min_nr_accesses", 3),
        (SchemeField.MAX_NR_ACCESSES, "max_nr_accesses", 7),
        (SchemeField.MIN_AGE, "min_age", 11),
        (SchemeField.MAX_AGE, "max_age", 13),
    ],
)
def test_write_field_changes_one_number(field: SchemeField, column: str, value: int) -> None:
    """A commit changes its number in the chosen contexts and keeps all counters."""
    state = _loaded(SCHEME, number=3)
    run_until(state, empty_script(), 0, 3, np.full(3, 1_000_000))
    before = state.schemes.copy()
    write_field(state, np.array([0, 2]), 0, field, np.array([value, value]))
    assert state.schemes[column][:, 0].tolist() == [value, before[column][1, 0], value]
    before[column][[0, 2]] = value
    assert np.array_equal(state.schemes, before)


def test_bounds_are_cut_to_32_bits() -> None:
    """Counts and ages of a pattern are 32 bit in the kernel: 2^32 + 5 means 5."""
    state = _loaded(SCHEME)
    write_field(state, np.array([0]), 0, SchemeField.MIN_AGE, np.array([2**32 + 5]))
    assert int(state.schemes["min_age"][0, 0]) == 5


def test_goals_are_left_out_and_return() -> None:
    """Goal tuner 0 takes the goals out of force, 1 and 2 put them back with that tuner."""
    state = _loaded(SCHEME)
    seen = []
    for code in (0, 2, 1):
        write_field(state, np.array([0]), 0, SchemeField.GOAL_TUNER, np.array([code]))
        record = state.schemes[0, 0]
        seen.append((int(record["nr_goals"]), int(record["tuner"])))
    assert seen == [(0, 0), (1, 1), (1, 0)]


def test_change_restarts_pressure_and_wakes_schemes() -> None:
    """A real change invalidates the PSI base and activates; no change leaves both alone."""
    marks = Watermarks(WatermarkMetric.FREE_MEM_RATE, 0, 500, 400, 0)
    state = _loaded(replace(SCHEME, watermarks=marks))
    run_until(state, empty_script(), 0, 1, np.array([200_000]))
    state.schemes["activated"] = 0
    write_field(state, np.array([0]), 0, SchemeField.GOAL_TARGET, np.array([1000]))
    assert (int(state.goals["has_base"][0, 0, 0]), int(state.schemes["activated"][0, 0])) == (1, 0)
    write_field(state, np.array([0]), 0, SchemeField.GOAL_TARGET, np.array([2000]))
    assert int(state.goals["has_base"][0, 0, 0]) == 0
    between = empty_script()._replace(free_mem=np.array([[0, 450]], np.uint64))
    run_until(state, between, 0, 1, np.array([205_000]))
    assert int(state.schemes["activated"][0, 0]) == 1
    assert int(state.goals["target_value"][0, 0, 0]) == 2000


def test_goal_tuner_survives_leaving_out() -> None:
    """Leaving goals out makes the byte quota rule at once in the next window."""
    state, world = _loaded(SCHEME), empty_script()
    run_until(state, world, 0, 1, np.array([500_000]))
    assert int(state.schemes["esz"][0, 0]) < 4 * MIB
    write_field(state, np.array([0]), 0, SchemeField.GOAL_TUNER, np.array([0]))
    run_until(state, world, 0, 1, np.array([700_000]))
    assert int(state.schemes["esz"][0, 0]) == 4 * MIB


def test_full_region_array_is_an_error() -> None:
    """More regions than there is room for stop the context, and the error names the limit."""
    state = allocate(1, region_capacity=12)
    load_context(state, 0, _context(), seed=1)
    assert run_until(state, empty_script(), 0, 1, np.array([1_000_000])) == 1
    with pytest.raises(EmulatorLimitError, match="allowed: 12"):
        check_status(state)
    with pytest.raises(EmulatorLimitError, match="region capacity"):  # the size cap alone
        load_context(allocate(1, region_capacity=5), 0, _context(), seed=1)


def test_stopped_context_can_be_loaded_again() -> None:
    """One stopped context neither keeps others from being loaded nor itself."""
    state = allocate(2, region_capacity=12)
    for c in (0, 1):
        load_context(state, c, _context(), seed=c)
    assert run_until(state, empty_script(), 1, 2, np.array([0, 1_000_000])) == 1
    load_context(state, 0, _context(), seed=1)
    load_context(state, 1, _context(), seed=1)
    check_status(state)


def test_missing_room_is_an_error() -> None:
    """A context with more schemes, goals or filters than allocated is refused."""
    condition = Filter(FilterType.TARGET, damon_target_idx=0)
    goals = Quota(goals=(GOAL, GOAL))
    for scheme in (Scheme(filters=(condition,) * 2), Scheme(quota=goals)):
        with pytest.raises(EmulatorLimitError, match=r"more (goals|filters) of a scheme"):
            load_context(allocate(1), 0, _context(scheme), seed=1)
    with pytest.raises(EmulatorLimitError, match="more schemes than allocated"):
        load_context(allocate(1), 0, _context(SCHEME, SCHEME), seed=1)


def test_what_is_not_emulated_is_refused() -> None:
    """Unknown modes are named, not ignored."""
    state = allocate(1)
    with pytest.raises(DamosrlError, match="monitor mode"):
        load_context(state, 0, _context(), seed=1, monitor=2)
    with pytest.raises(DamosrlError, match="overshoot"):
        load_context(state, 0, _context(), seed=1, overshoot=0.0)


def test_paused_context_only_passes_time() -> None:
    """A context that starts paused stops at its first request slot; only its time passes."""
    state = allocate(1)
    load_context(state, 0, _context(SCHEME, pause=True), seed=1)
    run_until(state, empty_script(), 0, 1, np.array([500_000]))
    assert int(state.contexts["now_us"][0]) == 500_000
    assert int(state.contexts["passed"][0]) == 1


def test_watermark_wait_spans_calls() -> None:
    """A context that waits for its watermarks across two calls wakes when memory is short."""
    marks = Watermarks(WatermarkMetric.FREE_MEM_RATE, 130_000, 500, 400, 200)
    state = allocate(1)
    load_context(state, 0, _context(Scheme(watermarks=marks)), seed=1)
    series = np.array([[0, 900], [1_000_000, 300]], np.uint64)
    world = empty_script()._replace(free_mem=series)
    run_until(state, world, 0, 1, np.array([700_000]))
    assert int(state.contexts["passed"][0]) == 0
    run_until(state, world, 0, 1, np.array([2_000_000]))
    assert int(state.contexts["passed"][0]) > 0
    assert int(state.schemes["activated"][0, 0]) == 1


def test_tuner_codes_follow_the_kernel() -> None:
    """The state holds the tuner's place in the kernel's enumeration."""
    temporal = Scheme(quota=Quota(goals=(GOAL,), goal_tuner=GoalTuner.TEMPORAL))
    assert int(_loaded(temporal).schemes["tuner"][0, 0]) == 1


@pytest.mark.parametrize(
    ("old", "ranges", "new"),
    [
        ([], [(5, 15), (15, 25)], [(5, 15), (15, 25)]),
        ([(4, 16), (24, 32)], [(18, 23)], [(18, 23)]),
        ([(4, 16), (24, 32)], [(8, 28)], [(8, 16), (16, 24), (24, 28)]),
        ([(0, 4), (4, 17)], [(0, 15), (25, 40)], [(0, 4), (4, 15), (25, 40)]),
        ([(0, 4), (42, 52)], [(0, 15), (25, 40), (44, 50)], [(0, 15), (25, 40), (44, 50)]),
    ],
)
def test_set_regions(
    old: list[tuple[int, int]], ranges: list[tuple[int, int]], new: list[tuple[int, int]]
) -> None:
    """The five cases of the kernel's own unit test (semantics 1.3)."""
    before = [[start, end, 7, 8, 9] for start, end in old]
    state = rig([before, [[0, 50, 1, 2, 3]]], context={"min_region_sz": 1})
    set_regions(state, 0, 0, np.array([ranges], np.uint64).swapaxes(1, 2))
    fitted, other = get_regions(state)
    assert [(start, end) for start, end, *_ in fitted] == new
    assert other == [[0, 50, 1, 2, 3]]


def test_set_regions_refuses_disorder() -> None:
    """Ranges that overlap after alignment are refused."""
    with pytest.raises(DocumentError, match="empty or overlap"):
        aligned_ranges([(0, 5000), (6000, 9000)], 4096)


def test_the_last_page_of_all_cannot_be_watched() -> None:
    """An end rounded up to 2^64 wraps to 0: the range is empty, as in the kernel."""
    with pytest.raises(DocumentError, match="empty or overlap"):
        aligned_ranges([(4096, 2**64 - 1)], 4096)
    assert aligned_ranges([(4096, 2**64 - 4096)], 4096) == [(4096, 2**64 - 4096)]
    assert aligned_ranges([(4096, 2**64 - 1)], 1) == [(4096, 2**64 - 1)]
