"""How long a workload stays as it is: lognormal times, as program phases are observed to have."""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.workload.parameters import Sampler

SHORTEST_S = 0.1


def dwell_times(
    sampler: Sampler, stays: int, median_s: float, spread: float
) -> tuple[NDArray[np.float64], float]:
    """Draw how long each stay lasts.

    Args:
        sampler: Its generator is used, even where parameters are nominal.
        stays: Number of stays.
        median_s: Median of a stay.
        spread: Standard deviation of the logarithm; 0 makes all stays equal. A stay is cut to
            between a fifth and five times the median, and to 0.1 s at least.

    Returns:
        Start of each stay, from 0, and the end of the last one, in seconds.
    """
    lengths = np.full(stays, median_s)
    if spread > 0.0:
        factor = np.exp(spread * sampler.rng.standard_normal(stays))
        lengths = median_s * np.clip(factor, 0.2, 5.0)
    ends = np.cumsum(np.maximum(lengths, SHORTEST_S))
    return np.concatenate(([0.0], ends[:-1])), float(ends[-1])
