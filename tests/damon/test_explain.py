"""Explanations: each trap is found where it is and only there; any document is explained."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damosrl import cli, damon
from damosrl.damon import explain as package
from damosrl.damon.documents import read_document
from damosrl.damon.explain import explain, to_text
from damosrl.damon.explain.feedback import next_input, windows_until
from damosrl.errors import UnknownNameError
from tests.damon.test_documents_round_trip import DOCUMENTS

EXAMPLES = Path(__file__).parents[2] / "examples" / "documents"
Action, Ops, Metric = damon.Action, damon.Ops, damon.GoalMetric

RAM = (damon.AddressRange(0, 2**30),)
OTHER_RAM = (damon.AddressRange(2**30, 2**31),)
WEIGHTS = damon.Weights(0, 1, 1)
QUOTA = damon.Quota(2**20, 2**20, 1000, WEIGHTS, fail_charge_num=1, fail_charge_denom=1024)
COLD = damon.AccessPattern(nr_accesses=damon.Range(0, 0))
HOT = damon.AccessPattern(nr_accesses=damon.Range(1, 20))
MARKS = damon.Watermarks(damon.WatermarkMetric.FREE_MEM_RATE, 5_000_000, 500, 400, 200)
YOUNG = damon.Filter(damon.FilterType.YOUNG)
ANON = damon.Filter(damon.FilterType.ANON)
UNMAPPED = damon.Filter(damon.FilterType.UNMAPPED)
ADDR = damon.Filter(damon.FilterType.ADDR, address_range=damon.AddressRange(0, 4096))
TUNING = damon.IntervalsGoal(400, 3, 5_000, 10_000_000)
STAT = damon.Scheme(Action.STAT)
DEMOTE = damon.Scheme(Action.MIGRATE_COLD, COLD, target_nid=1, quota=QUOTA)
PROMOTE = damon.Scheme(Action.MIGRATE_HOT, HOT, target_nid=0, quota=QUOTA)


def physical(*schemes: damon.Scheme, **fields: object) -> damon.Context:
    """Monitor a gibibyte of physical memory."""
    context = damon.Context(Ops.PADDR, (damon.Target(regions=RAM),), schemes=schemes)
    return replace(context, **fields)  # type: ignore[arg-type]  # names are the test's


def virtual(*schemes: damon.Scheme, ops: damon.Ops = Ops.VADDR, **fields: object) -> damon.Context:
    """Monitor process 7."""
    regions = RAM if ops is Ops.FVADDR else ()
    context = damon.Context(ops, (damon.Target(7, regions),), schemes=schemes)
    return replace(context, **fields)  # type: ignore[arg-type]  # names are the test's


def times(
    sample: int = 5_000,
    aggr: int = 100_000,
    update: int = 60_000_000,
    goal: damon.IntervalsGoal | None = None,
) -> damon.Attrs:
    """Return attributes with the given intervals, us."""
    return damon.Attrs(damon.Intervals(sample, aggr, update, goal or damon.IntervalsGoal()))


def demote(**quota: object) -> damon.Context:
    """Demote under a changed quota."""
    return physical(replace(DEMOTE, quota=replace(QUOTA, **quota)))  # type: ignore[arg-type]


def goals(*metrics: damon.GoalMetric, target: int = 50, **quota: object) -> damon.Context:
    """Demote to node 1 towards goals of node 0."""
    wanted = tuple(damon.QuotaGoal(metric, target, memcg_path=None) for metric in metrics)
    return demote(goals=wanted, **quota)


def filtered(
    *filters: damon.Filter, action: damon.Action = Action.MIGRATE_COLD, ops: damon.Ops = Ops.PADDR
) -> damon.Context:
    """Work with filters."""
    scheme = replace(DEMOTE, action=action, filters=filters)
    return physical(scheme) if ops is Ops.PADDR else virtual(scheme, ops=ops)


def marked(**marks: int) -> damon.Context:
    """Demote between watermarks."""
    return physical(replace(DEMOTE, watermarks=replace(MARKS, **marks)))  # type: ignore[arg-type]


def matched(**bounds: damon.Range) -> damon.Context:
    """Demote memory of a pattern."""
    return physical(replace(DEMOTE, access_pattern=damon.AccessPattern(**bounds)))


def probed(weight: int, *schemes: damon.Scheme, attrs: damon.Attrs | None = None) -> damon.Context:
    """Count anonymous memory."""
    probe = damon.Probe((damon.ProbeFilter(damon.ProbeFilterType.ANON),), weight)
    return physical(*schemes, probes=(probe,), attrs=attrs or damon.Attrs())


LATE = 2**32 + 5_000
TRAPS: list[tuple[str, damon.Context, damon.Context]] = [
    ("no-target", virtual(targets=()), virtual()),
    ("no-target", physical(targets=()), physical()),
    ("pid-unused", physical(targets=(damon.Target(7, RAM),)), physical()),
    (
        "vaddr-regions-overwritten",
        virtual(targets=(damon.Target(7, RAM),)),
        virtual(ops=Ops.FVADDR),
    ),
    ("no-regions", physical(targets=(damon.Target(),)), virtual()),
    ("no-regions", virtual(ops=Ops.FVADDR, targets=(damon.Target(7),)), physical()),
    ("obsolete-target", physical(targets=(damon.Target(regions=RAM, obsolete=True),)), physical()),
    ("addr-unit-ignored", virtual(addr_unit=2), virtual()),
    ("addr-unit-scales", physical(addr_unit=2), physical()),
    ("paused", physical(pause=True), physical()),
    (
        "sleep-wraps",
        physical(attrs=times(LATE, 2 * LATE)),
        physical(attrs=times(2**32 - 1, LATE)),
    ),
    ("sample-zero", physical(attrs=times(0, 100)), physical(attrs=times(1, 100))),
    ("one-sample", physical(attrs=times(100, 199)), physical(attrs=times(100, 200))),
    (
        "ops-update-starved",
        virtual(attrs=times(5000, 100_000, 300_001, goal=TUNING)),
        virtual(attrs=times(5000, 100_000, 300_000, goal=TUNING)),
    ),
    (
        "access-goal-unreachable",
        physical(attrs=times(goal=replace(TUNING, access_bp=10_001))),
        physical(attrs=times(goal=TUNING)),
    ),
    ("tuned-intervals-reverted", physical(attrs=times(goal=TUNING)), physical()),
    ("probes-ignored", virtual(probes=(damon.Probe(),)), probed(0)),
    ("probe-weights-replace-access", probed(1), probed(0)),
    (
        "probe-counter-wraps",
        probed(0, attrs=times(1, 256)),
        probed(0, attrs=times(1, 255)),
    ),
    ("matches-nothing", matched(sz_bytes=damon.Range(0, 0)), matched()),
    ("matches-nothing", probed(1, PROMOTE), probed(1, DEMOTE)),
    (
        "accesses-above-samples",
        matched(nr_accesses=damon.Range(21, 30)),
        matched(nr_accesses=damon.Range(20, 30)),
    ),
    (
        "age-changes-meaning",
        replace(matched(age=damon.Range(5, 9)), attrs=times(goal=TUNING)),
        matched(age=damon.Range(5, 9)),
    ),
    (
        "apply-interval-starved",
        physical(replace(DEMOTE, apply_interval_us=300_001), attrs=times(goal=TUNING)),
        physical(replace(DEMOTE, apply_interval_us=300_000), attrs=times(goal=TUNING)),
    ),
    (
        "snapshots-count-per-target",
        virtual(replace(STAT, max_nr_snapshots=2), targets=(damon.Target(7), damon.Target(8))),
        virtual(replace(STAT, max_nr_snapshots=2)),
    ),
    ("watermarks-unordered", marked(low_permil=401), marked(low_permil=400)),
    (
        "never-active",
        marked(high_permil=1001, mid_permil=1001, low_permil=1001),
        marked(high_permil=1000, mid_permil=1000, low_permil=1000),
    ),
    ("watermark-interval-zero", marked(interval_us=0), marked(interval_us=1)),
    ("sleep-wraps", marked(interval_us=2**32), marked(interval_us=2**32 - 1)),
    ("quota-unlimited", physical(replace(DEMOTE, quota=damon.Quota())), physical(STAT)),
    ("quota-below-region", demote(sz_bytes=4095), demote(sz_bytes=4096)),
    ("failures-cost-more", demote(fail_charge_num=1025), demote(fail_charge_num=1024)),
    ("filtered-regions-sliced", filtered(ADDR), filtered(ANON)),
    ("window-never-ends", demote(reset_interval_ms=2**31), demote(reset_interval_ms=2**31 - 1)),
    ("reset-interval-wraps", demote(reset_interval_ms=2**32 + 300), demote()),
    ("window-each-pass", demote(reset_interval_ms=0), demote(reset_interval_ms=1)),
    ("window-rounded", demote(reset_interval_ms=250), demote(reset_interval_ms=300)),
    (
        "highest-score-wins",
        goals(Metric.NODE_MEM_FREE_BP, Metric.USER_INPUT),
        goals(Metric.NODE_MEM_FREE_BP),
    ),
    (
        "consist-starts-at-one-byte",
        goals(Metric.NODE_MEM_FREE_BP),
        goals(Metric.NODE_MEM_FREE_BP, goal_tuner=damon.GoalTuner.TEMPORAL),
    ),
    (
        "temporal-unlimited",
        goals(Metric.NODE_MEM_FREE_BP, goal_tuner=damon.GoalTuner.TEMPORAL, sz_bytes=0),
        goals(Metric.NODE_MEM_FREE_BP, goal_tuner=damon.GoalTuner.TEMPORAL),
    ),
    ("goal-direction", goals(Metric.NODE_MEM_USED_BP), goals(Metric.NODE_MEM_FREE_BP)),
    (
        "goal-unreachable",
        goals(Metric.ACTIVE_MEM_BP, target=10_001),
        goals(Metric.ACTIVE_MEM_BP, target=10_000),
    ),
    ("psi-goal", goals(Metric.SOME_MEM_PSI_US), goals(Metric.USER_INPUT)),
    ("weights-zero", demote(weights=damon.Weights()), demote()),
    (
        "weights-wrap",
        demote(weights=damon.Weights(0, 2**32 // 100 + 1, 0)),
        demote(weights=damon.Weights(0, 1000, 1000)),
    ),
    ("size-weight-unused", demote(weights=damon.Weights(1, 1, 1)), demote()),
    (
        "action-unsupported",
        physical(replace(DEMOTE, action=Action.WILLNEED)),
        physical(replace(DEMOTE, action=Action.LRU_PRIO)),
    ),
    ("failures-charged", demote(fail_charge_denom=0), demote()),
    (
        "destination-unused",
        physical(replace(STAT, target_nid=1)),
        physical(STAT),
    ),
    (
        "dests-ignored",
        physical(replace(DEMOTE, dests=(damon.Dest(0, 1),))),
        virtual(replace(DEMOTE, dests=(damon.Dest(0, 1),))),
    ),
    ("no-destination", physical(replace(DEMOTE, target_nid=-1)), physical(DEMOTE)),
    (
        "no-destination",
        virtual(replace(DEMOTE, dests=(damon.Dest(0, 0),))),
        virtual(replace(DEMOTE, dests=(damon.Dest(0, 1),))),
    ),
    (
        "target-nid-ignored",
        virtual(replace(DEMOTE, dests=(damon.Dest(0, 1),))),
        virtual(replace(DEMOTE, target_nid=-1, dests=(damon.Dest(0, 1),))),
    ),
    (
        "filter-target-missing",
        filtered(damon.Filter(damon.FilterType.TARGET, damon_target_idx=1)),
        filtered(damon.Filter(damon.FilterType.TARGET, damon_target_idx=0)),
    ),
    (
        "filter-empty-range",
        filtered(replace(ADDR, address_range=damon.AddressRange(0, 0))),
        filtered(ADDR),
    ),
    (
        "ops-filters-ignored",
        filtered(ANON, action=Action.PAGEOUT, ops=Ops.VADDR),
        filtered(ANON, ops=Ops.VADDR),
    ),
    ("default-reject", filtered(replace(ANON, allow=True)), filtered(ANON)),
    ("allow-skips-ops-filters", filtered(replace(ADDR, allow=True), ANON), filtered(ADDR, ANON)),
    (
        "pageout-rejects-young",
        filtered(action=Action.PAGEOUT),
        filtered(YOUNG, action=Action.PAGEOUT),
    ),
    ("young-filter-clears", filtered(YOUNG), filtered(YOUNG, action=Action.PAGEOUT)),
    (
        "schemes-fight",
        physical(DEMOTE, replace(PROMOTE, access_pattern=COLD)),
        physical(DEMOTE, PROMOTE),
    ),
]


def document(*contexts: damon.Context) -> damon.Document:
    """Run each context in a kdamond."""
    return damon.Document(tuple(damon.Kdamond((context,)) for context in contexts))


def rules(*contexts: damon.Context, kernel: str = "7.3") -> set[str]:
    """Return the names of the traps found."""
    return {trap.rule for trap in explain(document(*contexts), kernel).traps}


@pytest.mark.parametrize(("rule", "trap", "clean"), TRAPS, ids=lambda value: str(value)[:30])
def test_each_trap_is_found_and_only_there(
    rule: str, trap: damon.Context, clean: damon.Context
) -> None:
    """A rule warns of a document that falls into it, and not of its sound neighbour."""
    assert rule in rules(trap)
    assert rule not in rules(clean)


def test_two_kdamonds_on_one_memory_are_named() -> None:
    """Overlapping physical ranges warn, neighbouring ones do not."""
    elsewhere = physical(targets=(damon.Target(regions=OTHER_RAM),))
    assert "memory-monitored-twice" in rules(physical(), physical())
    assert "memory-monitored-twice" not in rules(physical(), elsewhere)


@pytest.mark.parametrize(
    ("since", "before", "context"),
    [
        ("6.14", "6.12", physical(replace(STAT, filters=(replace(ANON, allow=True),)))),
        ("6.15", "6.14", physical(attrs=times(goal=TUNING))),
        ("6.15", "6.14", physical(replace(STAT, filters=(UNMAPPED,)))),
        ("6.17", "6.16", virtual(replace(DEMOTE, quota=damon.Quota()))),
        ("6.18", "6.17", physical(addr_unit=2)),
        ("7.0", "6.19", physical(replace(STAT, max_nr_snapshots=1))),
        ("7.2", "7.1", physical(pause=True)),
        ("7.2", "7.1", virtual(damon.Scheme(Action.COLLAPSE))),
        ("7.2", "7.1", probed(0)),
        ("7.3", "7.2", probed(1)),
    ],
)
def test_features_are_dated(since: str, before: str, context: damon.Context) -> None:
    """A kernel before the feature's own is warned of, the first that has it is not."""
    assert "kernel-too-old" in rules(context, kernel=before)
    assert "kernel-too-old" not in rules(context, kernel=since)


def test_every_rule_is_tested() -> None:
    """No rule's name stands in the code without a document that triggers it here."""
    code = "".join(path.read_text() for path in Path(package.__file__).parent.glob("*.py"))
    named = set(re.findall(r'Trap\(\s*f?[\w.\[\]{}"]+,\s*"([a-z-]+)"', code))
    apart = {"memory-monitored-twice", "kernel-too-old"}
    assert named == {rule for rule, _, _ in TRAPS} | apart


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(DOCUMENTS, st.sampled_from(["6.12", "7.0", "7.3"]))
def test_any_document_is_explained(value: damon.Document, kernel: str) -> None:
    """Whatever the kernel accepts can be put into words."""
    assert to_text(explain(value, kernel)).endswith("\n")


@pytest.mark.parametrize(
    ("last", "score", "expected"),
    [
        (10_000, 1, 19_999),
        (15_000, 10_001, 14_999),
        (20_000, 15_001, 10_000),
        (9_999, 12_000, 10_000),
        (2**64 - 1, 10_001, 18444899399302180660),
        (2**64 - 1, 9_999, 2**64 - 1),
        (2**63, 0, 18446744073709545808),
        (12297829382473034411, 5000, 18446744073709549411),
    ],
)
def test_feedback_is_the_kernel_s(last: int, score: int, expected: int) -> None:
    """The plain function gives what the kernel's compiled one gave."""
    assert next_input(last, score) == expected


def test_growth_takes_the_windows_it_takes() -> None:
    """12 windows to a page and 20 to a mebibyte: the quota doubles from one byte."""
    assert [windows_until(size) for size in (1, 4096, 2**20)] == [0, 12, 20]


def test_statements_say_the_numbers() -> None:
    """Pattern, quota, growth and order of a demotion appear with their units."""
    words = to_text(explain(document(goals(Metric.NODE_MEM_FREE_BP))))
    for part in ("0..0 of 20 samples", "to node 1", "1 MiB/s", "20 windows (20 s)", "coldest"):
        assert part in words


def test_the_command_explains_the_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """Sound examples and the one full of traps are explained; only --strict fails."""
    for name in ("reclaim", "tiering", "traps"):
        assert cli.main(["explain", str(EXAMPLES / f"{name}.yaml")]) == 0
    assert "[apply-interval-starved]" in capsys.readouterr().out
    assert cli.main(["explain", str(EXAMPLES / "traps.yaml"), "--strict", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["traps"]


def test_a_bad_document_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A refused document and an unknown kernel end with 2 and one line."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("kdamonds: [{contexts: []}]\n")
    assert cli.main(["explain", str(bad)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(UnknownNameError, match="kernel version"):
        explain(read_document({"kdamonds": []}), "5.4")
