"""The columns of a run's CSV files; the unit is the end of each name."""

from collections.abc import Sequence

from damosrl.metrics import TaskMetrics

EPISODE_TEXTS = ("tuner", "workload", "family", "split", "score_rule", "monitor")
"""Columns of episodes.csv that are no numbers."""

EPISODE_COUNTS = (
    "seed",
    "clamp_events_count",
    "fallback_events_count",
    "steps_count",
    "footprint_bytes",
)
"""Columns of episodes.csv that are whole numbers."""


def episode_columns(metrics: TaskMetrics) -> tuple[str, ...]:
    """Return the columns of episodes.csv: one row per tuner x workload x seed."""
    return (
        "tuner",
        "workload",
        "family",
        "split",
        "seed",
        "score",
        "score_rule",
        *(column.name for column in metrics.episodes),
        "clamp_events_count",
        "fallback_events_count",
        "reward_sum",
        "steps_count",
        "monitor",
        "footprint_bytes",
    )


def step_columns(metrics: TaskMetrics, knobs: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of steps.csv, one row per step; of knobs: in force, and asked for."""
    return (
        "tuner",
        "workload",
        "seed",
        "step",
        "time_s",
        *metrics.steps,
        "reward",
        "events_count",
        *(f"knob_{name}" for name in knobs),
        *(f"requested_{name}" for name in knobs),
    )


def learning_columns(metrics: TaskMetrics) -> tuple[str, ...]:
    """Return the columns of learning_curve.csv: one row per progress report."""
    return ("timesteps_count", "wall_s", "reward_mean", *metrics.learning.values())


def trial_columns(choices: Sequence[str], measure: str = "score") -> tuple[str, ...]:
    """Return the columns of a table of trials: what was chosen, and what came of it."""
    return ("trial", "stage", "state", measure, "runs_count", *choices)
