"""Modules: their defaults are the kernel's, and each parameter moves what it should."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from damosrl.damon import (
    U32_MAX,
    AccessPattern,
    Action,
    AddressRange,
    Attrs,
    Context,
    Document,
    Filter,
    FilterType,
    GoalMetric,
    GoalTuner,
    Intervals,
    IntervalsGoal,
    Kdamond,
    Ops,
    Quota,
    QuotaGoal,
    Range,
    Scheme,
    Stats,
    Target,
    WatermarkMetric,
    Watermarks,
    Weights,
)
from damosrl.damon.documents import read_document, to_json, to_mapping, to_yaml
from damosrl.damon.modules import (
    MODULES,
    DamonLruSort,
    DamonReclaim,
    DamonStat,
    Module,
    Mtier,
    PhysicalLayout,
    Prcl,
    Wsse,
    describe,
    make_module,
)
from damosrl.errors import DocumentError, MachineError

GIB = 1 << 30
MACHINE = PhysicalLayout(
    system_ram=(AddressRange(4096, GIB), AddressRange(2 * GIB, 8 * GIB)),
    nodes=(AddressRange(0, 4 * GIB), AddressRange(4 * GIB, 8 * GIB)),
)
RAM = (Target(regions=(AddressRange(4096, 8 * GIB),)),)
ATTRS = Attrs(Intervals(5_000, 100_000, 0))
TUNED = IntervalsGoal(access_bp=400, aggrs=3, min_sample_us=5_000, max_sample_us=10_000_000)
PAGES = Range(min=4096)
NEVER_ACCESSED = Range(0, 0)


def _document(*contexts: Context) -> Document:
    return Document(tuple(Kdamond((context,)) for context in contexts))


def test_reclaim_defaults() -> None:
    """DAMON_RECLAIM pages out what idles 120 s, oldest first (semantics 3.1)."""
    scheme = Scheme(
        Action.PAGEOUT,
        AccessPattern(PAGES, NEVER_ACCESSED, Range(1200, U32_MAX)),
        quota=Quota(10, 134_217_728, 1000, Weights(0, 0, 1)),
        watermarks=Watermarks(WatermarkMetric.FREE_MEM_RATE, 5_000_000, 500, 400, 200),
    )
    assert DamonReclaim().document(MACHINE) == _document(Context(Ops.PADDR, RAM, ATTRS, (scheme,)))


def test_lru_sort_defaults() -> None:
    """DAMON_LRU_SORT sorts half-busy and 120 s idle memory, 5 ms each (semantics 3.2)."""
    quota = Quota(5, 0, 1000, Weights(0, 1, 1))
    marks = Watermarks(WatermarkMetric.FREE_MEM_RATE, 5_000_000, 200, 150, 50)
    hot = Scheme(
        Action.LRU_PRIO,
        AccessPattern(PAGES, Range(10, U32_MAX), Range(0, U32_MAX)),
        quota=quota,
        watermarks=marks,
    )
    cold = Scheme(
        Action.LRU_DEPRIO,
        AccessPattern(PAGES, NEVER_ACCESSED, Range(1200, U32_MAX)),
        quota=quota,
        watermarks=marks,
    )
    expected = _document(Context(Ops.PADDR, RAM, ATTRS, (hot, cold)))
    assert DamonLruSort().document(MACHINE) == expected


def test_stat_defaults() -> None:
    """DAMON_STAT watches all System RAM with tuned intervals and no scheme (semantics 3.3)."""
    attrs = Attrs(Intervals(5_000, 100_000, 60_000_000, TUNED), 10, 1000)
    assert DamonStat().document(MACHINE) == _document(Context(Ops.PADDR, RAM, attrs))


def test_mtier_defaults() -> None:
    """Mtier promotes from node 1 and demotes from node 0 under overlapping goals (3.4)."""
    attrs = Attrs(Intervals(5_000, 100_000, 60_000_000, TUNED), 10, 1000)

    def quota(metric: GoalMetric, target: int) -> Quota:
        goal = QuotaGoal(metric, target, nid=0)
        return Quota(0, 200 << 20, 1000, Weights(0, 100, 100), (goal,), GoalTuner.CONSIST)

    promotion = Scheme(
        Action.MIGRATE_HOT,
        AccessPattern(PAGES, Range(1, U32_MAX)),
        target_nid=0,
        apply_interval_us=1_000_000,
        quota=quota(GoalMetric.NODE_MEM_USED_BP, 9970),
        filters=(Filter(FilterType.YOUNG, matching=True, allow=True),),
    )
    demotion = Scheme(
        Action.MIGRATE_COLD,
        AccessPattern(PAGES, NEVER_ACCESSED),
        target_nid=1,
        apply_interval_us=1_000_000,
        quota=quota(GoalMetric.NODE_MEM_FREE_BP, 50),
        filters=(Filter(FilterType.YOUNG, matching=True, allow=False),),
    )
    fast, slow = (Target(regions=(span,)) for span in MACHINE.nodes)
    assert Mtier(detect_node_addresses=True).document(MACHINE) == _document(
        Context(Ops.PADDR, (slow,), attrs, (promotion,)),
        Context(Ops.PADDR, (fast,), attrs, (demotion,)),
    )


def test_process_samples() -> None:
    """Wsse only watches a process; prcl also pages out what idles 50 aggregations (3.4)."""
    attrs = Attrs(Intervals(5_000, 100_000, 60_000_000), 10, 1000)
    scheme = Scheme(Action.PAGEOUT, AccessPattern(PAGES, NEVER_ACCESSED, Range(50, U32_MAX)))
    watched = Context(Ops.VADDR, (Target(7),), attrs)
    reclaimed = Context(Ops.VADDR, (Target(7),), attrs, (scheme,))
    assert Wsse(target_pid=7).document(MACHINE) == _document(watched)
    assert Prcl(target_pid=7).document(MACHINE) == _document(reclaimed)


NEEDED: dict[str, dict[str, int | bool]] = {
    "mtier": {"detect_node_addresses": True},
    "prcl": {"target_pid": 7},
    "wsse": {"target_pid": 7},
}
INTERVALS = "contexts[0].intervals"
SCHEME = "contexts[0].schemes[0]"
COLD = "contexts[0].schemes[1]"
MARKS = ("interval_us", "high_permil", "mid_permil", "low_permil")


def _both(*paths: str) -> set[str]:
    """Name paths in both schemes of a context."""
    return {f"{scheme}.{path}" for scheme in (SCHEME, COLD) for path in paths}


GOAL = {f"{INTERVALS}.intervals_goal.{name}" for name in ("access_bp", "aggrs")} | {
    f"{INTERVALS}.intervals_goal.{name}_sample_us" for name in ("min", "max")
}
REGION = "contexts[0].targets[0].regions[0]"
COMMON: dict[str, tuple[int | bool, set[str]]] = {
    "min_nr_regions": (11, {"contexts[0].nr_regions.min"}),
    "max_nr_regions": (999, {"contexts[0].nr_regions.max"}),
    "autotune_monitoring_intervals": (True, GOAL),
}
RECLAIM = COMMON | {
    "sample_interval": (4000, {f"{INTERVALS}.sample_us"}),
    "aggr_interval": (200_000, {f"{INTERVALS}.aggr_us", f"{SCHEME}.access_pattern.age.min"}),
    "min_age": (1_000_000, {f"{SCHEME}.access_pattern.age.min"}),
    "quota_ms": (20, {f"{SCHEME}.quotas.time_ms"}),
    "quota_sz": (4096, {f"{SCHEME}.quotas.sz_bytes"}),
    "quota_reset_interval_ms": (500, {f"{SCHEME}.quotas.reset_interval_ms"}),
    "quota_mem_pressure_us": (1000, {f"{SCHEME}.quotas.goals"}),
    "quota_autotune_feedback": (9000, {f"{SCHEME}.quotas.goals"}),
    "skip_anon": (True, {f"{SCHEME}.filters"}),
    "wmarks_interval": (1, {f"{SCHEME}.watermarks.interval_us"}),
    "wmarks_high": (1, {f"{SCHEME}.watermarks.high_permil"}),
    "wmarks_mid": (1, {f"{SCHEME}.watermarks.mid_permil"}),
    "wmarks_low": (1, {f"{SCHEME}.watermarks.low_permil"}),
}
LRU_SORT = COMMON | {
    "sample_interval": (
        4000,
        {f"{INTERVALS}.sample_us", f"{SCHEME}.access_pattern.nr_accesses.min"},
    ),
    "aggr_interval": (
        200_000,
        {
            f"{INTERVALS}.aggr_us",
            f"{SCHEME}.access_pattern.nr_accesses.min",
            f"{COLD}.access_pattern.age.min",
        },
    ),
    "hot_thres_access_freq": (100, {f"{SCHEME}.access_pattern.nr_accesses.min"}),
    "cold_min_age": (1_000_000, {f"{COLD}.access_pattern.age.min"}),
    "quota_ms": (7, _both("quotas.time_ms")),
    "quota_reset_interval_ms": (500, _both("quotas.reset_interval_ms")),
    "active_mem_bp": (6000, _both("quotas.goals")),
    "filter_young_pages": (True, _both("filters")),
    "wmarks_interval": (1, _both("watermarks.interval_us")),
    "wmarks_high": (1, _both("watermarks.high_permil")),
    "wmarks_mid": (1, _both("watermarks.mid_permil")),
    "wmarks_low": (1, _both("watermarks.low_permil")),
}
PROMOTION, DEMOTION = "kdamonds[0].contexts[0]", "kdamonds[1].contexts[0]"
EFFECTS: dict[str, dict[str, tuple[int | bool, set[str]]]] = {
    "damon_reclaim": RECLAIM,
    "damon_lru_sort": LRU_SORT,
    "mtier": {
        "node0_mem_used_bp": (9000, {f"{PROMOTION}.schemes[0].quotas.goals[0].target_value"}),
        "node0_mem_free_bp": (100, {f"{DEMOTION}.schemes[0].quotas.goals[0].target_value"}),
    },
    "prcl": {"target_pid": (8, {"contexts[0].targets[0].pid"})},
    "wsse": {"target_pid": (8, {"contexts[0].targets[0].pid"})},
}
ADDRESSES = {"monitor_region_start", "monitor_region_end", "addr_unit"} | {
    name for name in Mtier.__dataclass_fields__ if name.endswith("addr") or "detect" in name
}
"""Parameters that mean something together only; tested on their own below."""


def _differences(left: Any, right: Any, place: str = "") -> Iterator[str]:
    """Name the innermost places that differ; lists of other lengths differ as a whole."""
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        for key in left:
            yield from _differences(left[key], right[key], f"{place}.{key}" if place else key)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, pair in enumerate(zip(left, right, strict=True)):
            yield from _differences(*pair, f"{place}[{number}]")
    elif left != right:
        yield place


def _expand(kind: type[Module], **values: int | bool) -> Any:
    return to_mapping(make_module(kind, NEEDED.get(kind.NAME, {}) | values).document(MACHINE))


@pytest.mark.parametrize(
    ("name", "parameter"), [(name, one) for name, effects in EFFECTS.items() for one in effects]
)
def test_parameter_moves_its_fields_only(name: str, parameter: str) -> None:
    """A parameter changes exactly the fields of the document that it is for."""
    value, moved = EFFECTS[name][parameter]
    kind = MODULES[name]
    found = set(_differences(_expand(kind), _expand(kind, **{parameter: value})))
    prefix = "" if name == "mtier" else "kdamonds[0]."
    assert found == {prefix + place for place in moved}


@pytest.mark.parametrize("name", MODULES)
def test_every_parameter_is_tested_and_described(name: str) -> None:
    """Each field has an effect above or is an address, and a meaning in the docstring."""
    names = {item.name for item in fields(MODULES[name])}  # type: ignore[arg-type]
    assert names - ADDRESSES == EFFECTS.get(name, {}).keys()
    assert {one.name for one in describe(MODULES[name])} == names
    assert all(one.meaning.endswith(".") for one in describe(MODULES[name]))


@pytest.mark.parametrize("name", MODULES)
def test_documents_are_read_back(name: str) -> None:
    """What a module expands into survives damo's JSON and YAML."""
    document = make_module(MODULES[name], NEEDED.get(name, {})).document(MACHINE)
    assert read_document(to_json(document)) == document
    assert read_document(to_yaml(document)) == document


def test_goals_and_filters_of_reclaim() -> None:
    """Pressure and feedback become goals in this order; skip_anon rejects anonymous pages."""
    module = DamonReclaim(quota_mem_pressure_us=9, quota_autotune_feedback=8, skip_anon=True)
    scheme = module.document(MACHINE).kdamonds[0].contexts[0].schemes[0]
    assert scheme.quota.goals == (
        QuotaGoal(GoalMetric.SOME_MEM_PSI_US, 9),
        QuotaGoal(GoalMetric.USER_INPUT, 10_000, 8),
    )
    assert scheme.filters == (Filter(FilterType.ANON, matching=True, allow=False),)


def test_goals_and_filters_of_lru_sort() -> None:
    """The goals of active and inactive memory overlap by 2 bp; young pages are told apart."""
    module = DamonLruSort(active_mem_bp=6000, filter_young_pages=True)
    hot, cold = module.document(MACHINE).kdamonds[0].contexts[0].schemes
    assert hot.quota.goals == (QuotaGoal(GoalMetric.ACTIVE_MEM_BP, 6000),)
    assert cold.quota.goals == (QuotaGoal(GoalMetric.INACTIVE_MEM_BP, 4002),)
    assert hot.filters == (Filter(FilterType.YOUNG, matching=False, allow=False),)
    assert cold.filters == (Filter(FilterType.YOUNG, matching=True, allow=False),)


@pytest.mark.parametrize("kind", [DamonReclaim, DamonLruSort])
def test_autotuning_ignores_given_intervals(kind: type[DamonReclaim | DamonLruSort]) -> None:
    """Auto-tuning starts from 5 ms and 100 ms, and thresholds are counted in those."""
    odd = kind(sample_interval=1, aggr_interval=10**6, autotune_monitoring_intervals=True)
    plain = kind(autotune_monitoring_intervals=True)
    assert odd.document(MACHINE) == plain.document(MACHINE)
    goal = plain.document(MACHINE).kdamonds[0].contexts[0].attrs.intervals.goal
    assert goal == IntervalsGoal(40, 3, 5_000, 10_000_000)


def test_thresholds_are_cut_to_32_bits() -> None:
    """An age of 2^32 aggregations becomes 0, as the kernel's 32-bit field has it."""
    context = DamonReclaim(min_age=(2**32 + 5) * 100_000).document(MACHINE).kdamonds[0].contexts[0]
    assert context.schemes[0].access_pattern.age.min == 5


def test_monitored_memory() -> None:
    """Holes belong to it in 7.3; kernels up to 6.18 watch the first biggest resource only."""
    ranges = (AddressRange(0, GIB), AddressRange(2 * GIB, 5 * GIB), AddressRange(6 * GIB, 9 * GIB))
    assert PhysicalLayout(ranges).monitored() == AddressRange(0, 9 * GIB)
    assert PhysicalLayout(ranges, biggest_only=True).monitored() == ranges[1]


@pytest.mark.parametrize(
    ("values", "region"),
    [
        ({"monitor_region_start": 4096, "monitor_region_end": 12288}, (4096, 12288)),
        ({"monitor_region_start": 5000, "monitor_region_end": 8193}, (4096, 12288)),
        ({"addr_unit": 1024, "monitor_region_end": 9}, (0, 12)),
        ({"addr_unit": 4096}, (1, 2 * GIB // 1024)),
        ({"addr_unit": 8192}, (0, GIB // 1024)),
    ],
)
def test_monitor_region(values: dict[str, int], region: tuple[int, int]) -> None:
    """Given addresses count core units; System RAM is divided by the unit; both align outwards."""
    context = DamonReclaim(**values).document(MACHINE).kdamonds[0].contexts[0]  # type: ignore[arg-type]
    assert context.targets[0].regions == (AddressRange(*region),)
    assert context.addr_unit == values.get("addr_unit", 1)


def test_mtier_takes_given_addresses() -> None:
    """Without detection the two spans come from the parameters."""
    module = Mtier(
        node0_start_addr=0, node0_end_addr=8192, node1_start_addr=8192, node1_end_addr=16384
    )
    up, down = (one.contexts[0].targets[0] for one in module.document(PhysicalLayout()).kdamonds)
    assert up.regions == (AddressRange(8192, 16384),)
    assert down.regions == (AddressRange(0, 8192),)


@pytest.mark.parametrize(
    ("module", "layout", "hint"),
    [
        (DamonReclaim(aggr_interval=0, sample_interval=0), MACHINE, "aggr_interval is zero"),
        (DamonReclaim(aggr_interval=0), MACHINE, "aggr_interval is zero"),
        (DamonReclaim(sample_interval=200_000), MACHINE, "sampling takes longer"),
        (DamonReclaim(min_nr_regions=2), MACHINE, "nr_regions.min is out of range"),
        (DamonReclaim(min_nr_regions=9, max_nr_regions=8), MACHINE, "is above nr_regions.max"),
        (DamonReclaim(addr_unit=0), MACHINE, "addr_unit is out of range"),
        (DamonReclaim(addr_unit=3), MACHINE, "no power of two"),
        (DamonReclaim(monitor_region_start=1), MACHINE, "above monitor_region_end"),
        (
            DamonReclaim(monitor_region_start=4096, monitor_region_end=4096),
            MACHINE,
            "empty or overlap",
        ),
        (DamonReclaim(), PhysicalLayout(), "none is known"),
        (DamonLruSort(sample_interval=0), MACHINE, "sample_interval is zero"),
        (DamonLruSort(aggr_interval=0), MACHINE, "sampling takes longer"),
        (DamonLruSort(active_mem_bp=10_001), MACHINE, "active_mem_bp is above"),
        (DamonStat(), PhysicalLayout(), "none is known"),
        (Mtier(), MACHINE, "detect_node_addresses=Y"),
        (Mtier(detect_node_addresses=True), PhysicalLayout(), "0 nodes"),
        (Mtier(detect_node_addresses=True, node0_mem_free_bp=0), MACHINE, "node0_mem_free_bp"),
        (Mtier(detect_node_addresses=True, node0_mem_used_bp=0), MACHINE, "node0_mem_used_bp"),
        (Prcl(), MACHINE, "target_pid"),
        (Wsse(), MACHINE, "target_pid"),
    ],
)
def test_refused_where_the_kernel_refuses(
    module: Module, layout: PhysicalLayout, hint: str
) -> None:
    """What the kernel answers with EINVAL has a message that names the reason."""
    with pytest.raises((DocumentError, MachineError), match=hint):
        module.document(layout)


@pytest.mark.parametrize(
    ("ranges", "hint"),
    [((AddressRange(5, 5),), "empty"), ((AddressRange(5, 9), AddressRange(1, 4)), "unsorted")],
)
def test_odd_layouts_are_refused(ranges: tuple[AddressRange, ...], hint: str) -> None:
    """Memory that is empty, overlaps or is unsorted is no layout."""
    with pytest.raises(MachineError, match=hint):
        PhysicalLayout(ranges)


def test_statistics_have_the_kernels_names() -> None:
    """Counters of the schemes appear under the names of /sys/module, and no others."""
    hot, cold = Stats(1, 2, 3, 4, 5, 6), Stats(11, 12, 13, 14, 15, 16)
    assert DamonReclaim().statistics([hot]) == {
        "nr_reclaim_tried_regions": 1,
        "bytes_reclaim_tried_regions": 2,
        "nr_reclaimed_regions": 3,
        "bytes_reclaimed_regions": 4,
        "nr_quota_exceeds": 6,
    }
    assert DamonLruSort().statistics([hot, cold]) == {
        "nr_lru_sort_tried_hot_regions": 1,
        "bytes_lru_sort_tried_hot_regions": 2,
        "nr_lru_sorted_hot_regions": 3,
        "bytes_lru_sorted_hot_regions": 4,
        "nr_hot_quota_exceeds": 6,
        "nr_lru_sort_tried_cold_regions": 11,
        "bytes_lru_sort_tried_cold_regions": 12,
        "nr_lru_sorted_cold_regions": 13,
        "bytes_lru_sorted_cold_regions": 14,
        "nr_cold_quota_exceeds": 16,
    }
    assert set(DamonReclaim().statistics([hot])) < set(DamonReclaim.RESULTS)
    assert Wsse().statistics([]) == {}
