"""What an explanation consists of: statements, traps, and where in the document they belong."""

from collections.abc import Iterator
from dataclasses import dataclass

from damosrl.damon.context import Context, Ops
from damosrl.damon.kdamond import Document
from damosrl.damon.scheme import Scheme


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
    """A warning: the kernel accepts the document, but does what few would expect.

    Args:
        where: Place in the document.
        rule: Stable name of the rule, in kebab-case.
        effect: What will happen.
        fix: What to do about it.
    """

    where: str
    rule: str
    effect: str
    fix: str


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


@dataclass(frozen=True, slots=True)
class ContextAt:
    """A context and its place in the document."""

    context: Context
    where: str

    @property
    def aggr_us(self) -> int:
        """Aggregation interval, us, at least 1."""
        return max(self.context.attrs.intervals.aggr_us, 1)

    @property
    def samples(self) -> int:
        """Samples per aggregation interval."""
        return self.context.attrs.samples_per_aggregation

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
        return self.scheme.action.value.startswith("migrate")


def contexts_of(document: Document) -> Iterator[ContextAt]:
    """Yield the contexts of a document with their places."""
    for number, kdamond in enumerate(document.kdamonds):
        for index, context in enumerate(kdamond.contexts):
            yield ContextAt(context, f"kdamonds[{number}].contexts[{index}]")
