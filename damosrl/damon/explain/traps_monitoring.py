"""Traps of what is monitored, and how often (semantics 0, 1.2, 1.4, 1.11, 1.12 and 9)."""

from collections.abc import Iterator

from damosrl.damon.context import Ops
from damosrl.damon.explain.parts import ContextAt, Trap

U32 = 2**32
BASIS = 10_000
PROBE_COUNTER_MAX = 255


def monitoring_traps(at: ContextAt) -> Iterator[Trap]:
    """Yield what may surprise about the monitoring of one context."""
    yield from _target_traps(at)
    yield from _interval_traps(at)
    yield from _tuning_traps(at)
    yield from _probe_traps(at)


def _target_traps(at: ContextAt) -> Iterator[Trap]:
    context = at.context
    if not at.physical and not context.targets:
        yield Trap(
            at.where, "no-target", "the kdamond stops at its first check", "add a target with a pid"
        )
    if at.physical and not context.targets:
        yield Trap(at.where, "no-target", "nothing is monitored", "add a target with regions")
    for index, target in enumerate(context.targets):
        where = f"{at.where}.targets[{index}]"
        if at.physical and target.pid is not None:
            yield Trap(where, "pid-unused", "paddr ignores the pid", "remove it, or use vaddr")
        if context.ops is Ops.VADDR and target.regions:
            yield Trap(
                where,
                "vaddr-regions-overwritten",
                "the first update of the targets replaces these regions by the three-regions rule",
                "use fvaddr to keep them",
            )
        if context.ops is not Ops.VADDR and not target.regions:
            yield Trap(
                where,
                "no-regions",
                f"{context.ops} fills in no regions: nothing is monitored",
                "give regions (for paddr those of System RAM in /proc/iomem)",
            )
        if target.obsolete:
            yield Trap(
                where,
                "obsolete-target",
                "a commit removes the target; it must exist already (else EINVAL)",
                "remove it from the document after the commit",
            )
    if not at.physical and context.addr_unit != 1:
        yield Trap(
            at.where, "addr-unit-ignored", f"{context.ops} ignores addr_unit", "set addr_unit to 1"
        )
    if at.physical and context.addr_unit != 1:
        yield Trap(
            at.where,
            "addr-unit-scales",
            f"every address, size and quota in bytes counts units of {context.addr_unit} bytes",
            "divide addresses and sizes by addr_unit",
        )
    ranges = _separate_ranges(at)
    if ranges > context.attrs.max_nr_regions:
        yield Trap(
            at.where,
            "too-many-ranges",
            f"{ranges} ranges that do not touch stay apart: there are more regions than "
            f"max_nr_regions {context.attrs.max_nr_regions} says",
            f"give nr_regions.max of {ranges} or more",
        )
    if context.pause:
        yield Trap(at.where, "paused", "no sampling and no scheme runs", "set pause to false")


def _separate_ranges(at: ContextAt) -> int:
    """Return how many ranges no merge can join; vaddr has three of each process (1.4)."""
    if at.context.ops is Ops.VADDR:
        return 3 * len(at.context.targets)
    smallest, count = at.context.min_region_sz, 0
    for target in at.context.targets:
        end = None
        for region in target.regions:
            count += end is None or region.start // smallest * smallest != end
            end = -(-region.end // smallest) * smallest
    return count


def _interval_traps(at: ContextAt) -> Iterator[Trap]:
    times = at.context.attrs.intervals
    if times.sample_us >= U32:
        yield Trap(
            at.where,
            "sleep-wraps",
            f"sleeps are cut to 32 bits of us: it sleeps {times.sample_us % U32} us",
            "sample at least every 71 minutes",
        )
    if times.goal.enabled and times.goal.max_sample_us >= U32:
        yield Trap(
            at.where,
            "sleep-wraps",
            "tuning may lengthen sampling beyond 32 bits of us, and sleeps are cut to them",
            "give max_sample_us below 71 minutes",
        )
    if times.sample_us == 0:
        yield Trap(
            at.where, "sample-zero", "it samples without any pause", "give sample_us, usually 5 ms"
        )
    if at.samples == 1:
        yield Trap(
            at.where,
            "one-sample",
            "a region is either accessed or not: nr_accesses is 0 or 1",
            "give aggr_us at least 10 times sample_us",
        )


def _tuning_traps(at: ContextAt) -> Iterator[Trap]:
    times = at.context.attrs.intervals
    goal = times.goal
    if not goal.enabled:
        return
    period_us = at.shortest_tuning_us
    if at.context.ops is Ops.VADDR and times.ops_update_us > period_us:
        yield Trap(
            at.where,
            "ops-update-starved",
            f"each tuning step (every {goal.aggrs} aggregations, down to {period_us} us) puts the "
            "update of the targets off, so while tuning goes on it never happens",
            f"give ops_update_us <= {period_us} us, or a larger aggrs",
        )
    if not 1 <= goal.access_bp <= 10_000:
        yield Trap(
            at.where,
            "access-goal-unreachable",
            f"a share of {goal.access_bp} basis points cannot be met: sample_us runs to a bound",
            "give access_bp between 1 and 10000 (4 % is usual)",
        )
    if goal.min_sample_us == goal.max_sample_us:
        yield Trap(
            at.where,
            "tuning-pinned",
            "nothing can be tuned between equal bounds, yet every step converts counts and puts "
            "off passes and updates",
            "set aggrs to 0, or widen the bounds",
        )
    if BASIS % at.samples:
        yield Trap(
            at.where,
            "tuning-loses-counts",
            f"each tuning step rounds counts twice: {_lost_counts(at.samples)} of "
            f"0..{at.samples} shrink even where intervals stay",
            "take a number of samples that divides 10000, such as 20",
        )
    if at.refresh_ms:
        return
    yield Trap(
        at.where,
        "tuned-intervals-reverted",
        "a later commit puts the document's intervals back unless sysfs was refreshed before",
        "use update_tuned_intervals, or set refresh_ms",
    )


def _lost_counts(samples: int) -> str:
    """Count what a conversion to the same intervals changes (1.11), where it can be counted."""
    if samples > BASIS:
        return "most"
    changed = sum(
        count * BASIS // samples * samples // BASIS != count for count in range(samples + 1)
    )
    return str(changed)


def _probe_traps(at: ContextAt) -> Iterator[Trap]:
    probes = at.context.probes
    if probes and not at.physical:
        yield Trap(
            at.where, "probes-ignored", f"{at.context.ops} has no probes", "use paddr for probes"
        )
    if any(probe.weight for probe in probes):
        yield Trap(
            at.where,
            "probe-weights-replace-access",
            "access checks are skipped: nr_accesses of every region stays 0",
            "set all probe weights to 0 to monitor accesses",
        )
    elif probes and at.samples > PROBE_COUNTER_MAX:
        yield Trap(
            at.where,
            "probe-counter-wraps",
            f"probe counters have 8 bits, and there are {at.samples} samples per aggregation",
            "keep aggr_us / sample_us <= 255",
        )
