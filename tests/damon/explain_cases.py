"""Documents that fall into one trap each, and their sound neighbours."""

from dataclasses import replace

from damosrl import damon
from damosrl.damon.explain import explain

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


def memcg(path: str) -> damon.Filter:
    """Leave out a control group."""
    return damon.Filter(damon.FilterType.MEMCG, memcg_path=path)


def filled(target: int) -> damon.Quota:
    """Want a share of node 0 used, basis points."""
    goal = damon.QuotaGoal(Metric.NODE_MEM_USED_BP, target)
    return replace(QUOTA, goals=(goal,))


def eligible(nid: int) -> damon.Quota:
    """Want a share of the matching memory on a node."""
    goal = damon.QuotaGoal(Metric.NODE_ELIGIBLE_MEM_BP, 5_000, nid=nid)
    return replace(QUOTA, goals=(goal,))


def emptied(nid: int) -> damon.Scheme:
    """Demote to node 1 until some of a node is free."""
    return replace(DEMOTE, quota=replace(QUOTA, goals=(free_goal(nid),)))


def free_goal(nid: int, target: int = 50) -> damon.QuotaGoal:
    """Want a share of a node free, basis points."""
    return damon.QuotaGoal(Metric.NODE_MEM_FREE_BP, target, nid=nid)


LATE = 2**32 + 5_000
CAP = 107_376_640
"""Largest of at least 10 regions in a gibibyte, rounded up to a page (semantics 1.10)."""
OLD = damon.AccessPattern(nr_accesses=damon.Range(0, 0), age=damon.Range(5, 9))
USED_QUOTA = filled(50)
ACTIVE_QUOTA = replace(QUOTA, goals=(damon.QuotaGoal(Metric.ACTIVE_MEM_BP, 5_000),))
TEMPORAL = damon.GoalTuner.TEMPORAL
SINGLES = tuple(damon.AddressRange(8192 * place, 8192 * place + 4096) for place in range(11))
ADJACENT = tuple(damon.AddressRange(4096 * place, 4096 * (place + 1)) for place in range(11))
TEN_REGIONS = damon.Attrs(min_nr_regions=10, max_nr_regions=10)
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
        goals(Metric.NODE_MEM_FREE_BP, goal_tuner=TEMPORAL),
    ),
    (
        "temporal-unlimited",
        goals(Metric.NODE_MEM_FREE_BP, goal_tuner=TEMPORAL, sz_bytes=0, time_ms=0),
        goals(Metric.NODE_MEM_FREE_BP, goal_tuner=TEMPORAL, sz_bytes=0),
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
        "too-many-ranges",
        physical(targets=(damon.Target(regions=SINGLES),), attrs=TEN_REGIONS),
        physical(targets=(damon.Target(regions=ADJACENT),), attrs=TEN_REGIONS),
    ),
    (
        "too-many-ranges",
        virtual(targets=tuple(damon.Target(pid) for pid in range(4)), attrs=TEN_REGIONS),
        virtual(targets=tuple(damon.Target(pid) for pid in range(3)), attrs=TEN_REGIONS),
    ),
    (
        "sleep-wraps",
        physical(attrs=times(goal=replace(TUNING, max_sample_us=2**32))),
        physical(attrs=times(goal=replace(TUNING, max_sample_us=2**32 - 1))),
    ),
    (
        "tuning-pinned",
        physical(attrs=times(goal=replace(TUNING, max_sample_us=5_000))),
        physical(attrs=times(goal=TUNING)),
    ),
    (
        "tuning-loses-counts",
        physical(attrs=times(5_000, 15_000, goal=TUNING)),
        physical(attrs=times(5_000, 100_000, goal=TUNING)),
    ),
    (
        "matches-nothing",
        matched(sz_bytes=damon.Range(CAP + 1, 2**40)),
        matched(sz_bytes=damon.Range(CAP, 2**40)),
    ),
    (
        "matches-nothing",
        matched(age=damon.Range(3, 2**32 + 2)),
        matched(age=damon.Range(3, 2**32 + 3)),
    ),
    (
        "count-cut-to-32-bits",
        matched(nr_accesses=damon.Range(0, 2**32)),
        matched(nr_accesses=damon.Range(0, 2**32 - 1)),
    ),
    (
        "snapshots-not-counted",
        physical(replace(DEMOTE, max_nr_snapshots=2)),
        physical(replace(STAT, max_nr_snapshots=2)),
    ),
    (
        "watermarks-without-metric",
        physical(replace(STAT, watermarks=damon.Watermarks(high_permil=500))),
        physical(STAT),
    ),
    (
        "watermarks-never-wake",
        marked(mid_permil=200, low_permil=200),
        marked(mid_permil=201, low_permil=200),
    ),
    ("failures-free", demote(fail_charge_num=0), demote(fail_charge_num=1)),
    ("fail-charge-ignored", demote(fail_charge_denom=0), demote(fail_charge_denom=1024)),
    (
        "weights-unused",
        physical(replace(DEMOTE, quota=damon.Quota(weights=WEIGHTS))),
        physical(DEMOTE),
    ),
    ("weights-unused", physical(replace(STAT, quota=QUOTA)), physical(STAT)),
    (
        "consist-unlimited",
        goals(Metric.NODE_MEM_FREE_BP, sz_bytes=0, time_ms=0),
        goals(Metric.NODE_MEM_FREE_BP, time_ms=0),
    ),
    (
        "goal-direction",
        physical(replace(PROMOTE, quota=replace(QUOTA, goals=(free_goal(0),)))),
        physical(emptied(0)),
    ),
    (
        "goal-direction",
        physical(replace(emptied(0), action=Action.PAGEOUT, quota=USED_QUOTA)),
        physical(replace(emptied(0), action=Action.PAGEOUT)),
    ),
    (
        "goal-direction",
        physical(replace(DEMOTE, action=Action.LRU_DEPRIO, quota=ACTIVE_QUOTA)),
        physical(replace(DEMOTE, action=Action.LRU_PRIO, quota=ACTIVE_QUOTA)),
    ),
    (
        "goal-not-moved",
        physical(replace(emptied(0), action=Action.LRU_PRIO)),
        physical(replace(DEMOTE, action=Action.LRU_PRIO, quota=ACTIVE_QUOTA)),
    ),
    ("goal-node-missing", physical(emptied(-1)), physical(emptied(0))),
    ("user-input-static", goals(Metric.USER_INPUT), goals(Metric.NODE_MEM_FREE_BP)),
    (
        "psi-above-window",
        goals(Metric.SOME_MEM_PSI_US, target=1_000_001),
        goals(Metric.SOME_MEM_PSI_US, target=1_000_000),
    ),
    (
        "goals-leave-gap",
        physical(replace(PROMOTE, quota=filled(9_950)), emptied(0)),
        physical(replace(PROMOTE, quota=filled(9_951)), emptied(0)),
    ),
    ("migrates-to-own-node", physical(PROMOTE, emptied(0)), physical(PROMOTE, emptied(2))),
    (
        "filter-empty-range",
        filtered(replace(ADDR, address_range=damon.AddressRange(1, 4095))),
        filtered(replace(ADDR, address_range=damon.AddressRange(1, 4096))),
    ),
    (
        "filter-outside-regions",
        filtered(replace(ADDR, address_range=damon.AddressRange(2**30, 2**31))),
        filtered(replace(ADDR, address_range=damon.AddressRange(2**30 - 4096, 2**31))),
    ),
    ("filter-unreachable", filtered(ANON, ANON), filtered(ANON, YOUNG)),
    (
        "filter-unreachable",
        filtered(ANON, replace(ANON, matching=False), YOUNG),
        filtered(ANON, replace(ANON, matching=False)),
    ),
    ("filter-unreachable", filtered(memcg("/a"), memcg("/a")), filtered(memcg("/a"), memcg("/b"))),
    (
        "default-allow",
        filtered(replace(ANON, allow=True), YOUNG),
        filtered(YOUNG, replace(ANON, allow=True)),
    ),
    ("memcg-is-exact", filtered(memcg("/a")), filtered(ANON)),
    ("memcg-path-relative", filtered(memcg("a")), filtered(memcg("/a"))),
    ("migrates-unchecked-pages", filtered(), filtered(YOUNG)),
    ("young-filter-contradicts", filtered(replace(YOUNG, allow=True)), filtered(YOUNG)),
    (
        "age-reset-by-other-scheme",
        physical(DEMOTE, replace(DEMOTE, action=Action.PAGEOUT, access_pattern=OLD)),
        physical(STAT, replace(DEMOTE, action=Action.PAGEOUT, access_pattern=OLD)),
    ),
    (
        "damo-drops-snapshots",
        physical(replace(STAT, max_nr_snapshots=1)),
        physical(STAT),
    ),
    (
        "damo-drops-node",
        physical(replace(DEMOTE, quota=eligible(1))),
        physical(replace(DEMOTE, quota=eligible(0))),
    ),
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
