"""Counts of many trials have the binomial distribution in each way of drawing them."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from damosrl.emulator.chance import draw_binomial
from damosrl.emulator.jit import kernel
from damosrl.emulator.state import CONTEXT

DRAWS = 4000


def _probability(trials: int, probability: float, count: int) -> float:
    """Return the binomial probability of a count."""
    logs = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
    logs += count * math.log(probability) + (trials - count) * math.log1p(-probability)
    return math.exp(logs)


def _chi_square_limit(degrees: int) -> float:
    """Return the chi-square quantile at 1e-5 (Wilson and Hilferty, 1931)."""
    scale = 2.0 / (9.0 * degrees)
    return degrees * (1.0 - scale + 4.265 * math.sqrt(scale)) ** 3


@kernel
def draw_many(
    contexts: NDArray[np.void], trials: np.int64, probability: float, counts: NDArray[np.int64]
) -> None:
    """Draw many counts one after the other."""
    for place in range(len(counts)):
        counts[place] = draw_binomial(contexts[0], trials, probability)


def _counts(trials: int, probability: float, seed: int = 7) -> NDArray[np.int64]:
    contexts = np.zeros(1, CONTEXT)
    contexts["rng"] = seed
    counts = np.zeros(DRAWS, np.int64)
    draw_many(contexts, np.int64(trials), probability, counts)
    return counts


@pytest.mark.parametrize(
    ("trials", "probability"),
    [(1, 0.3), (20, 0.7), (4096, 0.01), (5000, 0.002), (10**8, 4e-7), (10**8, 1.0 - 4e-7)],
)
def test_small_counts_are_exactly_binomial(trials: int, probability: float) -> None:
    """Pearson's chi-square over the values with at least ten expected draws is below its limit."""
    counts = _counts(trials, probability)
    values = range(int(counts.min()), int(counts.max()) + 1)
    expected = {value: DRAWS * _probability(trials, probability, value) for value in values}
    kept = [value for value in values if expected[value] >= 10.0]
    pairs = [(float(np.count_nonzero(counts == value)), expected[value]) for value in kept]
    pairs.append((DRAWS - sum(seen for seen, _ in pairs), DRAWS - sum(mean for _, mean in pairs)))
    chi_square = sum((seen - mean) ** 2 / max(mean, 1.0) for seen, mean in pairs)
    assert chi_square < _chi_square_limit(len(kept))


@pytest.mark.parametrize("probability", [0.01, 0.5, 0.97])
def test_large_counts_have_mean_and_spread(probability: float) -> None:
    """Beyond 4096 trials the mean and the variance are those of the binomial distribution."""
    trials = 10**6
    counts = _counts(trials, probability)
    variance = trials * probability * (1.0 - probability)
    assert counts.mean() == pytest.approx(trials * probability, abs=4.0 * np.sqrt(variance / DRAWS))
    assert counts.var() == pytest.approx(variance, rel=4.0 * np.sqrt(2.0 / DRAWS))
    assert counts.min() >= 0
    assert counts.max() <= trials


@pytest.mark.parametrize(
    ("trials", "probability", "count"), [(0, 0.5, 0), (9, 0.0, 0), (9, 1.0, 9)]
)
def test_certain_counts_draw_nothing(trials: int, probability: float, count: int) -> None:
    """What is certain uses up no random number."""
    contexts = np.zeros(1, CONTEXT)
    counts = np.zeros(1, np.int64)
    draw_many(contexts, np.int64(trials), probability, counts)
    assert counts[0] == count
    assert contexts["draws"][0] == 0
