"""Documents that tests of the client configure."""

from damosrl.damon import (
    AccessPattern,
    Action,
    AddressRange,
    Attrs,
    Context,
    Document,
    Filter,
    FilterType,
    GoalMetric,
    Intervals,
    Kdamond,
    Ops,
    Quota,
    QuotaGoal,
    Range,
    Scheme,
    Target,
)

GIB = 1 << 30


def scheme(quota_bytes: int = 1 << 20, **more: object) -> Scheme:
    """Return a promotion scheme with a goal and filters of both layers."""
    goal = QuotaGoal(GoalMetric.USER_INPUT, target_value=100, current_value=50)
    filters = (
        Filter(FilterType.ADDR, address_range=AddressRange(0, GIB)),
        Filter(FilterType.YOUNG),
    )
    values: dict[str, object] = {
        "action": Action.MIGRATE_HOT,
        "target_nid": 0,
        "access_pattern": AccessPattern(nr_accesses=Range(1, 20)),
        "quota": Quota(sz_bytes=quota_bytes, reset_interval_ms=1000, goals=(goal,)),
        "filters": filters,
    }
    return Scheme(**(values | more))  # type: ignore[arg-type]


def physical(*schemes: Scheme, kdamonds: int = 1, **more: object) -> Document:
    """Return a document of kdamonds that watch 1 GiB of physical memory each."""
    contexts = (
        Context(
            ops=Ops.PADDR,
            targets=(Target(regions=(AddressRange(at * GIB, (at + 1) * GIB),)),),
            schemes=schemes or (scheme(),),
            **more,  # type: ignore[arg-type]
        )
        for at in range(kdamonds)
    )
    return Document(tuple(Kdamond((context,)) for context in contexts))


def virtual(*pids: int) -> Document:
    """Return a document that watches processes and does nothing."""
    attrs = Attrs(Intervals(1000, 20_000))
    targets = tuple(Target(pid=pid) for pid in pids)
    return Document((Kdamond((Context(Ops.VADDR, targets, attrs, (Scheme(),)),)),))
