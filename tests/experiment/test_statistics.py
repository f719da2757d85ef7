"""Statistics against closed forms and against their own definitions."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from damosrl.errors import StatisticsError
from damosrl.experiment.statistics import (
    bootstrap,
    interquartile_mean,
    means,
    optimality_gap,
    paired_difference,
    performance_profile,
    probability_of_improvement,
)
from damosrl.knobs import FloatArray

FINITE = st.floats(-50, 50, allow_nan=False, width=32)
SCORES = arrays.arrays(np.float64, st.integers(1, 40), elements=FINITE)
MATRICES = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 5), st.integers(2, 6)), elements=FINITE
)


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


@given(st.integers(1, 60), st.floats(-5, 5), st.floats(0.01, 3))
def test_iqm_of_an_even_ladder_is_its_middle(count: int, start: float, step: float) -> None:
    """Cutting both ends of an arithmetic sequence alike leaves its mean."""
    ladder = start + step * np.arange(count)
    assert interquartile_mean(ladder) == pytest.approx(start + step * (count - 1) / 2)


@given(SCORES)
def test_iqm_keeps_the_middle_half(scores: FloatArray) -> None:
    """It is the mean of what is left after a quarter, rounded down, is cut at each end."""
    kept = sorted(scores.tolist())[len(scores) // 4 : len(scores) - len(scores) // 4]
    assert interquartile_mean(scores) == pytest.approx(sum(kept) / len(kept), abs=1e-9)


@given(SCORES, st.floats(1e3, 1e9))
def test_iqm_does_not_see_one_outlier_in_four(scores: FloatArray, outlier: float) -> None:
    """Making the best of four or more runs better still changes nothing."""
    padded = np.concatenate([scores, np.zeros(4)])
    raised = padded.copy()
    raised[np.argmax(raised)] = outlier
    assert interquartile_mean(raised) == pytest.approx(interquartile_mean(padded))


@given(SCORES, st.floats(-60, 60))
def test_profile_counts_runs_above_the_bar(scores: FloatArray, bar: float) -> None:
    """The share at a bar is the share of runs strictly above it."""
    found = performance_profile(scores, [bar])
    assert found[0] == pytest.approx(sum(score > bar for score in scores) / len(scores))


@given(SCORES)
def test_profile_falls_from_one_to_zero(scores: FloatArray) -> None:
    """All runs lie above a bar under the worst, none above the best, and it never rises."""
    shares = performance_profile(scores, np.linspace(-51, 51, 41))
    assert shares[0] == 1.0
    assert shares[-1] == 0.0
    assert np.all(np.diff(shares) <= 0)


def test_area_under_the_profile_is_the_mean() -> None:
    """For scores in 0..1 the integral of the profile is the mean score."""
    scores = np.random.default_rng(0).random(200)
    bars = np.linspace(0, 1, 100_001)
    area = np.trapezoid(performance_profile(scores, bars), bars)
    assert area == pytest.approx(scores.mean(), abs=1e-4)


@given(SCORES, st.floats(-2, 2))
def test_optimality_gap_is_the_mean_shortfall(scores: FloatArray, target: float) -> None:
    """Runs above the target count as having reached it."""
    expected = sum(max(target - score, 0.0) for score in scores) / len(scores)
    assert optimality_gap(scores, target) == pytest.approx(expected, abs=1e-9)


@given(MATRICES, st.data())
def test_improvement_counts_pairs_of_seeds(scores: FloatArray, data: st.DataObject) -> None:
    """It is the share of seed pairs won, ties half, averaged over workloads."""
    others = data.draw(arrays.arrays(np.float64, scores.shape, elements=FINITE))
    won = [
        (float(mine > theirs) + 0.5 * float(mine == theirs))
        for row, other in zip(scores, others, strict=True)
        for mine, theirs in product(row, other)
    ]
    assert probability_of_improvement(scores, others) == pytest.approx(sum(won) / len(won))


@given(MATRICES)
def test_improvement_over_oneself_is_even(scores: FloatArray) -> None:
    """Against itself a tuner wins half of the time, and both directions add up to one."""
    assert probability_of_improvement(scores, scores) == pytest.approx(0.5)
    raised = scores + 0.25
    both = probability_of_improvement(raised, scores) + probability_of_improvement(scores, raised)
    assert both == pytest.approx(1.0)


@settings(max_examples=30)
@given(MATRICES)
def test_interval_lies_within_the_scores(scores: FloatArray) -> None:
    """An interval of means never leaves the range of the scores and encloses its own order."""
    found = bootstrap(scores, _rng(), resamples=200)
    slack = 1e-9 + 1e-9 * float(np.abs(scores).max())
    assert scores.min() - slack <= found.low <= found.high <= scores.max() + slack
    assert found.runs == scores.size


def test_interval_of_equal_runs_is_a_point() -> None:
    """Where every seed scores alike, resampling changes nothing, whatever the workloads."""
    scores = np.repeat([[0.1], [0.7]], 5, axis=1)
    found = bootstrap(scores, _rng(), statistic=means)
    assert (found.low, found.value, found.high) == pytest.approx((0.4, 0.4, 0.4))


def test_interval_has_the_width_of_the_normal_limit() -> None:
    """For means of many seeds the interval is 1.96 standard errors wide to each side."""
    scores = np.random.default_rng(3).normal(size=(4, 250))
    found = bootstrap(scores, _rng(), statistic=means, resamples=4000)
    error = np.sqrt((scores.var(axis=1) / 250).sum()) / 4
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.06)


def test_interval_is_stratified() -> None:
    """Differences between workloads do not widen it: each resample holds each workload."""
    spread = np.array([[0.0, 0.01, 0.02], [100.0, 100.01, 100.02]])
    found = bootstrap(spread, _rng(), statistic=means)
    assert found.high - found.low < 0.05


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Over 300 experiments of known mean, close to 95 % of the intervals hold it."""
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(300):
        scores = rng.normal(size=(3, 30))
        found = bootstrap(scores, rng, statistic=means, resamples=400)
        covered += found.low <= 0.0 <= found.high
    # Binomial(300, 0.93), four standard deviations; percentile intervals run slightly short.
    assert covered / 300 == pytest.approx(0.93, abs=0.06)


def test_bootstrap_repeats() -> None:
    """The same generator state gives the same interval."""
    scores = np.random.default_rng(1).random((3, 5))
    assert bootstrap(scores, _rng()) == bootstrap(scores, _rng())


def test_pairing_cancels_hard_seeds() -> None:
    """A constant lead over very different seeds is found exactly."""
    hard = np.random.default_rng(5).normal(scale=10.0, size=(3, 8))
    found = paired_difference(hard + 0.5, hard, _rng())
    assert (found.low, found.value, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_an_interval_over_one_run_is_refused() -> None:
    """One seed per workload carries no interval, however many workloads there are."""
    with pytest.raises(StatisticsError, match="one run"):
        bootstrap([[0.1], [0.2], [0.3]], _rng())


@pytest.mark.parametrize(
    ("scores", "message"),
    [([], "no scores"), ([0.0, float("nan")], "no numbers"), ([float("inf")], "no numbers")],
)
def test_what_is_no_score_is_refused(scores: list[float], message: str) -> None:
    """Nothing, NaN and infinity give an error instead of a number."""
    with pytest.raises(StatisticsError, match=message):
        interquartile_mean(scores)


def test_unlike_runs_are_not_compared() -> None:
    """Pairing needs the same shape, improvement the same workloads, both a matrix."""
    with pytest.raises(StatisticsError, match="not paired"):
        paired_difference(np.zeros((2, 3)), np.zeros((2, 4)), _rng())
    with pytest.raises(StatisticsError, match="different workloads"):
        probability_of_improvement(np.zeros((2, 3)), np.zeros((1, 3)))
    with pytest.raises(StatisticsError, match="wrong shape"):
        bootstrap([0.1, 0.2], _rng())
