"""What reports call the numbers of a task: each task speaks of its own world."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Wording:
    """Words for pages, figures and tables; the defaults are those of memory tiers.

    Args:
        unit: What the slowdown is a multiple of, in a word.
        alone: What a slowdown of 1 is, to stand behind "against".
        slowdown: What the slowdown is, one sentence.
        moved: What the bytes moved are.
        moving: What moving costs, one sentence.
        returned: What returned bytes are; empty where nothing returns.
        machines: What learners learn on.
        monitored: Whether DAMON's monitor is emulated, so that its mode means something.
        terms: Words that a reader needs, with their meanings.

    Example:
        >>> Wording().unit
        'all-fast'
    """

    unit: str = "all-fast"
    alone: str = "all memory in the fast tier"
    slowdown: str = (
        "Slowdown is the application's mean time per request against the same application with all "
        "of its memory in the fast tier."
    )
    moved: str = "memory migrated per episode, both directions"
    moving: str = "Migration costs bandwidth on both tiers and CPU time."
    returned: str = "promoted and demoted again soon after"
    machines: str = "emulated tiered-memory machines"
    monitored: bool = True
    terms: tuple[tuple[str, str], ...] = (
        (
            "fast tier, slow tier",
            "Near memory (DRAM) and far memory (CXL, remote, persistent, swap).",
        ),
        ("promote, demote", "Migrate memory to a faster tier, or to a slower one."),
        ("quota", "The most bytes per second that a DAMOS scheme may migrate."),
        ("noop", "Does nothing: memory stays where it was first placed. The score's 0."),
        ("oracle", "Is shown the true access rates. The score's 1; no real tuner can use it."),
        ("consist", "The kernel's own quota loop, cold: it starts from one byte."),
        (
            "consist_warm",
            "The same loop with the quotas it reaches after a long time on the workload.",
        ),
    )

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """Read the mapping that `dataclasses.asdict` made, as JSON gives it back."""
        plain = {name: value for name, value in values.items() if name in cls.__dataclass_fields__}
        if "terms" in plain:
            plain["terms"] = tuple((str(word), str(meaning)) for word, meaning in plain["terms"])
        return cls(**plain)
