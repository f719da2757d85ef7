"""Regions as the monitor reports them, one at a time."""

from dataclasses import dataclass

from damosrl.damon.checks import U32_MAX, require_integer
from damosrl.damon.ranges import AddressRange
from damosrl.damon.refusals import refusal


@dataclass(frozen=True, slots=True)
class Region(AddressRange):
    """A monitored range with about the same access frequency everywhere.

    Args:
        start: First address.
        end: One past the last address; a region is never empty.
        nr_accesses: Samples in which an access was seen, per aggregation interval.
        age: Aggregation intervals with about this access count.
    """

    nr_accesses: int = 0
    age: int = 0

    def __post_init__(self) -> None:
        AddressRange.__post_init__(self)
        if self.start == self.end:
            raise refusal("region-empty", "a region is empty", got=f"[{self.start}, {self.end})")
        require_integer("nr_accesses", self.nr_accesses, high=U32_MAX)
        require_integer("age", self.age, high=U32_MAX)
