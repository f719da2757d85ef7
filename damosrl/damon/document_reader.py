"""From plain mappings, in the layout of damo's documents, to the vocabulary's values."""

from collections.abc import Callable
from functools import partial

from damosrl.damon import units
from damosrl.damon.attrs import Attrs, Intervals, IntervalsGoal
from damosrl.damon.checks import U32_MAX, U64_MAX
from damosrl.damon.context import Context, Ops, Target
from damosrl.damon.fields import Fields, located
from damosrl.damon.filters import Filter, FilterLayer, FilterType
from damosrl.damon.kdamond import Document, Kdamond
from damosrl.damon.pattern import AccessPattern
from damosrl.damon.probes import Probe, ProbeFilter, ProbeFilterType
from damosrl.damon.quota import NEVER, GoalMetric, GoalTuner, Quota, QuotaGoal, Weights
from damosrl.damon.ranges import AddressRange, Range
from damosrl.damon.refusals import refusal
from damosrl.damon.scheme import Action, Dest, Scheme
from damosrl.damon.watermarks import WatermarkMetric, Watermarks
from damosrl.errors import DocumentError

OPS_UPDATE_US = 1_000_000
"""What a document means that says nothing: damo's second, not the kernel's minute."""

NO_SAMPLE_CONTROL = {
    "primitives_enabled": {"page_table": True, "page_fault": False},
    "sample_filters": [],
}
"""What damo writes for a feature that kernel 7.3 does not have."""


def document(data: object) -> Document:
    """Read the mapping of a whole document.

    Raises:
        DocumentError: A value is missing, unreadable, or breaks a rule of the kernel.
        UnknownNameError: A key or a word is unknown.
    """
    fields = Fields(data, "")
    if fields.get("kdamonds") is None:
        raise DocumentError("the document has no kdamonds", fix="start it with 'kdamonds:'")
    kdamonds = tuple(_kdamond(item) for item in fields.items("kdamonds"))
    return fields.build(Document, kdamonds=kdamonds)


def _kdamond(fields: Fields) -> Kdamond:
    refresh_ms = fields.value("refresh_ms", units.parse_time_ms, 0)
    contexts = tuple(_context(item) for item in fields.items("contexts"))
    fields.ignore("state", "pid")
    return fields.build(Kdamond, contexts=contexts, refresh_ms=refresh_ms)


def _context(fields: Fields) -> Context:
    attrs = _attrs(fields)
    fields.refuse_unless("sample_control", NO_SAMPLE_CONTROL)
    return fields.build(
        Context,
        ops=fields.word("ops", Ops),
        targets=tuple(_target(item) for item in fields.items("targets")),
        attrs=attrs,
        schemes=tuple(_scheme(item, attrs) for item in fields.items("schemes")),
        addr_unit=fields.value("addr_unit", units.parse_size, 1),
        pause=fields.flag("pause", default=False),
        probes=tuple(_probe(item) for item in fields.items("probes")),
    )


def _attrs(context: Fields) -> Attrs:
    times = context.section("intervals")
    aim = times.section("intervals_goal")
    goal = aim.build(
        IntervalsGoal,
        access_bp=aim.value("access_bp", units.parse_bp, 0),
        aggrs=aim.value("aggrs", units.parse_number, 0),
        min_sample_us=aim.value("min_sample_us", units.parse_time_us, 0),
        max_sample_us=aim.value("max_sample_us", units.parse_time_us, 0),
    )
    intervals = times.build(
        Intervals,
        sample_us=times.value("sample_us", units.parse_time_us, Intervals().sample_us),
        aggr_us=times.value("aggr_us", units.parse_time_us, Intervals().aggr_us),
        ops_update_us=times.value("ops_update_us", units.parse_time_us, OPS_UPDATE_US),
        goal=goal,
    )
    bounds = context.section("nr_regions")
    low = bounds.value("min", units.parse_number, 10)
    high = bounds.value("max", units.parse_number, 1000)
    bounds.finish()
    with located(context.where):
        return Attrs(intervals=intervals, min_nr_regions=low, max_nr_regions=high)


def _target(fields: Fields) -> Target:
    return fields.build(
        Target,
        pid=fields.value("pid", units.parse_number, None),
        regions=tuple(_addresses(item) for item in fields.items("regions")),
        obsolete=fields.flag("obsolete", default=False),
    )


def _addresses(fields: Fields) -> AddressRange:
    return fields.build(
        AddressRange,
        start=fields.required("start", units.parse_size),
        end=fields.required("end", units.parse_size),
    )


def _probe(fields: Fields) -> Probe:
    fields.refuse_unless("preps", [])
    return fields.build(
        Probe,
        filters=tuple(_probe_filter(item) for item in fields.items("filters")),
        weight=fields.value("weight", units.parse_number, 0),
    )


def _probe_filter(fields: Fields) -> ProbeFilter:
    fields.refuse_unless("range_min")
    fields.refuse_unless("range_max")
    return fields.build(
        ProbeFilter,
        filter_type=fields.word("filter_type", ProbeFilterType),
        matching=fields.flag("matching", default=True),
        allow=fields.flag("allow", default=False),
        path=fields.text("path"),
    )


def _scheme(fields: Fields, attrs: Attrs) -> Scheme:
    stats = fields.section("stats")
    return fields.build(
        Scheme,
        action=fields.word("action", Action, Action.STAT),
        access_pattern=_pattern(fields.section("access_pattern"), attrs),
        target_nid=fields.value("target_nid", _node, -1),
        apply_interval_us=fields.value("apply_interval_us", units.parse_time_us, 0),
        quota=_quota(fields.section("quotas")),
        watermarks=_watermarks(fields.section("watermarks")),
        filters=_filters(fields),
        dests=tuple(_dest(item) for item in fields.items("dests")),
        max_nr_snapshots=fields.value(
            "max_nr_snapshots",
            units.parse_number,
            stats.value("max_nr_snapshots", units.parse_number, 0),
        ),
    )


def _node(value: units.Value) -> int:
    return -1 if str(value).strip() == "-1" else units.parse_number(value)


def _pattern(fields: Fields, attrs: Attrs) -> AccessPattern:
    samples = attrs.samples_per_aggregation
    count = partial(units.parse_nr_accesses, samples_per_aggregation=samples)
    age = partial(units.parse_age, aggr_us=attrs.intervals.aggr_us)
    return fields.build(
        AccessPattern,
        sz_bytes=_range(fields.section("sz_bytes"), units.parse_size, U64_MAX),
        nr_accesses=_range(fields.section("nr_accesses"), count, U32_MAX),
        age=_range(fields.section("age"), age, U32_MAX),
    )


def _range(fields: Fields, parse: Callable[[units.Value], int], limit: int) -> Range:
    return fields.build(
        Range, min=fields.value("min", parse, 0), max=fields.value("max", parse, limit)
    )


def _quota(fields: Fields) -> Quota:
    weights = fields.section("weights")
    fields.ignore("effective_sz_bytes")
    return fields.build(
        Quota,
        time_ms=fields.value("time_ms", units.parse_time_ms, 0),
        sz_bytes=fields.value("sz_bytes", units.parse_size, 0),
        reset_interval_ms=fields.value("reset_interval_ms", units.parse_time_ms, NEVER),
        weights=weights.build(
            Weights,
            sz_permil=weights.value("sz_permil", units.parse_permil, 0),
            nr_accesses_permil=weights.value("nr_accesses_permil", units.parse_permil, 0),
            age_permil=weights.value("age_permil", units.parse_permil, 0),
        ),
        goals=tuple(_goal(item) for item in fields.items("goals")),
        goal_tuner=fields.word("goal_tuner", GoalTuner, GoalTuner.CONSIST),
        fail_charge_num=fields.value("fail_charge_num", units.parse_number, 0),
        fail_charge_denom=fields.value("fail_charge_denom", units.parse_number, 0),
    )


def _goal(fields: Fields) -> QuotaGoal:
    metric = fields.word("metric", GoalMetric, GoalMetric.USER_INPUT)
    parse = units.parse_number
    if metric is GoalMetric.SOME_MEM_PSI_US:
        parse = units.parse_time_us
    elif metric.endswith("_bp"):
        parse = units.parse_bp
    fields.refuse_unless("complement", False)
    return fields.build(
        QuotaGoal,
        metric=metric,
        target_value=fields.required("target_value", parse),
        current_value=fields.value("current_value", parse, 0),
        nid=fields.value("nid", _node, 0),
        memcg_path=fields.text("memcg_path"),
    )


def _watermarks(fields: Fields) -> Watermarks:
    return fields.build(
        Watermarks,
        metric=fields.word("metric", WatermarkMetric, WatermarkMetric.NONE),
        interval_us=fields.value("interval_us", units.parse_time_us, 0),
        high_permil=fields.value("high_permil", units.parse_permil, 0),
        mid_permil=fields.value("mid_permil", units.parse_permil, 0),
        low_permil=fields.value("low_permil", units.parse_permil, 0),
    )


def _filters(fields: Fields) -> tuple[Filter, ...]:
    """Read damo's one list, or sysfs's directories in the order in which the kernel does."""
    found: list[Filter] = []
    for key, layer in (
        ("core_filters", FilterLayer.CORE),
        ("ops_filters", FilterLayer.OPS),
        ("filters", None),
    ):
        for item in fields.items(key):
            condition = _filter(item)
            if layer not in (None, condition.layer):
                raise refusal(
                    "filter-layer",
                    f"{item.where} is in the wrong layer",
                    got=condition.filter_type,
                    allowed=", ".join(kind for kind in FilterType if kind.layer is layer),
                    fix=f"move it to {condition.layer}_filters",
                )
            found.append(condition)
    return tuple(found)


def _filter(fields: Fields) -> Filter:
    fields.refuse_unless("probe_hits_wsum_range")
    addresses = fields.get("address_range")
    return fields.build(
        Filter,
        filter_type=fields.word("filter_type", FilterType),
        matching=fields.flag("matching", default=True),
        allow=fields.flag("allow", default=False),
        memcg_path=fields.text("memcg_path"),
        address_range=None if addresses is None else _addresses(fields.section("address_range")),
        damon_target_idx=fields.value("damon_target_idx", units.parse_number, None),
        hugepage_size=_folio_sizes(fields),
    )


def _folio_sizes(fields: Fields) -> Range | None:
    sizes = fields.get("hugepage_size")
    if sizes is None:
        return None
    where = f"{fields.where}.hugepage_size"
    if not isinstance(sizes, list | tuple) or len(sizes) != 2:
        raise DocumentError(f"{where} is no pair", got=sizes, allowed="[min, max]")
    with located(where):
        return Range(units.parse_size(sizes[0]), units.parse_size(sizes[1]))


def _dest(fields: Fields) -> Dest:
    return fields.build(
        Dest,
        id=fields.required("id", units.parse_number),
        weight=fields.value("weight", units.parse_number, 0),
    )
