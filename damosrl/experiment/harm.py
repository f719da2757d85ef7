"""Harm: what a tuner costs above doing nothing, on the same episodes.

harm = cost of the tuner / cost of no-op - 1, with the cost of the task (for tiering the slowdown).
It is the user's loss. The normalised score would not do: it divides by what an oracle could gain,
so that its worst case lies where there is next to nothing to gain.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from damosrl.experiment.statistics import RESAMPLES, Estimate, bootstrap, means
from damosrl.knobs import FloatArray

BOOTSTRAP_SEED = 20_260_101
"""Of the resamples only: the same episodes give the same intervals."""


def harm_of(cost: FloatArray, noop: FloatArray) -> FloatArray:
    """Return the cost above that of doing nothing, as a share of it; arrays of one shape.

    Example:
        >>> harm_of(np.array([1.5]), np.array([1.2])).round(2)
        array([0.25])
    """
    return np.asarray(cost / noop - 1.0)


def harm_estimate(
    rows: Sequence[Mapping[str, Any]],
    tuner: str,
    noop: str,
    column: str,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Return a tuner's mean harm over episodes, with its 95 % interval; NaN ends for one seed.

    Args:
        rows: Episodes of the tuner and of no-op on the same workloads and seeds.
        tuner: Who.
        noop: What rows call doing nothing.
        column: The cost.
        resamples: Bootstrap resamples; seeds are drawn within each workload.
    """
    harm = harm_of(costs(rows, tuner, column), costs(rows, noop, column))
    if harm.shape[1] < 2:
        return Estimate(float(harm.mean()), float("nan"), float("nan"), harm.size)
    return bootstrap(harm, np.random.default_rng(BOOTSTRAP_SEED), means, resamples)


def costs(rows: Sequence[Mapping[str, Any]], tuner: str, column: str) -> FloatArray:
    """Collect one tuner's costs, ``(workloads, seeds)``."""
    by_workload: dict[str, list[float]] = {}
    for row in rows:
        if row["tuner"] == tuner:
            by_workload.setdefault(row["workload"], []).append(float(row[column]))
    return np.array(list(by_workload.values()), dtype=np.float64)
