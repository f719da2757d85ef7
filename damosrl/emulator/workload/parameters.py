"""Parameters that are a number or a range, and the sampler that turns them into numbers.

In a workload's YAML a parameter is one of

* ``0.15`` - always this value;
* ``[0.05, 0.40]`` - drawn uniformly per episode, its middle where nothing is drawn;
* ``{nominal: 0.15, range: [0.05, 0.40], scale: log}`` - the same with its own nominal value and,
  for ``log``, equal chances for equal factors.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from damosrl.damon.units import format_size, parse_size
from damosrl.errors import UnitError, WorkloadError

Scale = Literal["linear", "log"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Range:
    """A number's nominal value and the range it is drawn from.

    Args:
        nominal: Value used where nothing is drawn.
        range: Lowest and highest value that is drawn.
        scale: ``linear`` draws uniformly, ``log`` uniformly in the logarithm.
    """

    nominal: float
    range: tuple[float, float]
    scale: Scale = "linear"


@dataclass(frozen=True, slots=True)
class SizeRange:
    """A size's nominal value and range; as `Range`, in text such as ``16 GiB``."""

    nominal: str | int
    range: tuple[str | int, str | int]
    scale: Scale = "log"


Number = float | tuple[float, float] | Range
"""A parameter without unit, or with the unit that its name carries."""
Size = str | int | tuple[str | int, str | int] | SizeRange
"""A parameter in bytes."""


def as_range(value: Number) -> Range:
    """Return any form of a parameter as nominal value and range.

    Example:
        >>> as_range((2.0, 4.0))
        Range(nominal=3.0, range=(2.0, 4.0), scale='linear')
    """
    if isinstance(value, Range):
        return value
    if isinstance(value, tuple):
        return Range(sum(value) / 2, value)
    return Range(value, (value, value))


def size_range(value: Size, name: str) -> Range:
    """Return any form of a size as a range in bytes, drawn on a log scale unless told otherwise.

    Raises:
        WorkloadError: It is no size.
    """
    try:
        if isinstance(value, SizeRange):
            low, high = (parse_size(end) for end in value.range)
            return Range(parse_size(value.nominal), (low, high), value.scale)
        if isinstance(value, tuple):
            low, high = (parse_size(end) for end in value)
            return Range(math.sqrt(low * high), (low, high), "log")
        size = parse_size(value)
    except UnitError as error:
        raise WorkloadError(
            f"{name} is no size", got=error.got, allowed=error.allowed, fix="give 16 GiB"
        ) from error
    return Range(size, (size, size))


def check(name: str, value: Number, low: float, high: float = math.inf) -> None:
    """Refuse a parameter that can leave [low, high], or whose range is reversed.

    Raises:
        WorkloadError: It can.

    Example:
        >>> check("hot_share", 1.5, 0.0, 1.0)
        Traceback (most recent call last):
            ...
        damosrl.errors.WorkloadError: hot_share is out of range: got 1.5; allowed: 0 to 1
    """
    limits = as_range(value)
    for number in (limits.nominal, *limits.range):
        if not (math.isfinite(number) and low <= number <= high):
            allowed = f"{low:g} to {high:g}" if math.isfinite(high) else f"at least {low:g}"
            raise WorkloadError(f"{name} is out of range", got=f"{number:g}", allowed=allowed)
    if not limits.range[0] <= limits.range[1]:
        raise WorkloadError(
            f"the range of {name} has its minimum above its maximum",
            got=f"[{limits.range[0]:g}, {limits.range[1]:g}]",
            allowed="[lowest, highest]",
            fix="swap them",
        )
    if not limits.range[0] <= limits.nominal <= limits.range[1]:
        raise WorkloadError(
            f"the nominal {name} lies outside its range",
            got=f"{limits.nominal:g}",
            allowed=f"{limits.range[0]:g} to {limits.range[1]:g}",
            fix="widen the range",
        )
    if limits.scale == "log" and limits.range[0] <= 0 < limits.range[1]:
        raise WorkloadError(
            f"the range of {name} has a log scale and reaches zero",
            got=f"[{limits.range[0]:g}, {limits.range[1]:g}]",
            allowed="above 0",
            fix="raise its minimum, or use scale: linear",
        )


def check_sum(what: str, values: Sequence[Number], below: float) -> None:
    """Refuse parameters whose largest values together reach a limit.

    Raises:
        WorkloadError: They do.
    """
    total = sum(as_range(value).range[1] for value in values)
    if total >= below:
        raise WorkloadError(
            f"{what} are too large together", got=f"{total:g}", allowed=f"below {below:g}"
        )


def text(value: Number, form: Callable[[float], str] = "{:g}".format) -> str:
    """Print a parameter for a description: its nominal value and, if it has one, its range.

    Example:
        >>> text(Range(0.15, (0.05, 0.4)), "{:.0%}".format)
        '15% (5% to 40%)'
    """
    limits = as_range(value)
    if limits.range[0] == limits.range[1] == limits.nominal:
        return form(limits.nominal)
    return f"{form(limits.nominal)} ({form(limits.range[0])} to {form(limits.range[1])})"


def percent(share: float) -> str:
    """Print a share as a percentage with at most three digits."""
    return f"{100 * share:.3g} %"


def size_text(size_bytes: float) -> str:
    """Print a size, to the MiB once it is larger."""
    mib = 2**20
    whole = round(size_bytes / mib) * mib if size_bytes >= mib else round(size_bytes)
    return format_size(whole)


@dataclass(frozen=True, slots=True)
class Sampler:
    """Turns parameters into one episode's numbers.

    Args:
        rng: Source of all randomness; layouts are drawn from it even where parameters are not.
        randomize: Draw parameters from their ranges; otherwise take their nominal values.

    Example:
        >>> Sampler(np.random.default_rng(0), randomize=False).number((2.0, 4.0))
        3.0
    """

    rng: np.random.Generator
    randomize: bool

    def number(self, value: Number) -> float:
        """Draw a number."""
        if isinstance(value, (int, float)):
            return value
        limits = as_range(value)
        if not self.randomize:
            return limits.nominal
        return _between(limits, self.rng.random())

    def whole(self, value: Number) -> int:
        """Draw a number and round it."""
        return round(self.number(value))

    def spread(self, value: Number, count: int) -> list[float]:
        """Draw several numbers; where nothing is drawn, spread them evenly over the range."""
        limits = as_range(value)
        if self.randomize:
            return [_between(limits, share) for share in self.rng.random(count)]
        if count == 1:
            return [limits.nominal]
        return [_between(limits, place / (count - 1)) for place in range(count)]

    def choice(self, values: Sequence[T]) -> T:
        """Draw one of several values with equal chances; the first where nothing is drawn."""
        return values[int(self.rng.integers(len(values)))] if self.randomize else values[0]


def _between(limits: Range, share: float) -> float:
    low, high = limits.range
    if limits.scale == "log" and low > 0:
        value = low * math.exp(share * math.log(high / low))
    else:
        value = low + share * (high - low)
    return min(max(value, low), high)
