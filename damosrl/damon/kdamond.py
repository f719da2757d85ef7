"""Kdamonds: DAMON's worker threads, and the document that describes all of them."""

from dataclasses import dataclass

from damosrl.damon.checks import U32_MAX, require_integer
from damosrl.damon.context import Context
from damosrl.damon.refusals import refusal


@dataclass(frozen=True, slots=True)
class Kdamond:
    """One worker thread.

    Args:
        contexts: Exactly one; the kernel starts no other number.
        refresh_ms: Time between refreshes of statistics in sysfs, ms; 0 is never.
    """

    contexts: tuple[Context, ...]
    refresh_ms: int = 0

    def __post_init__(self) -> None:
        if len(self.contexts) != 1:
            raise refusal(
                "one-context",
                "a kdamond runs one context",
                got=f"{len(self.contexts)} contexts",
                allowed="1",
                fix="use one kdamond per context",
            )
        require_integer("refresh_ms", self.refresh_ms, high=U32_MAX)


@dataclass(frozen=True, slots=True)
class Document:
    """Everything that is configured at once: the kdamonds of one machine.

    Args:
        kdamonds: In the kernel's order.
    """

    kdamonds: tuple[Kdamond, ...]
