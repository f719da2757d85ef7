"""How often, and how well, one policy says what another says."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from damosrl.knobs import Float32Array

CLOSE_SHARE = 0.05
"""Of a knob's normalised range, which is 2 wide: actions this near to each other agree."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of a student with its teacher on the same observations.

    Args:
        observations: How many.
        all_close: Share of observations on which every knob is close.
        close: Share of observations on which a knob is close, by knob.
        r2: Coefficient of determination by knob: 1 is equal, 0 is no better than the teacher's
            mean; None where the teacher never changes the knob.
    """

    observations: int
    all_close: float
    close: dict[str, float]
    r2: dict[str, float | None]

    def plain(self) -> dict[str, Any]:
        """Return plain data for a provenance."""
        return {
            "observations": self.observations,
            "close_means_share_of_range": CLOSE_SHARE,
            "all_knobs_close_share": self.all_close,
            "close_share": self.close,
            "r2": self.r2,
        }

    def lines(self) -> list[str]:
        """Say it, one line per knob."""
        width = max(map(len, self.close))
        head = (
            f"all knobs within {CLOSE_SHARE:.0%} of their range: {self.all_close:.1%} of "
            f"{self.observations:,} observations"
        )
        knobs = [
            f"  {name:<{width}}  {share:6.1%}   R2 {_shown(self.r2[name])}"
            for name, share in self.close.items()
        ]
        return [head, *knobs]


def agreement(names: tuple[str, ...], teacher: Float32Array, student: Float32Array) -> Agreement:
    """Compare actions ``(n, k)`` of both on the same observations.

    Example:
        >>> found = agreement(("a",), np.array([[0.0], [1.0]], np.float32),
        ...                   np.array([[0.05], [0.5]], np.float32))
        >>> found.all_close, round(found.r2["a"], 3)
        (0.5, 0.495)
    """
    error = student.astype(np.float64) - teacher.astype(np.float64)
    close = np.abs(error) <= CLOSE_SHARE * 2.0
    spread = np.square(teacher - teacher.mean(axis=0, dtype=np.float64)).sum(axis=0)
    missed = np.square(error).sum(axis=0)
    return Agreement(
        observations=len(teacher),
        all_close=float(close.all(axis=1).mean()),
        close=dict(zip(names, close.mean(axis=0).tolist(), strict=True)),
        r2={
            name: float(1.0 - missed[k] / spread[k]) if spread[k] > 0.0 else None
            for k, name in enumerate(names)
        },
    )


def _shown(r2: float | None) -> str:
    return "- (the policy never changes it)" if r2 is None else f"{r2:.3f}"
