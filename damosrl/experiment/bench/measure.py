"""A row of the bench: samples of one number, their median against a target."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Work = Callable[[], object]
Sample = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Row:
    """One number to measure.

    Args:
        name: Key of the row.
        how: What was run against what.
        prepare: Builds and warms up what is measured; returns what takes one sample. None as its
            result: this installation cannot measure it.
        target: Number to reach; None: for information.
        at_least: Whether more is better.
        repeats: Samples to take.
        missing: Why the row is left out where it cannot be measured.
    """

    name: str
    how: str
    prepare: Callable[[], Sample | None]
    target: float | None = None
    at_least: bool = True
    repeats: int = 5
    missing: str = ""

    def result(self) -> dict[str, Any]:
        """Measure.

        Returns:
            The same keys for every row. ``value``: the median; ``spread``: least and greatest
            sample; ``target``: None for a row that only informs; ``meets``: whether the value
            reaches the target (a row without one has nothing to miss); ``how``. A row that is
            left out has neither value nor spread and does not meet its target.
        """
        sample = self.prepare()
        if sample is None:
            return self._row(None, [], meets=False, how=f"left out: {self.missing}")
        samples = sorted(sample() for _ in range(self.repeats))
        value = statistics.median(samples)
        how = f"{self.how}; median of {self.repeats}, spread from least to greatest"
        return self._row(value, [samples[0], samples[-1]], meets=self._meets(value), how=how)

    def _meets(self, value: float) -> bool:
        if self.target is None:
            return True
        return value >= self.target if self.at_least else value <= self.target

    def _row(
        self, value: float | None, spread: list[float], *, meets: bool, how: str
    ) -> dict[str, Any]:
        return {
            "value": None if value is None else _rounded(value),
            "target": self.target,
            "meets": meets,
            "spread": [_rounded(end) for end in spread],
            "how": how,
        }


def _rounded(value: float) -> float:
    """Keep four significant digits."""
    return float(f"{value:.4g}")


def wall_s(work: Work) -> float:
    """Return the wall time that some work takes, seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(numerator: Work, denominator: Work) -> Sample:
    """Return what runs two pieces of work one after the other and gives the ratio of their times.

    Each is run once before, so that nothing is measured cold.

    Example:
        >>> in_turn(lambda: sum(range(9)), lambda: sum(range(9)))() > 0
        True
    """
    numerator()
    denominator()
    return lambda: wall_s(numerator) / wall_s(denominator)
