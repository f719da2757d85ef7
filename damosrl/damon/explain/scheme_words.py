"""What a scheme does: which pages, when, how much, in which order, and what stops it."""

from collections.abc import Iterator

from damosrl.damon.checks import U32_MAX, U64_MAX
from damosrl.damon.explain.feedback import BASIS, windows_until
from damosrl.damon.explain.parts import HOT_FIRST, SchemeAt, Statement
from damosrl.damon.filters import Filter
from damosrl.damon.pattern import kept_bounds
from damosrl.damon.quota import GoalTuner, QuotaGoal
from damosrl.damon.scheme import Action
from damosrl.damon.units import format_bp, format_permil, format_size, format_time_us
from damosrl.damon.watermarks import WatermarkMetric

VERBS = {
    Action.WILLNEED: "Prefetches",
    Action.COLD: "Marks as cold",
    Action.PAGEOUT: "Reclaims",
    Action.HUGEPAGE: "Allows huge pages for",
    Action.NOHUGEPAGE: "Forbids huge pages for",
    Action.COLLAPSE: "Collapses into huge pages",
    Action.LRU_PRIO: "Moves to the active LRU list",
    Action.LRU_DEPRIO: "Moves to the inactive LRU list",
    Action.MIGRATE_HOT: "Migrates, hottest first,",
    Action.MIGRATE_COLD: "Migrates, coldest first,",
    Action.STAT: "Only counts",
}
FIRST_STEP_BYTES, MIB = 4096, 2**20
FIRST_THROUGHPUT = 4096 * 1024
"""Bytes per ms that the kernel assumes before any time has been charged (semantics 0)."""


def scheme_words(at: SchemeAt) -> Iterator[Statement]:
    """Yield statements on one scheme."""
    yield Statement(at.where, "which", _which(at))
    yield Statement(
        at.where,
        "when",
        f"Every {format_time_us(at.apply_us)}, first that long after the start.",
    )
    marks = at.scheme.watermarks
    if marks.metric is not WatermarkMetric.NONE:
        yield Statement(
            at.where,
            "when",
            f"Wakes when free memory is from {format_permil(marks.low_permil)} to below "
            f"{format_permil(marks.mid_permil)}; sleeps above {format_permil(marks.high_permil)} "
            f"and below {format_permil(marks.low_permil)}; looks every "
            f"{format_time_us(marks.interval_us)} while asleep.",
        )
    for text in _how_much(at):
        yield Statement(at.where, "how much", text)
    if at.has_quota:
        yield Statement(at.where, "order", _order(at))
    for text in _stops(at):
        yield Statement(at.where, "stops", text)


def _which(at: SchemeAt) -> str:
    pattern, samples = at.scheme.access_pattern, at.at.samples
    low, high = kept_bounds(pattern.nr_accesses)
    high = min(high, samples)
    youngest, oldest = kept_bounds(pattern.age)
    size = f"{format_size(pattern.sz_bytes.min)}..{format_size(pattern.sz_bytes.max)}"
    age = f"at least {_seconds(youngest * at.at.aggr_us)}"
    if oldest < U32_MAX:
        age += f" and at most {_seconds(oldest * at.at.aggr_us)}"
    return (
        f"{VERBS[at.scheme.action]} regions of {size} that are accessed in {low}..{high} of "
        f"{samples} samples ({100 * low / samples:.4g}..{100 * high / samples:.4g} %), for {age}"
        f"{_destination(at)}."
    )


def _destination(at: SchemeAt) -> str:
    scheme = at.scheme
    if not at.migrates:
        return ""
    if scheme.dests and not at.at.physical:
        shares = ", ".join(f"node {dest.id} (weight {dest.weight})" for dest in scheme.dests)
        return f", to {shares}"
    return f", to node {scheme.target_nid}" if scheme.target_nid >= 0 else ", to no node"


def _how_much(at: SchemeAt) -> Iterator[str]:
    quota = at.scheme.quota
    if not at.has_quota:
        yield "Without limit: all that matches, in every pass."
        return
    window_us = at.window_us
    per = "in its whole life" if window_us is None else f"per {_seconds(window_us)}"
    if quota.sz_bytes:
        rate = ""
        if window_us:
            rate = f" ({format_size(min(quota.sz_bytes * 1_000_000 // window_us, U64_MAX))}/s)"
        yield f"At most {format_size(quota.sz_bytes)} {per}{rate}."
    if quota.time_ms:
        guess = min(quota.time_ms * FIRST_THROUGHPUT, U64_MAX)
        yield (
            f"At most {quota.time_ms} ms of work {per}, in bytes by the throughput measured so far "
            f"({format_size(guess)} until there is one)."
        )
    if quota.goals:
        wanted = "; ".join(_goal(goal) for goal in quota.goals)
        yield f"The effective limit is steered by {quota.goal_tuner} towards: {wanted}."
        yield from _growth(at, window_us)


def _goal(goal: QuotaGoal) -> str:
    bp = goal.metric.value.endswith("_bp")
    value = format_bp(goal.target_value) if bp else str(goal.target_value)
    node = f" of node {goal.nid}" if goal.metric.value.startswith("node") else ""
    return f"{goal.metric}{node} at {value}" + (f" ({goal.memcg_path})" if goal.memcg_path else "")


def _growth(at: SchemeAt, window_us: int | None) -> Iterator[str]:
    quota = at.scheme.quota
    if quota.goal_tuner is GoalTuner.TEMPORAL:
        limit = format_size(quota.sz_bytes) if quota.sz_bytes else "everything"
        yield f"All or nothing: {limit} while unmet, nothing once met."
        return
    if window_us is None:
        yield "It starts from 1 byte and cannot grow, since no second window opens."
        return
    steps = {"4 KiB": FIRST_STEP_BYTES, "1 MiB": MIB}
    if FIRST_STEP_BYTES < quota.sz_bytes <= U64_MAX // BASIS:
        steps[f"the limit of {format_size(quota.sz_bytes)}"] = quota.sz_bytes
    words = ", ".join(
        f"{name} after {windows_until(size)} windows ({_seconds(windows_until(size) * window_us)})"
        for name, size in steps.items()
        if not quota.sz_bytes or size <= quota.sz_bytes
    )
    if words:
        yield f"From 1 byte, with the goal at score 0 (fastest): {words}."


def _order(at: SchemeAt) -> str:
    weights = at.scheme.quota.weights
    heat = "hottest" if at.scheme.action in HOT_FIRST else "coldest"
    if not at.prioritised:
        return "By address; this action knows no priority."
    return (
        f"What does not fit the quota: {heat} first (access rate {weights.nr_accesses_permil} : "
        f"age {weights.age_permil}); equal scores by address, going on where the last window ended."
    )


def _stops(at: SchemeAt) -> Iterator[str]:
    core, ops = at.core_filters, at.ops_filters
    for name, items, default in (
        ("regions", core, not core or bool(ops) or not core[-1].allow),
        ("pages", ops, not ops or not ops[-1].allow),
    ):
        if items:
            words = ", ".join(_filter(item) for item in items)
            rest = "passes" if default else "is left out"
            yield f"Filters of {name}, the first that fits decides: {words}; the rest {rest}."
    if at.scheme.action is not Action.STAT:
        yield "A region it was applied to starts again at age 0."
    if at.has_quota:
        yield "A full quota ends the work until the next window."
    if at.scheme.quota.goals:
        yield "The limit shrinks while the best-met goal is above its target."
    if at.scheme.max_nr_snapshots:
        yield f"It is over after {at.scheme.max_nr_snapshots} complete passes per target."


def _filter(item: Filter) -> str:
    verb = "allow" if item.allow else "reject"
    return f"{verb} {'' if item.matching else 'not '}{item.filter_type}"


def _seconds(time_us: int) -> str:
    return f"{time_us / 1_000_000:,.6g} s"
