"""What DAMON_STAT tells about a snapshot of regions: bandwidth, and how long memory idles.

Formulas: mm/damon/stat.c of kernel 7.3 (semantics 3.3). The module takes its snapshot at
whatever point of an aggregation it wakes, so that counts may be of part of an interval.
"""

from collections.abc import Sequence

from damosrl.damon.checks import U64_MAX
from damosrl.damon.region import Region

PERCENTILES = 101
"""Values of ``memory_idle_ms_percentiles``: 0 % to 100 %."""


def estimated_memory_bandwidth(regions: Sequence[Region], aggr_us: int) -> int:
    """Return bytes per second that were accessed at least, had each access touched a whole region.

    Sum of size * nr_accesses * 1000000 // aggr_us, in the kernel's 64 bits: above 2^64 byte
    accesses per million the product wraps, as in the kernel.

    Args:
        regions: Snapshot; sizes in bytes.
        aggr_us: Aggregation interval, us.

    Example:
        >>> estimated_memory_bandwidth([Region(0, 4096, nr_accesses=20)], 100_000)
        819200
    """
    access_bytes = sum(region.size * region.nr_accesses for region in regions)
    return (access_bytes * 1_000_000 & U64_MAX) // aggr_us


def memory_idle_ms_percentiles(regions: Sequence[Region], aggr_us: int) -> tuple[int, ...]:
    """Return how long memory has been idle, ms, by percentile of memory, hottest first.

    A region idles for age + 1 aggregation intervals if it was not accessed; else the number is
    negative: it has been accessed about alike for that long (signed since 6.18). Percentile p is
    the idle time of the first region, in ascending order, up to whose end floor(share) >= p.

    Args:
        regions: Snapshot, at least one region.
        aggr_us: Aggregation interval, us.

    Returns:
        101 values, ascending.

    Example:
        >>> idle = [Region(0, 4096, nr_accesses=5, age=9), Region(4096, 8192, age=99)]
        >>> values = memory_idle_ms_percentiles(idle, 100_000)
        >>> values[0], values[50], values[51], values[100]
        (-1000, -1000, 10000, 10000)
    """
    ordered = sorted(regions, key=_idle_aggregations)
    total = sum(region.size for region in ordered)
    values: list[int] = []
    accounted = 0
    for region in ordered:
        accounted += region.size
        reached = accounted * 100 // total
        idle_ms = _towards_zero(_idle_aggregations(region) * aggr_us, 1000)
        values += [idle_ms] * (reached + 1 - len(values))
    return tuple(values)


def _idle_aggregations(region: Region) -> int:
    return -(region.age + 1) if region.nr_accesses else region.age + 1


def _towards_zero(number: int, divisor: int) -> int:
    """Divide as C does."""
    return -(-number // divisor) if number < 0 else number // divisor
