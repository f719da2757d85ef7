"""Closed ranges of numbers and half-open ranges of addresses."""

from dataclasses import dataclass

from damosrl.damon.checks import U64_MAX, require_integer
from damosrl.damon.refusals import refusal


@dataclass(frozen=True, slots=True)
class Range:
    """A closed range of unsigned numbers; both ends belong to it.

    Args:
        min: Smallest value, 0..2^64-1.
        max: Largest value, 0..2^64-1.

    Raises:
        DocumentError: ``min`` is above ``max``, or an end is no unsigned 64-bit number.

    Example:
        >>> 5 in Range(3, 5)
        True
    """

    min: int = 0
    max: int = U64_MAX

    def __post_init__(self) -> None:
        require_integer("range min", self.min)
        require_integer("range max", self.max)
        if self.min > self.max:
            raise refusal(
                "range-reversed",
                "the range matches nothing",
                got=f"min={self.min}, max={self.max}",
                allowed="min <= max",
                fix="swap them",
            )

    def __contains__(self, value: int) -> bool:
        return self.min <= value <= self.max


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Addresses ``[start, end)`` in core address units (bytes where addr_unit is 1).

    Args:
        start: First address.
        end: One past the last address; equal to ``start`` for an empty range.

    Raises:
        DocumentError: ``end`` is below ``start`` (the kernel refuses such regions and filters).
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        require_integer("start", self.start)
        require_integer("end", self.end)
        if self.end < self.start:
            raise refusal(
                "addresses-reversed",
                "the address range is reversed",
                got=f"start={self.start}, end={self.end}",
                allowed="start <= end",
                fix="swap them",
            )

    @property
    def size(self) -> int:
        """Number of addresses."""
        return self.end - self.start
