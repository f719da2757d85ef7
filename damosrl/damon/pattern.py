"""Access patterns: which regions a scheme is for."""

from dataclasses import dataclass, field

from damosrl.damon.checks import U32_MAX
from damosrl.damon.ranges import Range
from damosrl.errors import DocumentError


def _any_u32() -> Range:
    return Range(0, U32_MAX)


@dataclass(frozen=True, slots=True)
class AccessPattern:
    """Closed bounds on a region's size, access count and age; matches all by default.

    The kernel's core keeps the two counts in 32 bits and cuts larger sysfs values to their low
    32 bits without a word, so larger bounds are refused here.

    Args:
        sz_bytes: Region size, core address units (bytes where addr_unit is 1).
        nr_accesses: Access count (pseudo moving sum), samples per aggregation interval.
        age: Time with about this access count, aggregation intervals.

    Raises:
        DocumentError: A count bound exceeds 4294967295.

    Example:
        >>> AccessPattern(nr_accesses=Range(0, 0)).age.max
        4294967295
    """

    sz_bytes: Range = field(default_factory=Range)
    nr_accesses: Range = field(default_factory=_any_u32)
    age: Range = field(default_factory=_any_u32)

    def __post_init__(self) -> None:
        for name, bounds in (("nr_accesses", self.nr_accesses), ("age", self.age)):
            if bounds.max > U32_MAX:
                raise DocumentError(
                    f"access_pattern.{name}.max does not fit the kernel's 32 bits",
                    got=bounds.max,
                    allowed=f"0..{U32_MAX}",
                    fix=f"give {U32_MAX} for 'no upper bound'",
                )
