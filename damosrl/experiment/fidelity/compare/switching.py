"""Watermarks: when a kdamond works, by the gaps between its aggregations."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from damosrl.machine import FloatArray, IntArray

GAP_S = 1.0
"""Longer than any aggregation takes; a gap like this means that the kdamond slept."""

Span = tuple[float, float]


@dataclass(frozen=True)
class SwitchingResult:
    """Spans of activity, seconds since the start.

    Args:
        guest: The kernel's.
        emulator: The engine's, fed with the free memory that was read in the guest.
        late_s: Largest difference of one of their ends; infinite where their number differs.
    """

    guest: list[Span]
    emulator: list[Span]
    late_s: float

    @property
    def meets(self) -> bool:
        """Whether both switch equally often, at moments less than `GAP_S` apart."""
        return self.late_s < GAP_S


def compare_switching(guest_s: FloatArray, emulator_s: FloatArray) -> SwitchingResult:
    """Compare when two kdamonds worked.

    Args:
        guest_s: Ends of the guest's aggregations, seconds, ascending.
        emulator_s: Those of the emulator.
    """
    one, two = active_spans(guest_s), active_spans(emulator_s)
    late_s = float(np.abs(np.array(one) - np.array(two)).max()) if len(one) == len(two) else np.inf
    return SwitchingResult(one, two, late_s)


def active_spans(ends_s: FloatArray) -> list[Span]:
    """Return first and last aggregation of each time of activity.

    Example:
        >>> active_spans(np.array([1.0, 1.1, 4.0, 4.1, 4.2]))
        [(1.0, 1.1), (4.0, 4.2)]
    """
    cuts: IntArray = np.flatnonzero(np.diff(ends_s) > GAP_S) + 1
    return [
        (float(ends_s[first]), float(ends_s[last - 1]))
        for first, last in pairwise([0, *cuts.tolist(), len(ends_s)])
    ]
