"""Documents that programs in a guest configure; kernel 6.12 has all they need."""

from damosrl.damon import (
    Attrs,
    Context,
    Document,
    Filter,
    FilterType,
    Intervals,
    Kdamond,
    Ops,
    Quota,
    Scheme,
    Target,
)

RESET_MS = 200


def limited(pid: int, quota_bytes: int, aggr_us: int = 20_000) -> Document:
    """Return a document that watches a process, with a quota on a scheme that does nothing.

    Args:
        pid: The process.
        quota_bytes: Quota per `RESET_MS`, bytes; the kernel shows it as effective quota.
        aggr_us: Aggregation interval, us; the kernel shows it as tuned interval.
    """
    quota = Quota(sz_bytes=quota_bytes, reset_interval_ms=RESET_MS)
    scheme = Scheme(quota=quota, filters=(Filter(FilterType.ANON),))
    attrs = Attrs(Intervals(1000, aggr_us))
    context = Context(Ops.VADDR, (Target(pid=pid),), attrs, (scheme,))
    return Document((Kdamond((context,)),))
