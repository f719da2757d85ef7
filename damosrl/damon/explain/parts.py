"""What an explanation consists of: statements, traps, and where in the document they belong."""

from collections.abc import Iterator
from dataclasses import dataclass

from damosrl.damon.context import Context, Ops
from damosrl.damon.explain.rules import RULES, Severity
from damosrl.damon.filters import Filter, FilterLayer
from damosrl.damon.kdamond import Document
from damosrl.damon.scheme import Action, Scheme

HOT_FIRST = (Action.LRU_PRIO, Action.MIGRATE_HOT)
COLD_FIRST = (Action.LRU_DEPRIO, Action.MIGRATE_COLD, Action.PAGEOUT)


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that the kernel will do.

    Args:
        where: Place in the document, such as ``kdamonds[0].schemes[1]``.
        topic: ``what``, ``monitoring``, ``cost``, ``which``, ``when``, ``how much``, ``order`` or
            ``stops``.
        text: A sentence.
    """

    where: str
    topic: str
    text: str


@dataclass(frozen=True, slots=True)
class Trap:
    """The kernel accepts the document, but does what few would expect.

    Args:
        where: Place in the document.
        rule: Stable name, one of `rules.RULES`.
        effect: What will happen.
        fix: What to do about it.
    """

    where: str
    rule: str
    effect: str
    fix: str

    @property
    def severity(self) -> Severity:
        """Whether it is probably a mistake, or only good to know."""
        return RULES[self.rule].severity


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a document does on a kernel.

    Args:
        kernel: Version of the kernel, such as ``7.3``.
        statements: In the order of the document.
        traps: In the order of the document.
    """

    kernel: str
    statements: tuple[Statement, ...]
    traps: tuple[Trap, ...]

    def of(self, severity: Severity) -> list[Trap]:
        """Return the traps of one severity."""
        return [trap for trap in self.traps if trap.severity is severity]


@dataclass(frozen=True, slots=True)
class ContextAt:
    """A context, its place in the document, and its kdamond's refresh interval."""

    context: Context
    where: str
    refresh_ms: int = 0

    @property
    def aggr_us(self) -> int:
        """Aggregation interval, us, at least 1."""
        return max(self.context.attrs.intervals.aggr_us, 1)

    @property
    def samples(self) -> int:
        """Samples per aggregation interval."""
        return self.context.attrs.samples_per_aggregation

    @property
    def size_cap(self) -> int | None:
        """Largest region after the first aggregation, core units (1.10); None where unknown."""
        ranges = [region for target in self.context.targets for region in target.regions]
        if not ranges or self.context.ops is Ops.VADDR:
            return None
        smallest = self.context.min_region_sz
        aligned = sum(
            -(-one.end // smallest) * smallest - one.start // smallest * smallest for one in ranges
        )
        limit = max(aligned // self.context.attrs.min_nr_regions, smallest)
        return -(-limit // smallest) * smallest

    @property
    def shortest_tuning_us(self) -> int:
        """Shortest time between two tuning steps, us; 0 where intervals are not tuned (1.11)."""
        goal = self.context.attrs.intervals.goal
        return goal.aggrs * self.samples * max(goal.min_sample_us, 1)

    @property
    def physical(self) -> bool:
        """Whether physical memory is monitored."""
        return self.context.ops is Ops.PADDR

    def schemes(self) -> Iterator["SchemeAt"]:
        """Yield the schemes with their places."""
        for index, scheme in enumerate(self.context.schemes):
            yield SchemeAt(scheme, self, f"{self.where}.schemes[{index}]")


@dataclass(frozen=True, slots=True)
class SchemeAt:
    """A scheme, its context and its place in the document."""

    scheme: Scheme
    at: ContextAt
    where: str

    @property
    def apply_us(self) -> int:
        """Time between passes, us: the apply interval, else the aggregation interval.

        The kernel counts it in whole sampling intervals (semantics 2.5).
        """
        sample_us = max(self.at.context.attrs.intervals.sample_us, 1)
        wanted_us = self.scheme.apply_interval_us or self.at.aggr_us
        return max(wanted_us // sample_us, 1) * sample_us

    @property
    def window_ms(self) -> int | None:
        """Length the kernel gives the quota's window, ms; None is never renewed.

        The reset interval is cut to its low 32 bits, and from 2^31 on it means never (semantics
        section 9, HZ = 1000).
        """
        low = self.scheme.quota.reset_interval_ms % 2**32
        return None if low >= 2**31 else low

    @property
    def window_us(self) -> int | None:
        """The same rounded up to whole passes, us, since only a pass opens a window (2.7)."""
        window_ms = self.window_ms
        if window_ms is None:
            return None
        return max(-(-window_ms * 1000 // self.apply_us), 1) * self.apply_us

    @property
    def has_quota(self) -> bool:
        """Whether any limit or goal is set."""
        quota = self.scheme.quota
        return bool(quota.sz_bytes or quota.time_ms or quota.goals)

    @property
    def migrates(self) -> bool:
        """Whether the action moves memory between nodes."""
        return self.scheme.action in (Action.MIGRATE_HOT, Action.MIGRATE_COLD)

    @property
    def destinations(self) -> tuple[int, ...]:
        """Nodes that a migration goes to (2.2)."""
        scheme = self.scheme
        if not self.migrates:
            return ()
        if scheme.dests and not self.at.physical:
            return tuple(dest.id for dest in scheme.dests if dest.weight)
        return (scheme.target_nid,) if scheme.target_nid >= 0 else ()

    @property
    def prioritised(self) -> bool:
        """Whether regions get a score by heat; all others get the highest (2.1)."""
        return self.scheme.action in HOT_FIRST + COLD_FIRST

    @property
    def core_filters(self) -> list[Filter]:
        """Filters asked about regions."""
        return [item for item in self.scheme.filters if item.layer is FilterLayer.CORE]

    @property
    def ops_filters(self) -> list[Filter]:
        """Filters asked about pages."""
        return [item for item in self.scheme.filters if item.layer is FilterLayer.OPS]


def contexts_of(document: Document) -> Iterator[ContextAt]:
    """Yield the contexts of a document with their places."""
    for number, kdamond in enumerate(document.kdamonds):
        for index, context in enumerate(kdamond.contexts):
            yield ContextAt(context, f"kdamonds[{number}].contexts[{index}]", kdamond.refresh_ms)
