"""Life-time counters of machines, and what they grew by between two readings."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import FloatArray

Place = tuple[int, int]
"""Kdamond index and scheme index."""


@dataclass(frozen=True)
class CounterSet:
    """Counters of N machines; every field of a subclass is an array ``(N, ...)`` float64."""

    def since(self, earlier: Self) -> Self:
        """Return the growth since an earlier reading."""
        return type(self)(
            **{
                item.name: getattr(self, item.name) - getattr(earlier, item.name)
                for item in fields(self)
            }
        )

    def replaced(self, which: NDArray[np.bool_], other: Self) -> Self:
        """Return these counters with another reading's values on the marked machines."""
        return type(self)(
            **{
                item.name: _merged(which, getattr(other, item.name), getattr(self, item.name))
                for item in fields(self)
            }
        )


def _merged(which: NDArray[np.bool_], new: FloatArray, old: FloatArray) -> FloatArray:
    return np.where(which.reshape(-1, *[1] * (new.ndim - 1)), new, old)


def total(counter: NDArray[np.int64], places: tuple[Place, ...]) -> FloatArray:
    """Add up a scheme counter ``(N, K, S)`` over some schemes, ``(N,)``."""
    columns = [counter[:, kdamond, scheme] for kdamond, scheme in places]
    return np.asarray(np.sum(columns, axis=0), dtype=np.float64) + np.zeros(len(counter))
