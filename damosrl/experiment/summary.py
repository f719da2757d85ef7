"""summary.json: scores with intervals, and what they were made of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from damosrl.experiment.harm import BOOTSTRAP_SEED
from damosrl.experiment.rollout import Row
from damosrl.experiment.scoring import BY_MOVEMENT, LOWEST_MOVEMENT_SCORE
from damosrl.experiment.settings import NOOP, ORACLE
from damosrl.experiment.statistics import (
    bootstrap,
    interquartile_mean,
    optimality_gap,
    paired_difference,
    probability_of_improvement,
)
from damosrl.knobs import FloatArray
from damosrl.metrics import TaskMetrics

GIB = float(1 << 30)
NOTES = {
    "ci95": "percentile interval of a stratified bootstrap: seeds resampled within each workload",
    "consist": "starts from a quota of one byte, as the kernel does: minutes pass until it moves",
    "consist_warm": "the same loop with the quotas it has after 1,500 s on the workload",
    ORACLE: "sees the true access rates, which no kernel can tell; it marks the end of the scale",
}


def score_note(cost: str, smallest_gain: float) -> str:
    """Return the formula of the score in one sentence."""
    return (
        f"({cost} of {NOOP} - {cost}) / ({cost} of {NOOP} - {cost} of {ORACLE}), same "
        f"workload and seed; where the difference of both ends is below {smallest_gain:g}: "
        f"1 - moved bytes / footprint, at least {LOWEST_MOVEMENT_SCORE:g}"
    )


def summarise(
    rows: Sequence[Row],
    metrics: TaskMetrics,
    *,
    interval: bool,
    resamples: int,
    monitor: str,
    seers: Sequence[str] = (ORACLE,),
) -> dict[str, Any]:
    """Build summary.json from scored episodes.

    Args:
        rows: All episodes, every tuner on the same workloads and seeds.
        metrics: What is measured.
        interval: Whether scores carry an interval.
        resamples: Bootstrap resamples.
        monitor: How monitors drew their samples.
        seers: Tuners that see ground truth, which tables mark.

    Raises:
        StatisticsError: An interval was asked for and there is one seed only.
    """
    tuners = list(dict.fromkeys(row["tuner"] for row in rows))
    splits = list(dict.fromkeys(row["split"] for row in rows))
    scores = {name: score_matrix(rows, name) for name in tuners}
    parts = {split: {name: score_matrix(rows, name, split) for name in tuners} for split in splits}

    def estimates(of: Mapping[str, FloatArray]) -> dict[str, Any]:
        return {name: score_estimate(matrix, interval, resamples) for name, matrix in of.items()}

    return {
        "scores": estimates(scores),
        "cost": {
            "column": metrics.cost,
            "words": metrics.cost_words,
            "smallest_gain": metrics.smallest_gain,
        },
        "shown": [asdict(column) for column in metrics.shown],
        "moved": list(metrics.moved),
        "wording": asdict(metrics.wording),
        "baseline": NOOP,
        "oracle": ORACLE,
        "by_split": {split: estimates(of) for split, of in parts.items()},
        "worst": {name: _worst(rows, name) for name in tuners},
        "ground_truth": list(seers),
        "probability_of_improvement": {
            one: {other: _improvement(scores, one, other) for other in tuners if other != one}
            for one in tuners
        },
        "paired_difference": _differences(scores, resamples) if interval else {},
        "optimality_gap": {name: optimality_gap(matrix) for name, matrix in scores.items()},
        "migrated_gib_per_episode": {name: _migrated_gib(rows, metrics, name) for name in tuners},
        "workloads": _workloads(rows),
        "monitor": monitor,
        "notes": {
            "score": score_note(metrics.cost_words, metrics.smallest_gain),
            "worst": "the workload of this run on which the tuner's mean score is lowest",
            **NOTES,
        },
    }


def score_matrix(rows: Sequence[Row], tuner: str, split: str | None = None) -> FloatArray:
    """Collect one tuner's scores, of one split or of all, ``(workloads, seeds)``."""
    mine = [row for row in rows if row["tuner"] == tuner and split in (None, row["split"])]
    names = list(dict.fromkeys(row["workload"] for row in mine))
    return np.array(
        [[row["score"] for row in mine if row["workload"] == name] for name in names],
        dtype=np.float64,
    )


def _worst(rows: Sequence[Row], tuner: str) -> dict[str, Any]:
    """Find the workload on which a tuner's mean score is lowest; the first of equals."""
    scores: dict[str, list[float]] = {}
    for row in rows:
        if row["tuner"] == tuner:
            scores.setdefault(row["workload"], []).append(row["score"])
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    workload = min(means, key=means.__getitem__)
    return {"workload": workload, "score": means[workload]}


def score_estimate(matrix: FloatArray, interval: bool, resamples: int) -> dict[str, Any]:
    """Return the interquartile mean of scores ``(W, S)``, with its interval if asked for."""
    if not interval:
        return {"iqm": interquartile_mean(matrix), "ci95": None, "n": int(matrix.size)}
    found = bootstrap(matrix, np.random.default_rng(BOOTSTRAP_SEED), resamples=resamples)
    return {"iqm": found.value, "ci95": [found.low, found.high], "n": found.runs}


def _improvement(scores: Mapping[str, FloatArray], one: str, other: str) -> float:
    return probability_of_improvement(scores[one], scores[other])


def _differences(scores: Mapping[str, FloatArray], resamples: int) -> dict[str, Any]:
    """Compare every tuner with every other, seed by seed."""
    result: dict[str, Any] = {}
    for one in scores:
        result[one] = {}
        for other in scores:
            if other == one:
                continue
            rng = np.random.default_rng(BOOTSTRAP_SEED)
            found = paired_difference(scores[one], scores[other], rng, resamples)
            result[one][other] = {"mean": found.value, "ci95": [found.low, found.high]}
    return result


def _migrated_gib(rows: Sequence[Row], metrics: TaskMetrics, tuner: str) -> float:
    moved = [sum(row[name] for name in metrics.moved) for row in rows if row["tuner"] == tuner]
    return float(np.mean(moved)) / GIB


def _workloads(rows: Sequence[Row]) -> dict[str, Any]:
    """Describe each workload: family, split, and how many of its seeds moving cannot help."""
    result: dict[str, Any] = {}
    for row in rows:
        if row["tuner"] != NOOP:
            continue
        entry = result.setdefault(
            row["workload"],
            {"family": row["family"], "split": row["split"], "seeds": 0, "scored_by_movement": 0},
        )
        entry["seeds"] += 1
        entry["scored_by_movement"] += row["score_rule"] == BY_MOVEMENT
    return result
