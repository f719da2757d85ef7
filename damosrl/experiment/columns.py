"""The columns of a run's CSV files; the unit is the end of each name."""

from collections.abc import Sequence

EPISODE = (
    "tuner",
    "workload",
    "family",
    "split",
    "seed",
    "score",
    "score_rule",
    "slowdown_mean_ratio",
    "slowdown_p95_ratio",
    "mean_latency_ns",
    "p99_latency_ns",
    "throughput_per_s",
    "migrated_up_bytes",
    "migrated_down_bytes",
    "returned_bytes",
    "psi_some_avg_ratio",
    "psi_full_avg_ratio",
    "kdamond_cpu_ratio",
    "fast_share_ratio",
    "clamp_events_count",
    "fallback_events_count",
    "reward_sum",
    "steps_count",
    "monitor",
    "footprint_bytes",
)
"""episodes.csv: one row per tuner x workload x seed."""

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

STEP = (
    "tuner",
    "workload",
    "seed",
    "step",
    "time_s",
    "slowdown_ratio",
    "fast_free_ratio",
    "promoted_bytes",
    "demoted_bytes",
    "psi_some_ratio",
    "reward",
    "fast_share_ratio",
    "p99_latency_ns",
    "events_count",
)
"""steps.csv: one row per step, before the knobs."""

LEARNING = ("timesteps_count", "wall_s", "reward_mean", "slowdown_mean_ratio", "fast_share_ratio")
"""learning_curve.csv: one row per progress report."""


def step_columns(knobs: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of steps.csv for a task's knobs: in force, and asked for."""
    return (
        *STEP,
        *(f"knob_{name}" for name in knobs),
        *(f"requested_{name}" for name in knobs),
    )


def trial_columns(knobs: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of trials.csv for a task's knobs."""
    return ("trial", "stage", "state", "score", "runs_count", *knobs)
