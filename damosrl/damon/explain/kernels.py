"""Which kernel a feature of a document came with (semantics 4.4)."""

from collections.abc import Iterator

from damosrl.damon.context import Ops
from damosrl.damon.explain.parts import ContextAt, SchemeAt, Trap
from damosrl.damon.filters import FilterType
from damosrl.damon.quota import GoalMetric, GoalTuner
from damosrl.damon.scheme import Action
from damosrl.errors import DocumentError

NEWEST = "7.3"
OLDEST = "6.12"

METRIC_SINCE = {
    GoalMetric.NODE_MEM_USED_BP: "6.16",
    GoalMetric.NODE_MEM_FREE_BP: "6.16",
    GoalMetric.NODE_MEMCG_USED_BP: "6.19",
    GoalMetric.NODE_MEMCG_FREE_BP: "6.19",
    GoalMetric.ACTIVE_MEM_BP: "7.0",
    GoalMetric.INACTIVE_MEM_BP: "7.0",
    GoalMetric.NODE_ELIGIBLE_MEM_BP: "7.2",
}
FILTER_SINCE = dict.fromkeys(
    (FilterType.HUGEPAGE_SIZE, FilterType.ACTIVE, FilterType.UNMAPPED), "6.15"
)


def parse_kernel(text: str) -> tuple[int, int]:
    """Read a kernel version.

    Raises:
        DocumentError: It is no version between 6.12 and 7.3.

    Example:
        >>> parse_kernel("6.12")
        (6, 12)
    """
    parts = text.split(".")
    if len(parts) == 2 and all(part.isascii() and part.isdigit() for part in parts):
        version = (int(parts[0]), int(parts[1]))
        if (6, 12) <= version <= (7, 3):
            return version
    raise DocumentError(
        "the kernel version is unknown", got=text, allowed=f"{OLDEST}..{NEWEST}",
        fix=f"give --kernel {NEWEST}",
    )  # fmt: skip


def kernel_traps(at: ContextAt, kernel: str) -> Iterator[Trap]:
    """Yield the features of a context that the kernel does not have."""
    version = parse_kernel(kernel)
    needed = [(at.where, since, what) for since, what in _context_needs(at)]
    for scheme in at.schemes():
        needed += [(scheme.where, since, what) for since, what in _scheme_needs(scheme)]
    for where, since, what in needed:
        if parse_kernel(since) > version:
            yield Trap(
                where, "kernel-too-old", f"{what} came with Linux {since}; {kernel} has none",
                f"remove it, or use Linux {since} or later",
            )  # fmt: skip


def _context_needs(at: ContextAt) -> Iterator[tuple[str, str]]:
    context = at.context
    if context.attrs.intervals.goal.enabled:
        yield "6.15", "intervals_goal"
    if context.addr_unit != 1:
        yield "6.18", "addr_unit"
    if any(target.obsolete for target in context.targets):
        yield "6.19", "obsolete_target"
    if context.pause:
        yield "7.2", "pause"
    if context.probes:
        weighted = any(probe.weight for probe in context.probes)
        yield ("7.3", "probe weights") if weighted else ("7.2", "probes")


def _scheme_needs(at: SchemeAt) -> Iterator[tuple[str, str]]:
    scheme = at.scheme
    if any(item.allow for item in scheme.filters):
        yield "6.14", "a filter's allow"
    for item in scheme.filters:
        if item.filter_type in FILTER_SINCE:
            yield FILTER_SINCE[item.filter_type], f"filter {item.filter_type}"
    for goal in scheme.quota.goals:
        if goal.metric in METRIC_SINCE:
            yield METRIC_SINCE[goal.metric], f"goal {goal.metric}"
    if scheme.dests:
        yield "6.17", "dests"
    if at.migrates and at.at.context.ops is not Ops.PADDR:
        yield "6.17", f"{scheme.action} of {at.at.context.ops}"
    if scheme.max_nr_snapshots:
        yield "7.0", "max_nr_snapshots"
    if scheme.quota.goals and scheme.quota.goal_tuner is GoalTuner.TEMPORAL:
        yield "7.1", "goal_tuner"
    if scheme.action is Action.COLLAPSE:
        yield "7.2", "action collapse"
    if scheme.quota.fail_charge_denom:
        yield "7.2", "fail_charge_num/denom"
