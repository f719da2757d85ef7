"""Scores per workload: the matrix, and who wins against whom."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.experiment.report.cast import Cast
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.scores import ScoreRow, column, mean_of
from damosrl.experiment.report.table import Mask, Table
from damosrl.experiment.scoring import BY_MOVEMENT


@dataclass(frozen=True)
class ScoreMatrix:
    """Mean scores of W workloads and T tuners.

    Args:
        tuners: Names, in the order of the score table.
        labels: Short labels, same order.
        workloads: Workload names, grouped by split.
        splits: Split of each workload; empty text where unknown.
        by_movement: Whether some episode of a workload is scored by moved bytes, ``(W,)``.
        scores: Mean over seeds ``(W, T)``; NaN where a tuner did not run.
    """

    tuners: tuple[str, ...]
    labels: tuple[str, ...]
    workloads: tuple[str, ...]
    splits: tuple[str, ...]
    by_movement: tuple[bool, ...]
    scores: NDArray[np.float64]

    def of(self, tuner: str) -> NDArray[np.float64]:
        """Return one tuner's mean scores ``(W,)``."""
        return self.scores[:, self.tuners.index(tuner)]


def score_matrix(run: Run, cast: Cast, rows: list[ScoreRow]) -> ScoreMatrix | None:
    """Average scores over seeds; None without episodes."""
    episodes = run.episodes
    if episodes is None or not episodes.has("tuner", "workload", "score"):
        return None
    ran = set(episodes.names("tuner"))
    tuners = tuple(row.name for row in rows if row.name in ran)
    splits = {name: _only(episodes, name, "split") for name in episodes.names("workload")}
    workloads = tuple(sorted(splits, key=lambda name: (splits[name] != "train", splits[name])))
    moved = scored_by_movement(episodes)
    scores = np.full((len(workloads), len(tuners)), np.nan)
    of_workload, of_tuner = episodes.text("workload"), episodes.text("tuner")
    values = column(episodes, "score")
    for place in np.ndindex(*scores.shape):
        cell = (of_workload == workloads[place[0]]) & (of_tuner == tuners[place[1]])
        scores[place] = mean_of(values[cell])
    return ScoreMatrix(
        tuners,
        tuple(cast.labels[name] for name in tuners),
        workloads,
        tuple(splits[name] for name in workloads),
        tuple(bool(moved[of_workload == name].any()) for name in workloads),
        scores,
    )


def scored_by_movement(episodes: Table) -> Mask:
    """Tell which episodes ``(rows,)`` are scored by moved bytes, as nothing can be gained there."""
    if not episodes.has("score_rule"):
        return np.zeros(len(episodes), dtype=np.bool_)
    return np.asarray(episodes.text("score_rule") == BY_MOVEMENT, dtype=np.bool_)


def _only(episodes: Table, workload: str, name: str) -> str:
    if not episodes.has(name):
        return ""
    return str(episodes.text(name)[episodes.text("workload") == workload][0])
