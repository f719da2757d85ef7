"""The score of an episode: 0 is doing nothing, 1 is the oracle.

score = (slowdown_noop - slowdown) / (slowdown_noop - slowdown_oracle), on the same workload and
seed. Where the oracle gains less than `SMALLEST_GAIN` there is nothing to win, and the episode is
scored by what it moved instead: score = 1 - migrated bytes / footprint, at least -1. There doing
nothing earns 1.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from damosrl.experiment.settings import NOOP, ORACLE

SMALLEST_GAIN = 0.02
"""Of the slowdown against all-fast memory; below it, no-op and oracle count as equal."""
LOWEST_MOVEMENT_SCORE = -1.0
BY_SLOWDOWN = "slowdown"
BY_MOVEMENT = "movement"

Row = dict[str, Any]


def score_episodes(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Add ``score`` and ``score_rule`` to episodes whose no-op and oracle are known.

    Args:
        rows: Episodes with the columns of `damosrl.experiment.columns.EPISODE`, numbers as floats.

    Returns:
        Copies, in the same order; both entries stay empty where an end of the scale is missing.
    """
    ends = {
        (row["tuner"], row["workload"], row["seed"]): row["slowdown_mean_ratio"]
        for row in rows
        if row["tuner"] in (NOOP, ORACLE)
    }
    scored = []
    for row in rows:
        place = row["workload"], row["seed"]
        noop, oracle = ends.get((NOOP, *place)), ends.get((ORACLE, *place))
        entry: Row = {**row, "score": None, "score_rule": None}
        if noop is not None and oracle is not None:
            entry["score"], entry["score_rule"] = score_of(
                noop,
                oracle,
                row["slowdown_mean_ratio"],
                row["migrated_up_bytes"] + row["migrated_down_bytes"],
                row["footprint_bytes"],
            )
        scored.append(entry)
    return scored


def score_of(
    noop: float, oracle: float, slowdown: float, migrated_bytes: float, footprint_bytes: float
) -> tuple[float, str]:
    """Return the score of one episode and the rule that gave it.

    Args:
        noop: Mean slowdown of doing nothing.
        oracle: Mean slowdown of the oracle.
        slowdown: Mean slowdown of the episode.
        migrated_bytes: Bytes moved up and down.
        footprint_bytes: Size of the workload.

    Example:
        >>> score_of(2.0, 1.0, 1.25, 0.0, 1.0)
        (0.75, 'slowdown')
        >>> score_of(1.0, 1.0, 1.0, 8.0, 16.0)
        (0.5, 'movement')
    """
    if noop - oracle >= SMALLEST_GAIN:
        return (noop - slowdown) / (noop - oracle), BY_SLOWDOWN
    return max(1.0 - migrated_bytes / footprint_bytes, LOWEST_MOVEMENT_SCORE), BY_MOVEMENT
