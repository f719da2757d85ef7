"""Scores between no-op and oracle."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.experiment.scoring import score_episodes, score_of
from damosrl.metrics import EpisodeColumn, TaskMetrics

METRICS = TaskMetrics(
    steps={},
    episodes=(
        EpisodeColumn("slowdown_mean_ratio", "slowdown"),
        EpisodeColumn("migrated_up_bytes", "promoted_bytes", "sum"),
        EpisodeColumn("migrated_down_bytes", "demoted_bytes", "sum"),
    ),
)
SMALLEST_GAIN = METRICS.smallest_gain
SLOWDOWN = st.floats(1.0, 20.0)


def _row(tuner: str, slowdown: float, seed: int = 0, moved: float = 0.0) -> dict[str, Any]:
    return {
        "tuner": tuner,
        "workload": "zipf",
        "seed": seed,
        "slowdown_mean_ratio": slowdown,
        "migrated_up_bytes": moved / 2,
        "migrated_down_bytes": moved / 2,
        "footprint_bytes": 100.0,
    }


@given(SLOWDOWN, st.floats(0.05, 5.0), st.floats(-1.0, 2.0))
def test_score_is_the_place_between_the_ends(oracle: float, gain: float, place: float) -> None:
    """No-op scores 0, the oracle 1, everything else where its slowdown lies between them."""
    noop = oracle + gain
    score, rule = score_of(noop, oracle, noop - place * gain, 1e9, SMALLEST_GAIN)
    assert score == pytest.approx(place, abs=1e-6)
    assert rule == "cost"


@given(SLOWDOWN, st.floats(0.0, SMALLEST_GAIN * 0.99), st.floats(0.0, 10.0))
def test_where_nothing_can_be_won_moving_costs(noop: float, gain: float, moved: float) -> None:
    """The score falls with what was moved, from 1 for nothing down to -1."""
    score, rule = score_of(noop, noop - gain, 5.0, moved, SMALLEST_GAIN)
    assert rule == "movement"
    assert score == pytest.approx(max(1.0 - moved, -1.0))


def test_episodes_are_scored_by_their_own_seed() -> None:
    """Each seed has its own ends of the scale."""
    rows = [
        _row("noop", 2.0, 0), _row("oracle", 1.0, 0), _row("pi", 1.5, 0),
        _row("noop", 3.0, 1), _row("oracle", 1.0, 1), _row("pi", 1.5, 1),
    ]  # fmt: skip
    scores = [row["score"] for row in score_episodes(rows, METRICS)]
    assert scores == [
        0.0,
        1.0,
        0.5,
        0.0,
        1.0,
        0.75,
    ]


def test_scores_wait_for_both_ends() -> None:
    """An interrupted run has episodes without a score, and says so by leaving it empty."""
    scored = score_episodes([_row("noop", 2.0), _row("pi", 1.5)], METRICS)
    assert [row["score"] for row in scored] == [None, None]
    assert [row["score_rule"] for row in scored] == [None, None]


def test_rows_are_not_changed() -> None:
    """Scoring returns copies."""
    row = _row("noop", 2.0)
    score_episodes([row], METRICS)
    assert "score" not in row
