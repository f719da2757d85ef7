"""Whether the policy knows where it is: features outside the range seen in training."""

import math

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import Float32Array, FloatArray


class Assessment:
    """A running mean of the share of known features outside their training range.

    Args:
        low: Smallest value of every feature in training, normalised, ``(d,)``.
        high: Largest one.
        margin: How far outside counts.
        time_s: Time constant of the mean.

    Example:
        >>> low, high = np.array([-0.5, -0.5]), np.array([0.5, 0.5])
        >>> assessment = Assessment(low, high, margin=0.1, time_s=10.0)
        >>> known = np.array([True, True])
        >>> assessment.watch(np.array([0.55, 0.9], np.float32), known, 1.0)
        0.5
    """

    def __init__(self, low: FloatArray, high: FloatArray, margin: float, time_s: float) -> None:
        self._low = np.asarray(low, np.float64) - margin
        self._high = np.asarray(high, np.float64) + margin
        self._time_s = time_s
        self.mean_ratio = 0.0
        """The running mean, 0..1."""

    def watch(self, observation: Float32Array, known: NDArray[np.bool_], elapsed_s: float) -> float:
        """Take an observation ``(d,)`` in; return its own share outside, 0..1."""
        outside = ((observation < self._low) | (observation > self._high)) & known
        ratio = float(outside.sum()) / max(int(known.sum()), 1)
        weight = 1.0 - math.exp(-elapsed_s / self._time_s) if self._time_s > 0.0 else 1.0
        self.mean_ratio += weight * (ratio - self.mean_ratio)
        return ratio

    def forget(self) -> None:
        """Begin anew, as after a time in the kernel's hands."""
        self.mean_ratio = 0.0
