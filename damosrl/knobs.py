"""Named numbers with a unit and a range: the knobs a tuner turns and the features it sees.

Both are the same thing, a physical quantity and its place in [-1, 1]; a spec table is printed
from them, so that documentation cannot drift from code.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.errors import ConfigError, UnknownNameError

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
Scale = Literal["linear", "log", "symlog"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A named physical quantity, mapped to [-1, 1] for learning.

    Args:
        name: Identifier, in the field's terms.
        unit: Physical unit, for people ("bytes/s", "%", "s", "ratio").
        low: Smallest physical value.
        high: Largest physical value.
        meaning: One sentence.
        scale: ``log`` maps equal factors to equal distances (low must be > 0);
            ``symlog`` does so for values that may be zero: log1p(value / low_unit).
        off_below: Normalised values under this one mean physical 0 (a quota switched off).
        default: Physical value used before anyone decides.

    Example:
        >>> quota = Quantity("quota", "bytes/s", 1.0, 100.0, "A quota.", scale="log")
        >>> round(float(quota.to_physical(np.array(0.0))), 9)
        10.0
        >>> float(quota.to_normal(np.array(10.0)))
        0.0
    """

    name: str
    unit: str
    low: float
    high: float
    meaning: str
    scale: Scale = "linear"
    off_below: float | None = None
    default: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)) or self.low >= self.high:
            raise ConfigError(
                f"range of {self.name} is empty",
                got=f"low={self.low}, high={self.high}",
                allowed="low < high, both finite",
                fix="swap or widen them",
            )
        if self.scale == "log" and self.low <= 0:
            raise ConfigError(
                f"log range of {self.name} starts at or below zero",
                got=f"low={self.low}",
                allowed="low > 0",
                fix="raise low, or use scale=symlog",
            )

    def to_physical(self, normal: FloatArray) -> FloatArray:
        """Map normalised values (any shape, clipped to [-1, 1]) to physical ones."""
        clipped = np.clip(np.asarray(normal, dtype=np.float64), -1.0, 1.0)
        floor = -1.0 if self.off_below is None else self.off_below
        share = np.clip((clipped - floor) / (1.0 - floor), 0.0, 1.0)
        value = self._inverse(share)
        if self.off_below is None:
            return value
        return np.where(clipped < self.off_below, 0.0, value)

    def to_normal(self, physical: FloatArray) -> FloatArray:
        """Map physical values (any shape) to [-1, 1]; the inverse of `to_physical`."""
        value = np.asarray(physical, dtype=np.float64)
        floor = -1.0 if self.off_below is None else self.off_below
        normal = floor + (1.0 - floor) * np.clip(self._forward(value), 0.0, 1.0)
        if self.off_below is None:
            return normal
        return np.where(value <= 0.0, -1.0, normal)

    def _forward(self, value: FloatArray) -> FloatArray:
        if self.scale == "linear":
            return (value - self.low) / (self.high - self.low)
        if self.scale == "log":
            safe = np.maximum(value, self.low)
            return np.log(safe / self.low) / math.log(self.high / self.low)
        span = math.log1p(self.high - self.low)
        return np.log1p(np.maximum(value - self.low, 0.0)) / span

    def _inverse(self, share: FloatArray) -> FloatArray:
        if self.scale == "linear":
            return self.low + share * (self.high - self.low)
        if self.scale == "log":
            return self.low * np.exp(share * math.log(self.high / self.low))
        return self.low + np.expm1(share * math.log1p(self.high - self.low))


@dataclass(frozen=True, slots=True)
class QuantitySet:
    """An ordered set of quantities: one axis of an action or observation array."""

    items: tuple[Quantity, ...]
    _table: "_Table" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_table", _Table.of(self.items))

    def __len__(self) -> int:
        """Return the length of the axis."""
        return len(self.items)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(item.name for item in self.items)

    def index(self, name: str) -> int:
        """Return the position of a name.

        Raises:
            UnknownNameError: No quantity has this name.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise UnknownNameError("quantity", name, self.names) from None

    def __getitem__(self, name: str) -> Quantity:
        """Return the quantity of a name."""
        return self.items[self.index(name)]

    def to_physical(self, normal: FloatArray) -> FloatArray:
        """Map normalised arrays ``(..., len(self))`` to physical values."""
        table = self._table
        clipped = np.clip(np.asarray(normal, dtype=np.float64), -1.0, 1.0)
        share = np.clip((clipped - table.floor) / (1.0 - table.floor), 0.0, 1.0)
        value = table.low + share * table.width
        value[..., table.log] = table.log_low * np.exp(_columns(share, table.log) * table.log_span)
        value[..., table.symlog] = table.symlog_low + np.expm1(
            _columns(share, table.symlog) * table.symlog_span
        )
        value[table.has_off & (clipped < table.floor)] = 0.0
        return value

    def to_normal(self, physical: FloatArray) -> FloatArray:
        """Map physical arrays ``(..., len(self))`` to [-1, 1]."""
        table = self._table
        value = np.asarray(physical, dtype=np.float64)
        share = (value - table.low) / table.width
        above = np.maximum(_columns(value, table.log), table.log_low)
        share[..., table.log] = np.log(above / table.log_low) / table.log_span
        above = np.maximum(_columns(value, table.symlog) - table.symlog_low, 0.0)
        share[..., table.symlog] = np.log1p(above) / table.symlog_span
        normal = table.floor + (1.0 - table.floor) * np.clip(share, 0.0, 1.0)
        normal[table.has_off & (value <= 0.0)] = -1.0
        return normal

    def framed(self, frames: int) -> "QuantitySet":
        """Return the quantities of a history of this many readings, newest first.

        Example:
            >>> load = Quantity("load", "ratio", 0.0, 1.0, "How busy.")
            >>> QuantitySet((load,)).framed(3).names
            ('load', 'load@1', 'load@2')
        """
        items = list(self.items)
        for age in range(1, frames):
            items += [replace(item, name=f"{item.name}@{age}") for item in self.items]
        return QuantitySet(tuple(items))

    def defaults(self) -> FloatArray:
        """Physical default values, shape ``(len(self),)``."""
        return np.array([item.default for item in self.items], dtype=np.float64)


class _Table(NamedTuple):
    """The quantities of a set as arrays: this lies in the path of every step."""

    low: FloatArray
    width: FloatArray
    floor: FloatArray
    has_off: NDArray[np.bool_]
    log: NDArray[np.int64]
    log_low: FloatArray
    log_span: FloatArray
    symlog: NDArray[np.int64]
    symlog_low: FloatArray
    symlog_span: FloatArray

    @classmethod
    def of(cls, items: Sequence[Quantity]) -> "_Table":
        low = np.array([item.low for item in items])
        high = np.array([item.high for item in items])
        floor = [-1.0 if item.off_below is None else item.off_below for item in items]
        log = np.flatnonzero([item.scale == "log" for item in items])
        symlog = np.flatnonzero([item.scale == "symlog" for item in items])
        return cls(
            low=low,
            width=high - low,
            floor=np.array(floor),
            has_off=np.array([item.off_below is not None for item in items]),
            log=log,
            log_low=low[log],
            log_span=np.array([math.log(items[at].high / items[at].low) for at in log.tolist()]),
            symlog=symlog,
            symlog_low=low[symlog],
            symlog_span=np.array(
                [math.log1p(items[at].high - items[at].low) for at in symlog.tolist()]
            ),
        )


def _columns(values: FloatArray, places: NDArray[np.int64]) -> FloatArray:
    """Copy columns into one block: the same machine code then runs for every batch size."""
    return np.take(values, places, axis=-1)
