"""Traps of patterns, intervals and watermarks of a scheme (semantics 1.11, 2.3, 2.4 and 9)."""

from collections.abc import Iterator

from damosrl.damon.checks import U32_MAX
from damosrl.damon.explain.parts import SchemeAt, Trap
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
    if pattern.nr_accesses.min > samples:
        yield Trap(
            where,
            "accesses-above-samples",
            f"nr_accesses never exceeds {samples}, so min {pattern.nr_accesses.min} never matches",
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
    if any(probe.weight for probe in at.at.context.probes) and pattern.nr_accesses.min > 0:
        yield Trap(
            where,
            "matches-nothing",
            "probe weights keep nr_accesses at 0, which this pattern leaves out",
            "set nr_accesses.min to 0",
        )


def _interval_traps(at: SchemeAt) -> Iterator[Trap]:
    times = at.at.context.attrs.intervals
    goal = times.goal
    if goal.enabled and at.scheme.apply_interval_us > goal.aggrs * times.aggr_us:
        yield Trap(
            at.where,
            "apply-interval-starved",
            f"each tuning step (every {goal.aggrs} aggregations) puts the pass off, so while "
            "tuning goes on the scheme never runs",
            f"give apply_interval_us <= {goal.aggrs * times.aggr_us}, or a larger aggrs",
        )
    if at.scheme.max_nr_snapshots and len(at.at.context.targets) > 1:
        yield Trap(
            at.where,
            "snapshots-count-per-target",
            f"each of {len(at.at.context.targets)} targets counts a snapshot per pass, and the "
            "limit may stop a pass between two targets",
            "multiply max_nr_snapshots by the number of targets",
        )


def _watermark_traps(at: SchemeAt) -> Iterator[Trap]:
    marks, where = at.scheme.watermarks, f"{at.where}.watermarks"
    if marks.metric is WatermarkMetric.NONE:
        return
    if not marks.low_permil <= marks.mid_permil <= marks.high_permil:
        yield Trap(
            where,
            "watermarks-unordered",
            f"the kernel does not order {marks.high_permil}/{marks.mid_permil}/"
            f"{marks.low_permil} permil (high/mid/low): the scheme may never wake",
            "give low <= mid <= high",
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
