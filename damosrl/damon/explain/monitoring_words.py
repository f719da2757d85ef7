"""What a kdamond watches and what that costs, in words."""

from collections.abc import Iterator

from damosrl.damon.context import Ops
from damosrl.damon.explain.parts import ContextAt, Statement
from damosrl.damon.units import format_bp, format_size, format_time_us

SECOND_US = 1_000_000


def monitoring_words(at: ContextAt) -> Iterator[Statement]:
    """Yield statements on the monitoring of one context."""
    context, times = at.context, at.context.attrs.intervals
    yield Statement(at.where, "what", _watched(at))
    yield Statement(
        at.where,
        "monitoring",
        f"Between {context.attrs.min_nr_regions} and {context.attrs.max_nr_regions} regions; one "
        f"page of each is checked every {format_time_us(times.sample_us)}, and checks are counted "
        f"over {format_time_us(times.aggr_us)}: nr_accesses is 0..{at.samples}.",
    )
    goal = times.goal
    fastest_us = max(goal.min_sample_us if goal.enabled else times.sample_us, 1)
    checks = context.attrs.max_nr_regions * SECOND_US // fastest_us
    yield Statement(at.where, "cost", f"At most {checks:,} region checks per second.")
    if goal.enabled:
        yield Statement(
            at.where,
            "monitoring",
            f"Every {goal.aggrs} aggregations the intervals are tuned so that "
            f"{format_bp(goal.access_bp)} of the checks find an access; sampling stays within "
            f"{format_time_us(goal.min_sample_us)}..{format_time_us(goal.max_sample_us)}.",
        )
    if not context.schemes:
        yield Statement(at.where, "what", "No scheme: it only monitors.")
    if context.ops is not Ops.PADDR:
        yield Statement(
            at.where, "stops", "The kdamond ends when no target's process is alive any more."
        )


def _watched(at: ContextAt) -> str:
    context = at.context
    size = sum(region.size for target in context.targets for region in target.regions)
    given = format_size(size * context.addr_unit if size * context.addr_unit < 2**64 else 2**64 - 1)
    if at.physical:
        return f"Watches {given} of physical memory."
    pids = ", ".join(str(target.pid) for target in context.targets) or "none"
    if context.ops is Ops.FVADDR:
        return f"Watches {given} of fixed virtual addresses of processes {pids}."
    update = format_time_us(context.attrs.intervals.ops_update_us)
    return (
        f"Watches what processes {pids} map, three regions each around the two largest gaps, "
        f"looked up again every {update}."
    )
