"""Traps of patterns, intervals and watermarks of a scheme (semantics 1.11, 2.3, 2.4 and 9)."""

from collections.abc import Iterator

from damosrl.damon.checks import U32_MAX
from damosrl.damon.explain.parts import SchemeAt, Trap
from damosrl.damon.pattern import kept_bounds
from damosrl.damon.watermarks import WatermarkMetric

U32 = 2**32
PERMIL = 1000


def pattern_traps(at: SchemeAt) -> Iterator[Trap]:
    """Yield what may surprise about when a scheme runs, and on which regions."""
    yield from _bound_traps(at)
    yield from _interval_traps(at)
    yield from _watermark_traps(at)


def _bound_traps(at: SchemeAt) -> Iterator[Trap]:
    pattern, samples = at.scheme.access_pattern, at.at.samples
    where = f"{at.where}.access_pattern"
    if pattern.sz_bytes.max < at.at.context.min_region_sz:
        yield Trap(
            where,
            "matches-nothing",
            f"no region is as small as {pattern.sz_bytes.max}: the scheme never applies",
            "give sz_bytes.max (the kernel's default pattern is 0..0)",
        )
    cap = at.at.size_cap
    if cap is not None and pattern.sz_bytes.min > cap:
        yield Trap(
            where,
            "matches-nothing",
            f"min_nr_regions {at.at.context.attrs.min_nr_regions} caps regions at {cap}, so none "
            f"is as large as {pattern.sz_bytes.min}",
            f"give sz_bytes.min <= {cap}",
        )
    for name, bounds in (("nr_accesses", pattern.nr_accesses), ("age", pattern.age)):
        kept = kept_bounds(bounds)
        if bounds.max > U32_MAX:
            yield Trap(
                f"{where}.{name}",
                "count-cut-to-32-bits",
                f"{bounds.min}..{bounds.max} becomes {kept[0]}..{kept[1]}",
                f"give {U32_MAX} for no upper bound",
            )
        if kept[0] > kept[1]:
            yield Trap(
                f"{where}.{name}",
                "matches-nothing",
                f"cut to 32 bits the lower bound {kept[0]} is above the upper one {kept[1]}",
                f"give at most {U32_MAX}",
            )
    fewest = kept_bounds(pattern.nr_accesses)[0]
    if fewest > samples:
        yield Trap(
            where,
            "accesses-above-samples",
            f"nr_accesses never exceeds {samples}, so min {fewest} never matches",
            f"give nr_accesses.min <= {samples}, or write it in per cent",
        )
    goal = at.at.context.attrs.intervals.goal
    age = pattern.age
    if goal.enabled and (age.min > 0 or age.max < U32_MAX):
        bound = age.min or age.max
        yield Trap(
            where,
            "age-changes-meaning",
            "age is compared in aggregation intervals, whose length is tuned: the same bound may "
            f"mean from {goal.min_sample_us * samples * bound} to "
            f"{goal.max_sample_us * samples * bound} us",
            "narrow min_sample_us..max_sample_us, or switch tuning off",
        )
    if any(probe.weight for probe in at.at.context.probes) and fewest > 0:
        yield Trap(
            where,
            "matches-nothing",
            "probe weights keep nr_accesses at 0, which this pattern leaves out",
            "set nr_accesses.min to 0",
        )


def _interval_traps(at: SchemeAt) -> Iterator[Trap]:
    goal = at.at.context.attrs.intervals.goal
    if goal.enabled and at.scheme.apply_interval_us > at.at.shortest_tuning_us:
        yield Trap(
            at.where,
            "apply-interval-starved",
            f"each tuning step (every {goal.aggrs} aggregations, down to "
            f"{at.at.shortest_tuning_us} us) puts the pass off, so while tuning goes on the scheme "
            "never runs",
            f"give apply_interval_us <= {at.at.shortest_tuning_us}, or a larger aggrs",
        )
    if at.scheme.max_nr_snapshots and len(at.at.context.targets) > 1:
        yield Trap(
            at.where,
            "snapshots-count-per-target",
            f"each of {len(at.at.context.targets)} targets counts a snapshot per pass, and the "
            "limit may stop a pass between two targets",
            "multiply max_nr_snapshots by the number of targets",
        )

    if at.scheme.max_nr_snapshots and at.has_quota:
        yield Trap(
            at.where,
            "snapshots-not-counted",
            "a pass that ends with a full quota, or behind its cursor, counts no snapshot: the "
            "limit may come late or never",
            "count applied bytes instead, or drop the quota",
        )


def _watermark_traps(at: SchemeAt) -> Iterator[Trap]:
    marks, where = at.scheme.watermarks, f"{at.where}.watermarks"
    if marks.metric is WatermarkMetric.NONE:
        if marks.high_permil or marks.mid_permil or marks.low_permil or marks.interval_us:
            yield Trap(
                where,
                "watermarks-without-metric",
                "metric none is always active: the levels are not looked at",
                "give metric free_mem_rate, or remove them",
            )
        return
    if not marks.low_permil <= marks.mid_permil <= marks.high_permil:
        yield Trap(
            where,
            "watermarks-unordered",
            f"the kernel does not order {marks.high_permil}/{marks.mid_permil}/"
            f"{marks.low_permil} permil (high/mid/low): the scheme may never wake",
            "give low <= mid <= high",
        )
    elif marks.mid_permil == marks.low_permil:
        yield Trap(
            where,
            "watermarks-never-wake",
            "a scheme wakes from low to below mid, and there is nothing between",
            "give mid above low",
        )
    if marks.low_permil > PERMIL:
        yield Trap(
            where, "never-active", "free memory is never above 1000 permil", "give permil <= 1000"
        )
    if marks.interval_us == 0:
        yield Trap(
            where,
            "watermark-interval-zero",
            "while inactive it checks again without any pause",
            "give interval_us, usually 5 s",
        )
    if marks.interval_us >= U32:
        yield Trap(
            where,
            "sleep-wraps",
            f"sleeps are cut to 32 bits of us: it sleeps {marks.interval_us % U32} us",
            "check at least every 71 minutes",
        )
