"""The score of an episode: 0 is doing nothing, 1 is the oracle.

score = (cost of no-op - cost) / (cost of no-op - cost of the oracle), on the same workload and
seed; what the cost is says the task (`damosrl.metrics.TaskMetrics`), for tiering the slowdown.
Where the oracle gains too little there is nothing to win, and the episode is scored by what it
moved instead: score = 1 - moved bytes / footprint, at least -1. There doing nothing earns 1.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from damosrl.experiment.settings import NOOP, ORACLE
from damosrl.metrics import TaskMetrics

LOWEST_MOVEMENT_SCORE = -1.0
BY_COST = "cost"
BY_MOVEMENT = "movement"

Row = dict[str, Any]


def score_episodes(rows: Sequence[Mapping[str, Any]], metrics: TaskMetrics) -> list[Row]:
    """Add ``score`` and ``score_rule`` to episodes whose no-op and oracle are known.

    Args:
        rows: Episodes with the columns of `damosrl.experiment.columns.episode_columns`, numbers
            as floats.
        metrics: What a score is made of.

    Returns:
        Copies, in the same order; both entries stay empty where an end of the scale is missing.
    """
    ends = {
        (row["tuner"], row["workload"], row["seed"]): row[metrics.cost]
        for row in rows
        if row["tuner"] in (NOOP, ORACLE)
    }
    scored = []
    for row in rows:
        place = row["workload"], row["seed"]
        noop, oracle = ends.get((NOOP, *place)), ends.get((ORACLE, *place))
        entry: Row = {**row, "score": None, "score_rule": None}
        if noop is not None and oracle is not None:
            moved = sum(row[name] for name in metrics.moved) / row["footprint_bytes"]
            score, rule = score_of(noop, oracle, row[metrics.cost], moved, metrics.smallest_gain)
            entry["score"] = score
            entry["score_rule"] = metrics.cost_words if rule == BY_COST else rule
        scored.append(entry)
    return scored


def score_of(
    noop: float, oracle: float, cost: float, moved: float, smallest_gain: float
) -> tuple[float, str]:
    """Return the score of one episode and the rule that gave it.

    Args:
        noop: Mean cost of doing nothing.
        oracle: Mean cost of the oracle.
        cost: Mean cost of the episode.
        moved: Bytes moved, of the footprint.
        smallest_gain: Of the oracle's over no-op's cost; below it, both count as equal.

    Example:
        >>> score_of(2.0, 1.0, 1.25, 0.0, 0.02)
        (0.75, 'cost')
        >>> score_of(1.0, 1.0, 1.0, 0.5, 0.02)
        (0.5, 'movement')
    """
    if noop - oracle >= smallest_gain:
        return (noop - cost) / (noop - oracle), BY_COST
    return max(1.0 - moved, LOWEST_MOVEMENT_SCORE), BY_MOVEMENT
