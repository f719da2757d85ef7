"""Trace cases: build a context and a scripted world from a case, run them, report what happened."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    WatermarkMetric,
    Watermarks,
    Weights,
)
from damosrl.emulator.engine import run_until
from damosrl.emulator.loading import check_status, load_context
from damosrl.emulator.scripted import (
    AGGREGATION,
    APPLIED,
    ESZ,
    INTERVALS,
    REGION,
    ScriptedWorld,
    empty_script,
)
from damosrl.emulator.state import EXACT, EngineState, allocate
from damosrl.errors import EmulatorLimitError

Case = Mapping[str, Any]
FIRST_CAPACITY = 1 << 12
LAST_CAPACITY = 1 << 18
FIRST_TRACE_ROWS = 1 << 14
STATS = ("nr_tried", "sz_tried", "nr_applied", "sz_applied", "qt_exceeds", "nr_snapshots")


def run_case(case: Case) -> dict[str, Any]:
    """Run a trace case on the exact engine; return its ``expect`` object.

    Args:
        case: A case as read from its JSON file.

    Raises:
        DamosrlError: A value breaks a rule of the kernel, or the case needs too many regions.
    """
    return CaseRunner().run(case)


class CaseRunner:
    """Runs trace cases one after another in the same memory, which grows when a case needs more.

    Example:
        >>> runner = CaseRunner()
        >>> expects = [runner.run(case) for case in cases]  # doctest: +SKIP
    """

    def __init__(self) -> None:
        self._regions = FIRST_CAPACITY
        self._room = {"schemes": 1, "goals": 1, "filters": 1, "targets": 1}
        self._state = allocate(1, region_capacity=self._regions)
        self._traces = empty_script(1, FIRST_TRACE_ROWS)

    def run(self, case: Case) -> dict[str, Any]:
        """Run a case on the exact engine; return its ``expect`` object.

        Raises:
            DamosrlError: As `run_case`.
        """
        context = read_context(case)
        self._make_room(context)
        while True:
            try:
                return self._run(case, context)
            except EmulatorLimitError:
                if self._regions >= LAST_CAPACITY:
                    raise
                self._regions *= 4
                self._allocate()

    def _make_room(self, context: Context) -> None:
        schemes = context.schemes
        wanted = {
            "schemes": len(schemes),
            "goals": max((len(scheme.quota.goals) for scheme in schemes), default=0),
            "filters": max((len(scheme.filters) for scheme in schemes), default=0),
            "targets": len(context.targets),
        }
        larger = {name: max(size, wanted[name]) for name, size in self._room.items()}
        if larger != self._room:
            self._room = larger
            self._allocate()

    def _allocate(self) -> None:
        room = self._room
        self._state = allocate(
            1,
            region_capacity=self._regions,
            schemes=room["schemes"],
            goals=room["goals"],
            filters=room["filters"],
            targets=room["targets"],
        )

    def _run(self, case: Case, context: Context) -> dict[str, Any]:
        state = self._state
        until_us = np.array([case["duration_ms"] * 1000], np.int64)
        while True:
            world = read_script(case, self._traces)
            load_context(state, 0, context, case["seed"], monitor=EXACT)
            run_until(state, world, 0, 1, until_us)
            check_status(state)
            longest = int(world.lengths.max())
            if longest <= len(world.regions):
                return _report(state, world, len(context.schemes))
            self._traces = empty_script(1, longest)


def read_context(case: Case) -> Context:
    """Build the context of a case."""
    attrs = case["attrs"]
    goal = attrs["intervals_goal"]
    return Context(
        ops=Ops.FVADDR,
        targets=tuple(
            Target(pid=index + 1, regions=tuple(AddressRange(*item) for item in ranges))
            for index, ranges in enumerate(case["targets"])
        ),
        attrs=Attrs(
            intervals=Intervals(
                sample_us=attrs["sample_us"],
                aggr_us=attrs["aggr_us"],
                ops_update_us=attrs["update_us"],
                goal=IntervalsGoal(
                    access_bp=goal["access_bp"],
                    aggrs=goal["aggrs"],
                    min_sample_us=goal["min_sample_us"],
                    max_sample_us=goal["max_sample_us"],
                ),
            ),
            min_nr_regions=attrs["min_nr_regions"],
            max_nr_regions=attrs["max_nr_regions"],
        ),
        schemes=tuple(_read_scheme(scheme) for scheme in case["schemes"]),
    )


def read_pattern(pattern: Mapping[str, Any]) -> AccessPattern:
    """Build an access pattern from its closed ranges."""
    return AccessPattern(*(Range(*pattern[name]) for name in ("sz_bytes", "nr_accesses", "age")))


def read_filter(condition: Mapping[str, Any]) -> Filter:
    """Build a filter; an argument that a table leaves out is irrelevant there."""
    kind = FilterType(condition["type"])
    span = AddressRange(condition.get("start", 0), condition.get("end", 0))
    return Filter(
        filter_type=kind,
        matching=condition["matching"],
        allow=condition["allow"],
        address_range=span if kind is FilterType.ADDR else None,
        damon_target_idx=condition.get("target_idx", 0) if kind is FilterType.TARGET else None,
        memcg_path="/" if kind is FilterType.MEMCG else None,
        hugepage_size=Range(0, 0) if kind is FilterType.HUGEPAGE_SIZE else None,
    )


def _read_scheme(scheme: Mapping[str, Any]) -> Scheme:
    quotas, marks = scheme["quotas"], scheme["watermarks"]
    weights = quotas["weights"]
    return Scheme(
        action=Action(scheme["action"]),
        access_pattern=read_pattern(scheme["access_pattern"]),
        apply_interval_us=scheme["apply_interval_us"],
        quota=Quota(
            time_ms=quotas["ms"],
            sz_bytes=quotas["bytes"],
            reset_interval_ms=quotas["reset_interval_ms"],
            weights=Weights(weights["sz"], weights["nr_accesses"], weights["age"]),
            goals=tuple(
                QuotaGoal(metric=GoalMetric(goal["metric"]), target_value=goal["target_value"])
                for goal in quotas["goals"]
            ),
            goal_tuner=GoalTuner(quotas["goal_tuner"]),
            fail_charge_num=quotas["fail_charge_num"],
            fail_charge_denom=quotas["fail_charge_denom"],
        ),
        watermarks=Watermarks(
            metric=WatermarkMetric(marks["metric"]),
            interval_us=marks["interval_us"],
            high_permil=marks["high"],
            mid_permil=marks["mid"],
            low_permil=marks["low"],
        ),
        filters=tuple(read_filter(condition) for condition in scheme["core_filters"]),
        max_nr_snapshots=scheme["max_nr_snapshots"],
    )


def read_script(case: Case, traces: ScriptedWorld) -> ScriptedWorld:
    """Build the scripted world of a case, which writes its traces where another one has."""
    accesses, schemes = case["access"], case["schemes"]
    span = [
        (
            item["start"],
            item["end"],
            item["from_ms"] * 1000,
            U64_MAX if item["to_ms"] is None else item["to_ms"] * 1000,
        )
        for item in accesses
    ]
    goal_first, goal_series = _goal_series(schemes)
    percent = [scheme["applied_fraction_percent"] for scheme in schemes]
    return traces._replace(
        lengths=np.zeros_like(traces.lengths),
        access_target=np.array([item["target"] for item in accesses], np.int64),
        access_span=_table(span, 4),
        free_mem=_table(_in_us(case["free_mem_rate"]), 2),
        goal_first=goal_first,
        goal_series=goal_series,
        applied_percent=np.array(percent, np.uint64),
    )


def _table(rows: Sequence[Sequence[int]], columns: int) -> NDArray[np.uint64]:
    return np.array(rows, np.uint64).reshape(len(rows), columns)


def _in_us(series: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    return [(from_ms * 1000, value) for from_ms, value in series]


def _goal_series(
    schemes: Sequence[Mapping[str, Any]],
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    goals = [scheme["quotas"]["goals"] for scheme in schemes]
    most = max((len(row) for row in goals), default=0)
    first = np.zeros((max(len(schemes), 1), most + 1), np.int64)
    series: list[tuple[int, int]] = []
    for s, row in enumerate(goals):
        first[s, 0] = len(series)
        for g in range(most):
            if g < len(row):
                value = row[g]["current_value"]
                series += _in_us(value if isinstance(value, list) else [[0, value]])
            first[s, g + 1] = len(series)
    return first, _table(series, 2)


def _report(state: EngineState, world: ScriptedWorld, schemes: int) -> dict[str, Any]:
    context = state.contexts[0]
    lengths = world.lengths
    regions = world.regions[: lengths[REGION]].tolist()
    aggregations, first = [], 0
    for now_us, count in world.aggregations[: lengths[AGGREGATION]].tolist():
        aggregations.append({"t_us": now_us, "regions": regions[first : first + count]})
        first += count
    return {
        "end_us": int(context["now_us"]),
        "rng": {"draws": int(context["draws"]), "x": int(context["rng"])},
        "aggregations": aggregations,
        "applied": world.applied[: lengths[APPLIED]].tolist(),
        "esz": world.esz[: lengths[ESZ]].tolist(),
        "intervals": world.intervals[: lengths[INTERVALS]].tolist(),
        "stats": [{name: int(state.schemes[name][0, s]) for name in STATS} for s in range(schemes)],
    }
