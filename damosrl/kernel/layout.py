"""The settings of DAMON's sysfs tree: file, default, first kernel, and where the value comes from.

One table per kind of folder (semantics 4.1, 4.4; kernel 7.3). A column's function takes the value
of the vocabulary whose settings the folder holds; `damosrl.kernel.encode` walks the tables,
`damosrl.kernel.decode` reads the same files back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from damosrl.damon import (
    AddressRange,
    Context,
    Dest,
    Filter,
    FilterType,
    GoalMetric,
    GoalTuner,
    Kdamond,
    Ops,
    Probe,
    ProbeFilter,
    ProbeFilterType,
    QuotaGoal,
    Scheme,
    Target,
    WatermarkMetric,
)

T = TypeVar("T")
Text = str | int | bool
"""A setting's value before it is written; truth values become Y and N."""

COUNTS = frozenset(
    f"nr_{kind}"
    for kind in (
        *("kdamonds", "contexts", "targets", "regions", "schemes"),
        *("probes", "filters", "goals", "dests"),
    )
)
"""Files that make and destroy the numbered folders beside them."""


@dataclass(frozen=True, slots=True)
class Row(Generic[T]):
    """One file of a folder.

    Args:
        file: Path within the folder.
        value: What the vocabulary says it holds; None where it says nothing.
        default: What the kernel fills in.
        since: First mainline kernel that has the file; None before 6.12.
    """

    file: str
    value: Callable[[T], Text | None]
    default: Text = 0
    since: str | None = None


KDAMOND: tuple[Row[Kdamond], ...] = (Row("refresh_ms", lambda k: k.refresh_ms, since="6.17"),)

CONTEXT: tuple[Row[Context], ...] = (
    Row("operations", lambda c: c.ops, Ops.VADDR),
    Row("addr_unit", lambda c: c.addr_unit, 1, "6.18"),
    Row("pause", lambda c: c.pause, default=False, since="7.2"),
    Row("monitoring_attrs/intervals/sample_us", lambda c: c.attrs.intervals.sample_us, 5_000),
    Row("monitoring_attrs/intervals/aggr_us", lambda c: c.attrs.intervals.aggr_us, 100_000),
    Row(
        "monitoring_attrs/intervals/update_us",
        lambda c: c.attrs.intervals.ops_update_us,
        60_000_000,
    ),
    *(
        Row(
            f"monitoring_attrs/intervals/intervals_goal/{name}",
            lambda c, name=name: getattr(c.attrs.intervals.goal, name),  # type: ignore[misc]
            since="6.15",
        )
        for name in ("access_bp", "aggrs", "min_sample_us", "max_sample_us")
    ),
    Row("monitoring_attrs/nr_regions/min", lambda c: c.attrs.min_nr_regions, 10),
    Row("monitoring_attrs/nr_regions/max", lambda c: c.attrs.max_nr_regions, 1000),
)

PROBE: tuple[Row[Probe], ...] = (Row("weight", lambda p: p.weight, since="7.3"),)

PROBE_FILTER: tuple[Row[ProbeFilter], ...] = (
    Row("type", lambda f: f.filter_type, ProbeFilterType.ANON, "7.2"),
    Row("matching", lambda f: f.matching, default=False, since="7.2"),
    Row("allow", lambda f: f.allow, default=False, since="7.2"),
    Row("path", lambda f: f.path, "", "7.2"),
)

TARGET: tuple[Row[Target], ...] = (
    Row("pid_target", lambda t: t.pid),
    Row("obsolete_target", lambda t: t.obsolete, default=False, since="6.19"),
)

REGION: tuple[Row[AddressRange], ...] = (
    Row("start", lambda r: r.start),
    Row("end", lambda r: r.end),
)

SCHEME: tuple[Row[Scheme], ...] = (
    Row("action", lambda s: s.action, "stat"),
    Row("target_nid", lambda s: s.target_nid, -1),
    Row("apply_interval_us", lambda s: s.apply_interval_us),
    Row("access_pattern/sz/min", lambda s: s.access_pattern.sz_bytes.min),
    Row("access_pattern/sz/max", lambda s: s.access_pattern.sz_bytes.max),
    Row("access_pattern/nr_accesses/min", lambda s: s.access_pattern.nr_accesses.min),
    Row("access_pattern/nr_accesses/max", lambda s: s.access_pattern.nr_accesses.max),
    Row("access_pattern/age/min", lambda s: s.access_pattern.age.min),
    Row("access_pattern/age/max", lambda s: s.access_pattern.age.max),
    Row("quotas/ms", lambda s: s.quota.time_ms),
    Row("quotas/bytes", lambda s: s.quota.sz_bytes),
    Row("quotas/reset_interval_ms", lambda s: s.quota.reset_interval_ms),
    Row("quotas/goal_tuner", lambda s: s.quota.goal_tuner, GoalTuner.CONSIST, "7.1"),
    Row("quotas/fail_charge_num", lambda s: s.quota.fail_charge_num, since="7.2"),
    Row("quotas/fail_charge_denom", lambda s: s.quota.fail_charge_denom, since="7.2"),
    Row("quotas/weights/sz_permil", lambda s: s.quota.weights.sz_permil),
    Row("quotas/weights/nr_accesses_permil", lambda s: s.quota.weights.nr_accesses_permil),
    Row("quotas/weights/age_permil", lambda s: s.quota.weights.age_permil),
    Row("watermarks/metric", lambda s: s.watermarks.metric, WatermarkMetric.NONE),
    Row("watermarks/interval_us", lambda s: s.watermarks.interval_us),
    Row("watermarks/high", lambda s: s.watermarks.high_permil),
    Row("watermarks/mid", lambda s: s.watermarks.mid_permil),
    Row("watermarks/low", lambda s: s.watermarks.low_permil),
    Row("stats/max_nr_snapshots", lambda s: s.max_nr_snapshots, since="7.0"),
)

GOAL: tuple[Row[QuotaGoal], ...] = (
    Row("target_metric", lambda g: g.metric, GoalMetric.USER_INPUT),
    Row("target_value", lambda g: g.target_value),
    Row("current_value", lambda g: g.current_value),
    Row("nid", lambda g: g.nid, since="6.16"),
    Row("path", lambda g: g.memcg_path if g.metric.needs_memcg else None, "", "6.19"),
)

FILTER: tuple[Row[Filter], ...] = (
    Row("type", lambda f: f.filter_type, FilterType.ANON),
    Row("matching", lambda f: f.matching, default=False),
    Row("allow", lambda f: f.allow, default=False, since="6.14"),
    Row("memcg_path", lambda f: f.memcg_path, ""),
    Row("addr_start", lambda f: f.address_range.start if f.address_range else None),
    Row("addr_end", lambda f: f.address_range.end if f.address_range else None),
    Row("min", lambda f: f.hugepage_size.min if f.hugepage_size else None, since="6.15"),
    Row("max", lambda f: f.hugepage_size.max if f.hugepage_size else None, since="6.15"),
    Row("damon_target_idx", lambda f: f.damon_target_idx),
)

DEST: tuple[Row[Dest], ...] = (
    Row("id", lambda d: d.id, since="6.17"),
    Row("weight", lambda d: d.weight, since="6.17"),
)


def text_of(value: Text) -> str:
    """Return a value as the kernel prints it.

    Example:
        >>> text_of(True), text_of(5), text_of(Ops.PADDR)
        ('Y', '5', 'paddr')
    """
    if isinstance(value, bool):
        return "Y" if value else "N"
    return str(value)
