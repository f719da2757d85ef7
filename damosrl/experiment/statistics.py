"""What may be said about scores of several runs, and how sure it is.

Formulas of Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice",
NeurIPS 2021. Scores come as arrays ``(W, S)``: W workloads (the strata) times S seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from damosrl.errors import StatisticsError
from damosrl.knobs import FloatArray

Statistic = Callable[[FloatArray], FloatArray]
"""Takes ``(..., n)`` scores, gives ``(...)`` numbers."""

LEVEL = 0.95
RESAMPLES = 2000
_CHUNK_VALUES = 1 << 22


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % bootstrap interval.

    Args:
        value: The statistic of the scores themselves.
        low: Lower end of the interval.
        high: Upper end.
        runs: Number of runs behind it.
    """

    value: float
    low: float
    high: float
    runs: int


def interquartile_mean(scores: ArrayLike) -> float:
    """Return the mean of the middle half of all scores (any shape), robust against outliers.

    A quarter of the runs, rounded down, is cut off at each end.

    Raises:
        StatisticsError: There are no scores, or some are no numbers.

    Example:
        >>> interquartile_mean([-100.0, 1.0, 3.0, 100.0])
        2.0
    """
    return float(interquartile_means(_checked(scores).ravel()))


def interquartile_means(scores: FloatArray) -> FloatArray:
    """Return interquartile means over the last axis of ``(..., n)`` scores."""
    count = scores.shape[-1]
    cut = count // 4
    middle: FloatArray = np.sort(scores, axis=-1)[..., cut : count - cut].mean(axis=-1)
    return middle


def means(scores: FloatArray) -> FloatArray:
    """Return means over the last axis of ``(..., n)`` scores."""
    mean: FloatArray = scores.mean(axis=-1)
    return mean


def optimality_gap(scores: ArrayLike, target: float = 1.0) -> float:
    """Return by how much runs fall short of the target on average; exceeding it earns nothing.

    Raises:
        StatisticsError: There are no scores, or some are no numbers.

    Example:
        >>> optimality_gap([0.5, 2.0])
        0.25
    """
    return float(np.maximum(target - _checked(scores), 0.0).mean())


def performance_profile(scores: ArrayLike, bars: ArrayLike) -> FloatArray:
    """Return the share of runs that score above each bar.

    Args:
        scores: Any shape.
        bars: Thresholds ``(B,)``.

    Returns:
        Shares ``(B,)`` in 0..1, falling.

    Raises:
        StatisticsError: There are no scores, or some are no numbers.

    Example:
        >>> performance_profile([0.0, 0.5, 1.0], [-1.0, 0.25, 1.0]).round(2).tolist()
        [1.0, 0.67, 0.0]
    """
    ordered = np.sort(_checked(scores).ravel())
    below = np.searchsorted(ordered, np.asarray(bars, dtype=np.float64), side="right")
    return (ordered.size - below) / float(ordered.size)


def probability_of_improvement(scores: ArrayLike, others: ArrayLike) -> float:
    """Return the chance that a run of the first tuner scores above one of the second.

    The Mann-Whitney statistic per workload (ties count half), averaged over workloads.

    Args:
        scores: ``(W, S)`` of the first tuner.
        others: ``(W, S')`` of the second, same workloads in the same order.

    Raises:
        StatisticsError: Shapes do not fit, or some scores are no numbers.

    Example:
        >>> probability_of_improvement([[1.0, 2.0]], [[0.0, 1.0]])
        0.875
    """
    first, second = _matrix(scores), _matrix(others)
    if len(first) != len(second):
        raise StatisticsError(
            "two tuners ran on different workloads",
            got=f"{len(first)} and {len(second)} workloads",
            fix="compare them in one run",
        )
    gaps = first[:, :, None] - second[:, None, :]
    return float((0.5 + 0.5 * np.sign(gaps)).mean(axis=(1, 2)).mean())


def bootstrap(
    scores: ArrayLike,
    rng: np.random.Generator,
    statistic: Statistic = interquartile_means,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Estimate a statistic of ``(W, S)`` scores with a stratified percentile bootstrap.

    Seeds are drawn with replacement within each workload, so that every resample holds each
    workload equally often.

    Args:
        scores: ``(W, S)``.
        rng: Where resamples come from.
        statistic: Reduces the last axis.
        resamples: Number of resamples.

    Raises:
        StatisticsError: Only one seed, no scores, or some are no numbers.
    """
    matrix = _matrix(scores)
    workloads, seeds = matrix.shape
    if seeds < 2:
        raise StatisticsError(
            "an interval over one run says nothing",
            got=f"{seeds} seed per workload",
            allowed=">= 2 seeds",
            fix="give seeds=10, or interval=false",
        )
    rows = np.arange(workloads)[:, None]
    values = []
    for size in _chunks(resamples, matrix.size):
        picks = rng.integers(seeds, size=(size, workloads, seeds))
        values.append(statistic(matrix[rows, picks].reshape(size, -1)))
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(np.concatenate(values), (tail, 1.0 - tail))
    return Estimate(float(statistic(matrix.ravel())), float(low), float(high), int(matrix.size))


def paired_difference(
    scores: ArrayLike, others: ArrayLike, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Estimate:
    """Estimate the mean difference of two tuners that ran on the same workloads and seeds.

    What both suffer alike (a hard seed) cancels, which makes the interval narrower than that of
    two separate estimates.

    Args:
        scores: ``(W, S)`` of the first tuner.
        others: ``(W, S)`` of the second, paired with the first.
        rng: Where resamples come from.
        resamples: Number of resamples.

    Raises:
        StatisticsError: Shapes differ, only one seed, or some scores are no numbers.
    """
    first, second = _matrix(scores), _matrix(others)
    if first.shape != second.shape:
        raise StatisticsError(
            "runs are not paired",
            got=f"{first.shape} and {second.shape}",
            allowed="the same workloads and seeds",
            fix="compare them in one run",
        )
    return bootstrap(first - second, rng, means, resamples)


def _matrix(scores: ArrayLike) -> FloatArray:
    matrix = _checked(scores)
    if matrix.ndim != 2:
        raise StatisticsError(
            "scores have the wrong shape", got=matrix.shape, allowed="(workloads, seeds)"
        )
    return matrix


def _checked(scores: ArrayLike) -> FloatArray:
    values: NDArray[np.float64] = np.asarray(scores, dtype=np.float64)
    if not values.size:
        raise StatisticsError("there are no scores", got="none", allowed="one or more")
    if not np.isfinite(values).all():
        raise StatisticsError("some scores are no numbers", got=values[~np.isfinite(values)][0])
    return values


def _chunks(resamples: int, width: int) -> list[int]:
    """Split the work so that it needs little memory; the draws stay the same."""
    size = max(1, min(resamples, _CHUNK_VALUES // max(width, 1)))
    whole, rest = divmod(resamples, size)
    return [size] * whole + ([rest] if rest else [])
