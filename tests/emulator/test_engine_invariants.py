"""What holds whatever the parameters: hypothesis looks for a counter-example."""

from typing import Any

import numpy as np
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
    GoalTuner,
    Intervals,
    IntervalsGoal,
    Ops,
    Quota,
    QuotaGoal,
    Range,
    Scheme,
    Target,
    Weights,
)
from damosrl.emulator.engine import run_until
from damosrl.emulator.loading import load_context
from damosrl.emulator.scripted import ScriptedWorld, empty_script
from damosrl.emulator.state import RUNNING, EngineState, allocate

PAGE = 4096
SPACE = 1 << 30
Draw = st.DrawFn


@st.composite
def _targets(draw: Draw) -> tuple[Target, ...]:
    targets = []
    for pid in range(1, draw(st.integers(1, 3)) + 1):
        borders = draw(st.lists(st.integers(0, SPACE // PAGE), min_size=2, max_size=8, unique=True))
        borders = sorted(borders[: len(borders) // 2 * 2])
        pairs = zip(borders[::2], borders[1::2], strict=True)
        ranges = tuple(AddressRange(low * PAGE, high * PAGE) for low, high in pairs)
        targets.append(Target(pid=pid, regions=ranges))
    return tuple(targets)


@st.composite
def _filters(draw: Draw) -> Filter:
    matching, allow = draw(st.booleans()), draw(st.booleans())
    if draw(st.booleans()):
        index = draw(st.integers(0, 3))
        return Filter(FilterType.TARGET, matching, allow, damon_target_idx=index)
    start, end = sorted(draw(st.tuples(st.integers(0, SPACE), st.integers(0, SPACE))))
    return Filter(FilterType.ADDR, matching, allow, address_range=AddressRange(start, end))


@st.composite
def _schemes(draw: Draw) -> Scheme:
    goal = QuotaGoal(GoalMetric.USER_INPUT, 100, draw(st.integers(0, 250)))
    least = draw(st.integers(0, 10))
    return Scheme(
        action=draw(st.sampled_from(Action)),
        access_pattern=AccessPattern(
            nr_accesses=Range(least, draw(st.integers(least, 20))),
            age=Range(0, draw(st.sampled_from([0, 5, 2**32 - 1]))),
        ),
        apply_interval_us=draw(st.sampled_from([0, 5000, 35_000, 100_000, 300_000])),
        quota=Quota(
            sz_bytes=draw(st.sampled_from([0, 1, 10 * PAGE, SPACE // 64])),
            reset_interval_ms=draw(st.sampled_from([0, 100, 250, U64_MAX])),
            weights=Weights(nr_accesses_permil=draw(st.integers(0, 9)), age_permil=1),
            goals=(goal,) if draw(st.booleans()) else (),
            goal_tuner=draw(st.sampled_from(GoalTuner)),
        ),
        filters=tuple(draw(st.lists(_filters(), max_size=2))),
    )


@st.composite
def _contexts(draw: Draw) -> Context:
    lowest = draw(st.integers(3, 30))
    goal = IntervalsGoal(draw(st.integers(0, 10_000)), draw(st.integers(0, 3)), 1000, 20_000)
    attrs = Attrs(
        Intervals(5000, draw(st.sampled_from([5000, 35_000, 100_000])), goal=goal),
        min_nr_regions=lowest,
        max_nr_regions=lowest + draw(st.integers(0, 60)),
    )
    schemes = tuple(draw(st.lists(_schemes(), max_size=3)))
    return Context(Ops.FVADDR, draw(_targets()), attrs, schemes)


@st.composite
def _worlds(draw: Draw) -> ScriptedWorld:
    number = draw(st.integers(0, 4))
    span = np.zeros((number, 4), np.uint64)
    for i in range(number):
        span[i, :2] = sorted(draw(st.tuples(st.integers(0, SPACE), st.integers(0, SPACE))))
        span[i, 3] = draw(st.sampled_from([300_000, U64_MAX]))
    target = np.array([draw(st.integers(0, 2)) for _ in range(number)], np.int64)
    return empty_script(3)._replace(access_target=target, access_span=span)


def _check_regions(state: EngineState, what: Context) -> None:
    regions, used = state.regions, int(state.regions.nr_regions[0])
    start, end = regions.start[0, :used], regions.end[0, :used]
    target = regions.target[0, :used]
    assert np.all(start < end)
    assert np.all(np.diff(target) >= 0)
    same = target[1:] == target[:-1]
    assert np.all((end[:-1] <= start[1:])[same])
    samples = what.attrs.samples_per_aggregation
    assert np.all(regions.nr_accesses[0, :used] <= samples)
    assert np.all(regions.last_nr_accesses[0, :used] <= samples)
    for index, item in enumerate(what.targets):
        mine = target == index
        covered = _joined(zip(start[mine].tolist(), end[mine].tolist(), strict=True))
        assert covered == _joined((one.start, one.end) for one in item.regions)


def _joined(ranges: Any) -> list[list[int]]:
    joined: list[list[int]] = []
    for low, high in ranges:
        if joined and joined[-1][1] == low:
            joined[-1][1] = high
        else:
            joined.append([low, high])
    return joined


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(_contexts(), _worlds(), st.integers(0, U64_MAX), st.sampled_from([0, 1]))
def test_engine_stays_sound(what: Context, world: ScriptedWorld, seed: int, monitor: int) -> None:
    """Regions are sorted, disjoint and cover the targets; counts and charges keep their limits."""
    state = allocate(1, region_capacity=1 << 15, schemes=3, goals=1, filters=2)
    load_context(state, 0, what, seed, monitor=monitor)
    for until_us in (90_000, 100_000, 512_000, 1_500_000):
        run_until(state, world, 0, 1, np.array([until_us]))
        if state.contexts["status"][0] != RUNNING:
            return  # rejected memory sliced by a small quota: more regions than there is room for
        _check_regions(state, what)
        _check_quotas(state, what)


def _check_quotas(state: EngineState, what: Context) -> None:
    """What a window was charged does not exceed its effective quota."""
    for s, scheme in enumerate(what.schemes):
        record = state.schemes[0, s]
        if scheme.quota.sz_bytes or scheme.quota.goals:
            assert int(record["charged_sz"]) <= int(record["esz"])
        assert int(record["sz_applied"]) == int(record["sz_tried"])
