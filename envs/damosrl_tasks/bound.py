"""A bound that a reward holds by a Lagrange multiplier.

Most of A subject to B <= limit is the saddle point of A - lambda (B - limit) with lambda >= 0: the
reward carries the second term, and lambda either stays as it is given or follows the violation
(dual ascent; Altman, Constrained Markov Decision Processes, 1999; Tessler et al., Reward
Constrained Policy Optimization, ICLR 2019).
"""

import math
from dataclasses import dataclass

import numpy as np

from damosrl.errors import ConfigError
from damosrl.knobs import FloatArray


@dataclass(frozen=True)
class Bound:
    """A measure that must not exceed a limit.

    Args:
        measure: Which one, a cost.
        limit: The limit, in the unit of the measure.
        scale: Amount beyond the limit that counts as a violation of 1; violations are cut to
            [-1, 1], so the term lies within the multiplier.
        multiplier: Its value at the start.
        rate_per_s: Growth per second at a violation of 1; 0 keeps the multiplier fixed.
        most: Largest multiplier.
    """

    measure: str
    limit: float
    scale: float
    multiplier: float = 1.0
    rate_per_s: float = 0.0
    most: float = 100.0

    def __post_init__(self) -> None:
        for name, value, low in (
            ("limit", self.limit, 0.0),
            ("scale", self.scale, 1e-12),
            ("multiplier", self.multiplier, 0.0),
            ("rate_per_s", self.rate_per_s, 0.0),
            ("most", self.most, self.multiplier),
        ):
            if not (math.isfinite(value) and value >= low):
                raise ConfigError(
                    f"{name} of the reward's bound is out of range",
                    got=value,
                    allowed=f">= {low:g}, finite",
                )


class Multiplier:
    """The multipliers of N machines, and what they charge.

    Args:
        bound: What is bounded; None charges nothing.
        num_machines: N.

    Example:
        >>> multiplier = Multiplier(Bound("slowdown", 0.05, 0.05, rate_per_s=0.1), 1)
        >>> multiplier.charge(np.array([0.10]), np.array([2.0])).tolist()
        [-1.0]
        >>> multiplier.value.tolist()
        [1.2]
    """

    def __init__(self, bound: Bound | None, num_machines: int) -> None:
        self._bound = bound
        self.value = np.full(num_machines, 0.0 if bound is None else bound.multiplier)
        """Lambda, ``(N,)``."""

    def charge(self, measured: FloatArray, elapsed_s: FloatArray) -> FloatArray:
        """Return the reward's term of an interval, then let the multipliers follow.

        Args:
            measured: The bounded measure, ``(N,)``; NaN, which nobody measured, counts nothing.
            elapsed_s: Length of the interval, ``(N,)``.
        """
        bound = self._bound
        if bound is None:
            return np.zeros_like(self.value)
        violation = np.clip((measured - bound.limit) / bound.scale, -1.0, 1.0)
        violation = np.where(np.isnan(violation), 0.0, violation)
        term = -self.value * violation
        grown = self.value + bound.rate_per_s * elapsed_s * violation
        self.value = np.clip(grown, 0.0, bound.most)
        return term
