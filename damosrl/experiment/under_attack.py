"""What tuners do on workloads made to harm them: a column of its own beside the scores.

Such workloads take no part in any score: a mean over a choice of bad days says how many bad days
were chosen. They run with the seeds of the comparison, into a file of their own.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from damosrl.experiment.campaign import Campaign
from damosrl.experiment.harm import costs, harm_estimate
from damosrl.experiment.rollout import Row
from damosrl.experiment.settings import NOOP, CompareSettings, WorkloadSpec
from damosrl.experiment.summary import score_estimate, score_matrix
from damosrl.metrics import TaskMetrics

WORST_CASE_FILE = "worst_case.csv"
"""Columns of episodes.csv, one row per tuner x worst-case workload x seed."""

NOTE = (
    "on workloads made to harm tuners, which take no part in the scores; harm = cost of the tuner "
    "/ cost of no-op - 1, mean over episodes; each pattern was searched against one tuner: a lower "
    "bound of what a search against another would find"
)


def worst_cases(settings: CompareSettings, metrics: TaskMetrics) -> tuple[WorkloadSpec, ...]:
    """Return what was asked for, or else what the task names."""
    return metrics.worst_case if settings.worst_case is None else settings.worst_case


def attacked_campaign(campaign: Campaign, workloads: tuple[WorkloadSpec, ...]) -> Campaign:
    """Return the same tuners and seeds on worst-case workloads, every pattern alike often."""
    return replace(
        campaign,
        workloads=workloads,
        heatmap_tuner=None,
        episodes=WORST_CASE_FILE,
        recorded=False,
        dealt=True,
    )


def attacked_summary(
    rows: Sequence[Row], metrics: TaskMetrics, *, interval: bool, resamples: int
) -> dict[str, Any]:
    """Build the part ``under_attack`` of summary.json from scored episodes.

    Args:
        rows: All episodes on worst-case workloads, no-op among the tuners.
        metrics: What is measured; harm is null where its cost of doing nothing is not above 0.
        interval: Whether numbers carry an interval.
        resamples: Bootstrap resamples.
    """
    is_share = bool(np.all(costs(rows, NOOP, metrics.cost) > 0.0))
    tuners = dict.fromkeys(row["tuner"] for row in rows)
    return {
        "workloads": list(dict.fromkeys(row["workload"] for row in rows)),
        "note": NOTE,
        "tuners": {
            name: {
                "score": score_estimate(score_matrix(rows, name), interval, resamples),
                "harm": _harm(rows, name, metrics, interval, resamples) if is_share else None,
            }
            for name in tuners
        },
    }


def _harm(
    rows: Sequence[Row], tuner: str, metrics: TaskMetrics, interval: bool, resamples: int
) -> dict[str, Any]:
    found = harm_estimate(rows, tuner, NOOP, metrics.cost, resamples)
    ends = [found.low, found.high] if interval else None
    return {"mean": found.value, "ci95": ends, "n": found.runs}
