"""The generator and what is drawn from it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from damosrl.emulator.counting import bytes_below, draw_counts
from damosrl.emulator.jit import lean_kernel
from damosrl.emulator.rng import count_bits, rand
from damosrl.emulator.state import EngineState, allocate

U = np.uint64
U64 = st.integers(0, 2**64 - 1)


@lean_kernel
def _draw_counts(state: EngineState, trials: np.int64, start: np.uint64) -> None:
    draw_counts(state, 0, trials, start)


def _counts(trials: int, probabilities: NDArray[np.float64], seed: int = 1) -> NDArray[np.int64]:
    """Draw the access counts of regions with some hit probabilities."""
    state = allocate(1, region_capacity=len(probabilities))
    state.regions.nr_regions[0] = len(probabilities)
    state.hit_probability[0] = probabilities
    _draw_counts(state, np.int64(trials), U(seed))
    counts: NDArray[np.int64] = state.regions.nr_accesses[0].astype(np.int64)
    return counts


def _draw_many(trials: int, probability: float, number: int) -> NDArray[np.int64]:
    return _counts(trials, np.full(number, probability))


@settings(deadline=None)
@given(U64)
def test_count_bits(value: int) -> None:
    """The bit count equals Python's."""
    assert count_bits(U(value)) == value.bit_count()


@settings(deadline=None)
@given(U64, U64, U64)
def test_rand_is_in_range(seed: int, one: int, other: int) -> None:
    """A draw lies in [low, high) for any span, also over 2^32, and equals exact arithmetic."""
    low, high = sorted((one, other))
    state = allocate(1, region_capacity=1)
    state.contexts["rng"] = seed
    value = int(rand(state.contexts[0], U(low), U(high)))
    words, x = [], seed
    for _ in range(1 if high - low < 2**32 else 2):
        x = (x * 6364136223846793005 + 1442695040888963407) % 2**64
        words.append(x >> 32)
    joined = sum(word << 32 * i for i, word in enumerate(reversed(words)))
    assert value == low + (joined * (high - low) >> 32 * len(words))
    assert low <= value < high or low == high == value
    assert int(state.contexts["draws"][0]) == len(words)


@pytest.mark.parametrize("trials", [1, 20, 64, 65, 200])
@pytest.mark.parametrize("probability", [0.003, 0.3, 0.5, 0.97])
def test_binomial_distribution(trials: int, probability: float) -> None:
    """Counts follow the binomial distribution.

    20,000 regions are drawn at once. Pearson's chi-square over bins of at least 20 expected counts;
    the bound is the Wilson-Hilferty quantile at 1e-6, so the family of 20 tests fails by chance
    once in 50,000 seeds.
    """
    number = 20_000
    counts = np.bincount(_draw_many(trials, probability, number), minlength=trials + 1)
    shares = [
        math.comb(trials, k) * probability**k * (1 - probability) ** (trials - k)
        for k in range(trials + 1)
    ]
    seen, wanted = _merge_bins(counts, np.array(shares) * number)
    chi2 = float(np.sum((seen - wanted) ** 2 / wanted))
    degrees = max(len(seen) - 1, 1)
    quantile = degrees * (1 - 2 / (9 * degrees) + 4.75 * math.sqrt(2 / (9 * degrees))) ** 3
    assert chi2 < quantile


def _merge_bins(
    seen: NDArray[np.int64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Join neighbouring bins until each is expected at least 20 times."""
    bins: list[list[float]] = [[0.0, 0.0]]
    for one, other in zip(seen, wanted, strict=True):
        if bins[-1][1] >= 20:
            bins.append([0.0, 0.0])
        bins[-1][0] += float(one)
        bins[-1][1] += float(other)
    if bins[-1][1] < 20 and len(bins) > 1:
        last = bins.pop()
        bins[-1] = [bins[-1][0] + last[0], bins[-1][1] + last[1]]
    table = np.array(bins)
    return table[:, 0], table[:, 1]


@given(st.integers(1, 200), st.integers(0, 2**64 - 1))
@settings(deadline=None, max_examples=50)
def test_certain_samples_are_certain(trials: int, seed: int) -> None:
    """Probability 0 never hits, probability 1 always, whatever is drawn for the others."""
    counts = _counts(trials, np.array([0.0, 0.5, 1.0, 1.5, -1.0]), seed)
    assert counts[[0, 2, 3, 4]].tolist() == [0, trials, trials, 0]
    assert 0 <= counts[1] <= trials


@settings(deadline=None)
@given(U64, U64)
def test_bytes_are_compared_lane_by_lane(one: int, other: int) -> None:
    """Every byte is marked below or equal as Python compares the bytes."""
    below, equal = bytes_below(U(one), U(other))
    pairs = list(zip(one.to_bytes(8, "big"), other.to_bytes(8, "big"), strict=True))
    marks = [[0x80 * (a < b) for a, b in pairs], [0x80 * (a == b) for a, b in pairs]]
    got = [list(int(word).to_bytes(8, "big")) for word in (below, equal)]
    assert got == marks


def test_binomial_draws_are_uncorrelated() -> None:
    """Neighbouring draws do not depend on each other (|r| below 5 standard errors)."""
    draws = _draw_many(20, 0.4, 40_000).astype(float)
    for lag in (1, 2, 3, 17):
        correlation = np.corrcoef(draws[:-lag], draws[lag:])[0, 1]
        assert abs(correlation) < 5 / math.sqrt(len(draws))
