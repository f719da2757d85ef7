"""Documents: any valid value comes back unchanged from a mapping, from JSON and from YAML."""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damosrl import damon
from damosrl.damon.context import U8_MAX
from damosrl.damon.documents import read_document, to_json, to_mapping, to_yaml

U64 = st.integers(0, damon.U64_MAX) | st.sampled_from([0, damon.U64_MAX, 2**53 + 1, 10**15])
U32 = st.integers(0, damon.U32_MAX) | st.sampled_from([0, 1, damon.U32_MAX])
NODES = st.integers(0, 2**31 - 1)
PATHS = st.sampled_from(["/app", "/a/b", "/with space"])


def ranges(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[damon.Range]:
    """Draw closed ranges."""
    return st.tuples(numbers, numbers).map(lambda pair: damon.Range(min(pair), max(pair)))


def _filters() -> st.SearchStrategy[damon.Filter]:
    addresses = ranges(U64).map(lambda pair: damon.AddressRange(pair.min, pair.max))
    arguments: dict[damon.FilterType, st.SearchStrategy[dict[str, object]]] = {
        damon.FilterType.MEMCG: PATHS.map(lambda path: {"memcg_path": path}),
        damon.FilterType.ADDR: addresses.map(lambda pair: {"address_range": pair}),
        damon.FilterType.TARGET: NODES.map(lambda place: {"damon_target_idx": place}),
        damon.FilterType.HUGEPAGE_SIZE: ranges(U64).map(lambda pair: {"hugepage_size": pair}),
    }
    return st.sampled_from(damon.FilterType).flatmap(
        lambda kind: st.builds(
            lambda matching, allow, rest: damon.Filter(kind, matching, allow, **rest),
            st.booleans(),
            st.booleans(),
            arguments.get(kind, st.just({})),
        )
    )


def _goals(physical: bool) -> st.SearchStrategy[damon.QuotaGoal]:
    metrics = [
        metric
        for metric in damon.GoalMetric
        if physical or metric is not damon.GoalMetric.NODE_ELIGIBLE_MEM_BP
    ]
    return st.sampled_from(metrics).flatmap(
        lambda metric: st.builds(
            damon.QuotaGoal,
            st.just(metric),
            st.integers(1, damon.U64_MAX),
            U64,
            NODES,
            PATHS if metric.needs_memcg else st.none(),
        )
    )


def _schemes(physical: bool) -> st.SearchStrategy[damon.Scheme]:
    return st.builds(
        damon.Scheme,
        st.sampled_from(damon.Action),
        st.builds(damon.AccessPattern, ranges(U64), ranges(U32), ranges(U32)),
        st.integers(-1, 8),
        U64,
        st.builds(
            damon.Quota,
            U64,
            U64,
            U64,
            st.builds(damon.Weights, U32, U32, U32),
            st.lists(_goals(physical), max_size=2).map(tuple),
            st.sampled_from(damon.GoalTuner),
            U32,
            U32,
        ),
        st.builds(damon.Watermarks, st.sampled_from(damon.WatermarkMetric), U64, U64, U64, U64),
        st.lists(_filters(), max_size=3).map(tuple),
        st.lists(st.builds(damon.Dest, NODES, U32), max_size=2).map(tuple),
        U64,
    )


def _intervals(times: tuple[int, int, int, int, int]) -> damon.Intervals:
    low, sample, high, extra, update = times
    goal = damon.IntervalsGoal(400, 3, min(low, sample), max(high, sample))
    return damon.Intervals(sample, sample + extra, update, goal)


ATTRS = st.builds(
    lambda times, low, more: damon.Attrs(_intervals(times), low, low + more),
    st.tuples(*[st.integers(0, 2**60)] * 5),
    st.integers(3, 1000),
    st.integers(0, 10_000),
)

REGIONS = st.lists(st.integers(0, 2**50), unique=True, max_size=8).map(
    lambda pages: tuple(
        damon.AddressRange(left * 4096, right * 4096)
        for left, right in zip(sorted(pages)[::2], sorted(pages)[1::2], strict=False)
    )
)

PROBES = st.builds(
    lambda memcg, matching, allow, weight: damon.Probe(
        (
            damon.ProbeFilter(damon.ProbeFilterType.MEMCG, matching, allow, "/a")
            if memcg
            else damon.ProbeFilter(damon.ProbeFilterType.ANON, matching, allow),
        ),
        weight,
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    U32,
)


def _context(*parts: Any) -> damon.Context:
    """Build a context; probes whose weighted hits would overflow lose their weights."""
    ops, targets, attrs, schemes, addr_unit, pause, probes = parts
    samples = attrs.samples_per_aggregation
    weights = sum(probe.weight for probe in probes)
    if samples > U8_MAX or samples * weights > damon.U32_MAX:
        probes = tuple(replace(probe, weight=0) for probe in probes)
    return damon.Context(ops, targets, attrs, schemes, addr_unit, pause, probes)


def _contexts(ops: damon.Ops) -> st.SearchStrategy[damon.Context]:
    physical = ops is damon.Ops.PADDR
    pids = st.none() if physical else st.integers(1, 2**22)
    return st.builds(
        _context,
        st.just(ops),
        st.lists(
            st.builds(damon.Target, pids, REGIONS, st.booleans()), max_size=1 if physical else 3
        ).map(tuple),
        ATTRS,
        st.lists(_schemes(physical), max_size=2).map(tuple),
        st.sampled_from([1, 2, 4096, 2**20]) if physical else st.just(1),
        st.booleans(),
        st.lists(PROBES, max_size=2).map(tuple),
    )


DOCUMENTS = st.builds(
    lambda kdamonds: damon.Document(tuple(kdamonds)),
    st.lists(
        st.builds(
            lambda context, refresh_ms: damon.Kdamond((context,), refresh_ms),
            st.sampled_from(damon.Ops).flatmap(_contexts),
            U32,
        ),
        max_size=2,
    ),
)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(DOCUMENTS)
def test_documents_come_back_unchanged(document: damon.Document) -> None:
    """Mapping, JSON and YAML lose nothing, up to the largest numbers."""
    assert read_document(to_mapping(document)) == document
    assert read_document(to_json(document)) == document
    assert read_document(to_yaml(document)) == document


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(DOCUMENTS)
def test_upper_bounds_are_written_out(document: damon.Document) -> None:
    """Counts are never written as max, which readers that use floats turn into 0."""
    for kdamond in to_mapping(document)["kdamonds"]:
        for scheme in kdamond["contexts"][0]["schemes"]:
            pattern = scheme["access_pattern"]
            assert pattern["nr_accesses"]["max"].endswith(" samples")
            assert pattern["age"]["max"].endswith(" aggr_intervals")
