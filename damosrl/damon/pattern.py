"""Access patterns: which regions a scheme is for."""

from dataclasses import dataclass, field

from damosrl.damon.checks import U32_MAX
from damosrl.damon.ranges import Range


def _any_u32() -> Range:
    return Range(0, U32_MAX)


@dataclass(frozen=True, slots=True)
class AccessPattern:
    """Closed bounds on a region's size, access count and age; matches all by default.

    Bounds are those of the sysfs files, 64 bits. The kernel's core keeps the two counts in 32 bits
    and cuts larger ones to their low 32 bits without a word (semantics 0): see `kept_bounds`.

    Args:
        sz_bytes: Region size, core address units (bytes where addr_unit is 1).
        nr_accesses: Access count (pseudo moving sum), samples per aggregation interval.
        age: Time with about this access count, aggregation intervals.

    Example:
        >>> AccessPattern(nr_accesses=Range(0, 0)).age.max
        4294967295
    """

    sz_bytes: Range = field(default_factory=Range)
    nr_accesses: Range = field(default_factory=_any_u32)
    age: Range = field(default_factory=_any_u32)


def kept_bounds(bounds: Range) -> tuple[int, int]:
    """Return what the kernel keeps of the bounds of a count or age: 32 bits of each.

    The lower bound may then lie above the upper one, and nothing matches.

    Example:
        >>> kept_bounds(Range(3, 2**32 + 2))
        (3, 2)
    """
    return bounds.min & U32_MAX, bounds.max & U32_MAX
