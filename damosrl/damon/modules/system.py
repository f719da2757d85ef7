"""What DAMON_RECLAIM and DAMON_LRU_SORT share: monitoring of all memory, quota, watermarks."""

from dataclasses import dataclass
from typing import ClassVar

from damosrl.damon.attrs import Attrs, Intervals, IntervalsGoal
from damosrl.damon.checks import U32_MAX
from damosrl.damon.context import PAGE_SIZE, Context, Ops, Target
from damosrl.damon.kdamond import Document, Kdamond
from damosrl.damon.modules.layout import PhysicalLayout
from damosrl.damon.modules.module import Module
from damosrl.damon.ranges import AddressRange, Range
from damosrl.damon.scheme import Scheme
from damosrl.damon.watermarks import WatermarkMetric, Watermarks
from damosrl.errors import DocumentError

AUTOTUNE_SAMPLE_BOUNDS_US = (5_000, 10_000_000)
"""Sampling intervals that every module with auto-tuning keeps to."""

ANY_SIZE = Range(min=PAGE_SIZE)
"""Sizes that schemes of modules match: a page (of core address units) and more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemModule(Module):
    """Parameters of modules that watch physical memory (mm/damon/modules-common.h, 7.3).

    Args:
        sample_interval: Time between access checks, us.
        aggr_interval: Time over which checks are counted, us.
        min_nr_regions: Least number of regions, at least 3.
        max_nr_regions: Largest number of regions.
        monitor_region_start: First address to watch, core address units; 0 with an end of 0 is
            all System RAM.
        monitor_region_end: One past the last address to watch, core address units.
        addr_unit: Bytes per core address unit.
        autotune_monitoring_intervals: Tune both intervals, starting from 5 ms and 100 ms,
            towards 0.4 % of positive checks.
        quota_ms: Time to spend per window, ms; 0 is no limit.
        quota_reset_interval_ms: Length of a window, ms.
        wmarks_interval: Time between checks of free memory while inactive, us.
        wmarks_high: Free memory above which the module is inactive, permil.
        wmarks_mid: Free memory below which it becomes active, permil.
        wmarks_low: Free memory below which it is inactive, permil.
    """

    CONTROLS: ClassVar[tuple[str, ...]] = ("enabled", "commit_inputs")

    sample_interval: int = 5_000
    aggr_interval: int = 100_000
    min_nr_regions: int = 10
    max_nr_regions: int = 1000
    monitor_region_start: int = 0
    monitor_region_end: int = 0
    addr_unit: int = 1
    autotune_monitoring_intervals: bool = False
    quota_ms: int = 10
    quota_reset_interval_ms: int = 1000
    wmarks_interval: int = 5_000_000
    wmarks_high: int
    wmarks_mid: int
    wmarks_low: int


def attrs_of(module: SystemModule) -> Attrs:
    """Return the monitoring attributes that a module starts with."""
    if not module.autotune_monitoring_intervals:
        intervals = Intervals(module.sample_interval, module.aggr_interval, ops_update_us=0)
    else:
        intervals = Intervals(ops_update_us=0, goal=autotune_goal(access_bp=40))
    return Attrs(intervals, module.min_nr_regions, module.max_nr_regions)


def autotune_goal(access_bp: int) -> IntervalsGoal:
    """Return the interval tuning of modules: every 3 aggregations, within 5 ms and 10 s."""
    low, high = AUTOTUNE_SAMPLE_BOUNDS_US
    return IntervalsGoal(access_bp, aggrs=3, min_sample_us=low, max_sample_us=high)


def aggregations(time_us: int, attrs: Attrs) -> int:
    """Return whole aggregation intervals in a time, cut to the kernel's 32 bits of an age."""
    return (time_us // attrs.intervals.aggr_us) & U32_MAX


def refuse_zero(name: str, value: int) -> None:
    """Refuse an interval that the module divides by.

    Raises:
        DocumentError: The value is 0 (the kernel answers EINVAL).
    """
    if value == 0:
        raise DocumentError(
            f"{name} is zero", got=0, allowed=">= 1", fix="give an interval in microseconds"
        )


def watermarks_of(module: SystemModule) -> Watermarks:
    """Return the watermarks of all schemes of a module."""
    return Watermarks(
        WatermarkMetric.FREE_MEM_RATE,
        interval_us=module.wmarks_interval,
        high_permil=module.wmarks_high,
        mid_permil=module.wmarks_mid,
        low_permil=module.wmarks_low,
    )


def document_of(
    module: SystemModule, attrs: Attrs, schemes: tuple[Scheme, ...], layout: PhysicalLayout
) -> Document:
    """Return one kdamond that watches the module's region of physical memory."""
    bare = Context(Ops.PADDR, addr_unit=module.addr_unit)  # refuses units that do not fit
    target = Target(regions=(_monitor_region(module, bare.min_region_sz, layout),))
    return Document((Kdamond((Context(Ops.PADDR, (target,), attrs, schemes, module.addr_unit),)),))


def physical_target(span: AddressRange) -> Target:
    """Return a target of physical memory, its bounds in bytes and aligned outwards to pages."""
    return Target(regions=(_aligned(span, PAGE_SIZE),))


def _monitor_region(
    module: SystemModule, min_region_sz: int, layout: PhysicalLayout
) -> AddressRange:
    start, end = module.monitor_region_start, module.monitor_region_end
    if start > end:
        raise DocumentError(
            "monitor_region_start is above monitor_region_end",
            got=f"{start}-{end}",
            allowed="start <= end",
            fix="swap them",
        )
    if start == end == 0:
        ram = layout.monitored()
        start, end = ram.start // module.addr_unit, -(-ram.end // module.addr_unit)
    return _aligned(AddressRange(start, end), min_region_sz)


def _aligned(span: AddressRange, size: int) -> AddressRange:
    return AddressRange(span.start // size * size, -(-span.end // size) * size)
