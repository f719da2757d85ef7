"""Documents that would run for ever or for hours end with an error that names the limit."""

import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damosrl.damon import (
    U64_MAX,
    AccessPattern,
    Action,
    AddressRange,
    Attrs,
    Context,
    Filter,
    FilterType,
    GoalMetric,
    Intervals,
    IntervalsGoal,
    Ops,
    Quota,
    QuotaGoal,
    Scheme,
    Target,
    WatermarkMetric,
    Watermarks,
)
from damosrl.emulator.engine import run_until
from damosrl.emulator.limits import WorkLimits
from damosrl.emulator.loading import check_status, load_context
from damosrl.emulator.scripted import empty_script
from damosrl.emulator.state import EXACT, TOO_MANY_CUTS, EngineState, allocate
from damosrl.errors import EmulatorLimitError

MIB = 1 << 20
TIB = 1 << 40
LEFT = Filter(FilterType.ADDR, address_range=AddressRange(MIB, TIB))
SLICER = Scheme(
    action=Action.PAGEOUT,
    access_pattern=AccessPattern(),
    quota=Quota(sz_bytes=MIB + 4096, reset_interval_ms=1000),
    filters=(LEFT,),
)


def _context(*schemes: Scheme, size: int = TIB, attrs: Attrs | None = None) -> Context:
    return Context(
        Ops.PADDR, (Target(regions=(AddressRange(0, size),)),), attrs or Attrs(), schemes
    )


def _loaded(what: Context, limits: WorkLimits | None = None) -> EngineState:
    state = allocate(1, region_capacity=4096, schemes=max(len(what.schemes), 1), filters=2)
    load_context(state, 0, what, 3, monitor=EXACT, limits=limits)
    return state


def _run(state: EngineState, until_us: int) -> int:
    return run_until(state, empty_script(3), 0, 1, np.array([until_us]))


def test_slicing_trap_is_stopped() -> None:
    """A rest of 4096 bytes cuts rejected memory into a quarter of a billion pieces: refused."""
    state = _loaded(_context(SLICER))
    assert _run(state, 1_000_000) == 1
    assert int(state.contexts["status"][0]) == TOO_MANY_CUTS
    with pytest.raises(EmulatorLimitError, match=r"slices a region.*cuts_per_pass=1000000"):
        check_status(state)
    regions, used = state.regions, int(state.regions.nr_regions[0])
    assert np.array_equal(regions.end[0, : used - 1], regions.start[0, 1:used])
    assert int(regions.end[0, used - 1]) == TIB


def test_smaller_trap_passes_under_a_larger_limit() -> None:
    """The same rule over little memory ends by itself, and a limit below its cuts stops it."""
    small = _context(SLICER, size=16 * MIB)
    assert _run(_loaded(small), 1_000_000) == 0
    assert _run(_loaded(small, WorkLimits(cuts_per_pass=10)), 1_000_000) == 1


def test_work_per_second_is_limited() -> None:
    """Sampling each microsecond meets a limit on regions looked at per emulated second."""
    attrs = Attrs(Intervals(1, 20), min_nr_regions=10, max_nr_regions=100)
    state = _loaded(_context(attrs=attrs), WorkLimits(regions_per_second=100_000))
    assert _run(state, 5_000_000) == 1
    with pytest.raises(EmulatorLimitError, match=r"100000 per emulated second with sample_us=1"):
        check_status(state)
    assert int(state.contexts["now_us"][0]) < 500_000


def test_sane_work_is_not_limited() -> None:
    """The limit grows with the time of a call: a long run of usual intervals passes."""
    state = _loaded(_context(), WorkLimits(regions_per_second=300_000))
    assert _run(state, 20_000_000) == 0


def test_watermarks_each_microsecond_count_as_work() -> None:
    """Checks of sleeping watermarks are work as well."""
    marks = Watermarks(WatermarkMetric.FREE_MEM_RATE, 1, 900, 800, 700)
    state = _loaded(_context(Scheme(watermarks=marks)), WorkLimits(regions_per_second=10_000))
    assert _run(state, 3_000_000) == 1


def test_limits_are_positive() -> None:
    """A limit of nothing is refused."""
    with pytest.raises(EmulatorLimitError, match="regions_per_second"):
        WorkLimits(regions_per_second=0)


_TIMES = st.sampled_from([0, 1, 2, 7, 100, 5000, 100_000, 2**31, 2**32, 2**63, U64_MAX])
_SIZES = st.sampled_from([0, 1, 4095, 4096, 4097, MIB, 2**45, U64_MAX])


@st.composite
def _attrs(draw: st.DrawFn) -> Attrs:
    sample_us, aggr_us = sorted((draw(_TIMES), draw(_TIMES)))
    goal = IntervalsGoal()
    if draw(st.booleans()):
        goal = IntervalsGoal(draw(st.sampled_from([0, 1, 400, U64_MAX])), 1, sample_us, aggr_us)
    lowest = draw(st.sampled_from([3, 10, 200]))
    most = lowest + draw(st.sampled_from([0, 1, 300]))
    return Attrs(Intervals(sample_us, aggr_us, draw(_TIMES), goal), lowest, most)


@st.composite
def _schemes(draw: st.DrawFn) -> Scheme:
    low, high = sorted((draw(_SIZES), draw(_SIZES)))
    addresses = AddressRange(low, high)
    marks = sorted((draw(st.integers(0, 1000)) for _ in range(3)), reverse=True)
    goals = (QuotaGoal(GoalMetric.USER_INPUT, draw(st.sampled_from([1, U64_MAX])), 3),)
    return Scheme(
        action=draw(st.sampled_from(Action)),
        access_pattern=AccessPattern(),
        apply_interval_us=draw(_TIMES),
        quota=Quota(
            time_ms=draw(_TIMES),
            sz_bytes=draw(_SIZES),
            reset_interval_ms=draw(_TIMES),
            goals=goals if draw(st.booleans()) else (),
        ),
        watermarks=Watermarks(draw(st.sampled_from(WatermarkMetric)), draw(_TIMES), *marks),
        filters=(Filter(FilterType.ADDR, draw(st.booleans()), True, address_range=addresses),)
        if draw(st.booleans())
        else (),
    )


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(_attrs(), st.lists(_schemes(), max_size=2), st.sampled_from([4096, MIB, TIB, 2**63]))
def test_odd_documents_end_in_time(attrs: Attrs, schemes: list[Scheme], size: int) -> None:
    """Extreme intervals, quotas and watermarks end within seconds: at their time or at a limit."""
    limits = WorkLimits(cuts_per_pass=100_000, regions_per_second=20_000_000)
    try:
        state = _loaded(_context(*schemes, size=size, attrs=attrs), limits)
    except EmulatorLimitError:
        return  # more regions at the start than there is room for
    begun = time.perf_counter()
    stopped = _run(state, 400_000)
    assert stopped or int(state.contexts["now_us"][0]) >= 400_000
    assert time.perf_counter() - begun < 30.0
    if stopped:
        with pytest.raises(EmulatorLimitError):
            check_status(state)
