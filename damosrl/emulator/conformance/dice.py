"""Choices of the random cases: plain Python integers out of one seeded NumPy generator."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
BLOCK = 256


class Dice:
    """Fair choices; numbers are fetched in blocks, as single ones would take most of the time.

    Args:
        seed: What the choices follow from, one or several integers.

    Example:
        >>> Dice(1, 2).below(6) == Dice(1, 2).below(6)
        True
    """

    def __init__(self, *seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._numbers: list[float] = []

    def _number(self) -> float:
        if not self._numbers:
            self._numbers = self._generator.random(BLOCK).tolist()
        return self._numbers.pop()

    def below(self, end: int) -> int:
        """Return an integer in [0, end), end up to 2^53."""
        return int(self._number() * end)

    def between(self, low: int, high: int) -> int:
        """Return an integer in [low, high]."""
        return low + self.below(high - low + 1)

    def happens(self, percent: int) -> bool:
        """Return True in so many of a hundred cases."""
        return self._number() * 100 < percent

    def one_of(self, choices: Sequence[T]) -> T:
        """Return one of some things."""
        return choices[self.below(len(choices))]

    def word(self) -> int:
        """Return 64 random bits."""
        return self.below(1 << 32) << 32 | self.below(1 << 32)
