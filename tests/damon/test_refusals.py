"""Refusals: every rule of the kernel has a name, a keeper, and a value that breaks it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from damosrl import damon
from damosrl.damon.documents import read_document
from damosrl.damon.refusals import REFUSALS
from damosrl.errors import DocumentError

Ops, Metric = damon.Ops, damon.GoalMetric
MANY = damon.Attrs(damon.Intervals(1, 256))


def _physical(*ranges: tuple[int, int], **fields: Any) -> damon.Context:
    regions = tuple(damon.AddressRange(*pair) for pair in ranges)
    return damon.Context(Ops.PADDR, (damon.Target(regions=regions),), **fields)


def _goal(metric: damon.GoalMetric) -> damon.Context:
    goal = damon.QuotaGoal(metric, 1)
    return damon.Context(Ops.VADDR, schemes=(damon.Scheme(quota=damon.Quota(goals=(goal,))),))


def _read(**scheme: Any) -> damon.Document:
    return read_document({"kdamonds": [{"contexts": [{"ops": "paddr", "schemes": [scheme]}]}]})


BROKEN: list[tuple[str, Callable[[], object]]] = [
    ("integer-range", lambda: damon.Watermarks(interval_us=-1)),
    ("unknown-word", lambda: damon.Context("padr")),  # type: ignore[arg-type]
    ("min-nr-regions", lambda: damon.Attrs(min_nr_regions=2)),
    ("nr-regions-order", lambda: damon.Attrs(min_nr_regions=11, max_nr_regions=10)),
    ("sample-above-aggregation", lambda: damon.Attrs(damon.Intervals(2, 1))),
    (
        "intervals-goal-bounds",
        lambda: damon.Attrs(damon.Intervals(goal=damon.IntervalsGoal(400, 3, 6_000, 9_000))),
    ),
    ("min-region-size", lambda: damon.Context(Ops.PADDR, addr_unit=3)),
    ("one-context", lambda: damon.Kdamond(())),
    ("one-paddr-target", lambda: damon.Context(Ops.PADDR, (damon.Target(), damon.Target()))),
    ("target-without-pid", lambda: damon.Context(Ops.FVADDR, (damon.Target(),))),
    ("regions-overlap", lambda: _physical((0, 8192), (4096, 12_288))),
    ("regions-overlap", lambda: _physical((0, 5000), (6000, 9000))),
    ("region-empty", lambda: _physical((4096, 4096))),
    ("range-reversed", lambda: damon.Range(2, 1)),
    ("addresses-reversed", lambda: damon.AddressRange(2, 1)),
    ("too-many-probes", lambda: damon.Context(Ops.PADDR, probes=(damon.Probe(),) * 5)),
    ("probe-overflow", lambda: _physical(attrs=MANY, probes=(damon.Probe(weight=1),))),
    ("probe-overflow", lambda: _physical(probes=(damon.Probe(weight=2**32 // 20 + 1),))),
    ("probe-path", lambda: damon.ProbeFilter(damon.ProbeFilterType.MEMCG)),
    ("goal-target-zero", lambda: damon.QuotaGoal(Metric.USER_INPUT, 0)),
    ("goal-needs-memcg", lambda: damon.QuotaGoal(Metric.NODE_MEMCG_USED_BP, 1)),
    ("goal-needs-paddr", lambda: _goal(Metric.NODE_ELIGIBLE_MEM_BP)),
    ("filter-argument", lambda: damon.Filter(damon.FilterType.ADDR)),
    ("filter-layer", lambda: _read(core_filters=[{"filter_type": "anon"}])),
    (
        "filter-layer",
        lambda: _read(ops_filters=[{"filter_type": "target", "damon_target_idx": 0}]),
    ),
    (
        "not-in-kernel",
        lambda: _read(quotas={"goals": [{"target_value": 1, "complement": True}]}),
    ),
]


@pytest.mark.parametrize(("rule", "make"), BROKEN)
def test_a_refusal_names_its_rule_and_who_keeps_it(rule: str, make: Callable[[], object]) -> None:
    """The one line of an error ends with the rule and with what refuses it in the kernel."""
    with pytest.raises(DocumentError) as caught:
        make()
    assert str(caught.value).endswith(f"rule: {rule} ({REFUSALS[rule]})")
    assert "\n" not in str(caught.value)


def test_every_rule_is_broken_here() -> None:
    """No rule is listed that nothing breaks."""
    assert {rule for rule, _ in BROKEN} == set(REFUSALS)


def test_weighted_probes_may_fill_their_counters() -> None:
    """255 samples, and a score that just fits 32 bits, are accepted; so is any count unweighted."""
    _physical(attrs=damon.Attrs(damon.Intervals(1, 255)), probes=(damon.Probe(weight=1),))
    _physical(probes=(damon.Probe(weight=(2**32 - 1) // 20),))
    _physical(attrs=MANY, probes=(damon.Probe(),))


def test_directories_of_sysfs_are_read_in_the_kernel_s_order() -> None:
    """core_filters come first, then ops_filters, then the list of both, as sysfs installs them."""
    anon, young = {"filter_type": "anon"}, {"filter_type": "young"}
    span = {"filter_type": "addr", "address_range": {"start": 0, "end": 4096}}
    document = _read(filters=[anon], ops_filters=[young], core_filters=[span])
    found = document.kdamonds[0].contexts[0].schemes[0].filters
    assert [item.filter_type.value for item in found] == ["addr", "young", "anon"]


def test_counts_beyond_32_bits_are_read_as_sysfs_takes_them() -> None:
    """Bounds up to 64 bits are accepted; the kernel keeps the low 32 bits of each."""
    bounds = {"min": "4294967297 samples", "max": "8589934592 samples"}
    pattern = {"nr_accesses": bounds, "age": {"min": "2 aggr_intervals"}}
    found = _read(access_pattern=pattern).kdamonds[0].contexts[0].schemes[0].access_pattern
    assert found.nr_accesses == damon.Range(2**32 + 1, 2**33)
    assert damon.kept_bounds(found.nr_accesses) == (1, 0)
    assert damon.kept_bounds(found.age) == (2, 2**32 - 1)


def test_a_place_keeps_the_rule() -> None:
    """An error that gains its place in the document keeps the rule's name."""
    text = json.dumps({"kdamonds": [{"contexts": [{"ops": "paddr", "nr_regions": {"min": 2}}]}]})
    with pytest.raises(DocumentError, match=r"contexts\[0\]: .*rule: min-nr-regions"):
        read_document(text)
