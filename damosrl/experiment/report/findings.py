"""The result in plain sentences, made from the numbers; losses are said as plainly as wins."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from damosrl.experiment.report.cast import is_policy
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.scores import GIB, ScoreRow, mean_of, moved_bytes, number
from damosrl.experiment.report.workloads import ScoreMatrix, scored_by_movement

OPPONENTS = ("best_static", "quantile", "consist_warm", "consist")
CLEAR = 0.02
"""Differences in score below this are called level where no interval is at hand."""


Tone = Literal["gain", "loss", "plain"]


@dataclass(frozen=True)
class Finding:
    """One sentence of the summary.

    Args:
        text: The sentence.
        tone: Whether it tells of a gain, a loss, or neither.
    """

    text: str
    tone: Tone = "plain"


def findings(run: Run, rows: list[ScoreRow], matrix: ScoreMatrix | None) -> list[Finding]:
    """Return the sentences, most important first; empty without scores."""
    ranked = [row for row in rows if row.ranked and math.isfinite(row.score.value)]
    if not ranked:
        return []
    found = [_leader(ranked)]
    for row in ranked:
        if is_policy(row.name) or row.name == "ppo":
            found.extend(_duels(run, row, ranked, matrix))
    found.extend(_cheaper(ranked))
    found.extend(_below_nothing(ranked))
    found.extend(_under_attack(run, ranked))
    found.extend(_wasted(run, rows, matrix))
    found.extend(_above_oracle(ranked))
    return found


def _leader(ranked: list[ScoreRow]) -> Finding:
    best = ranked[0]
    interval = "" if math.isnan(best.score.low) else f" (95 % interval {best.score.range_text})"
    level = [
        row.label
        for row in ranked[1:]
        if row.score.high >= best.score.low or math.isclose(row.score.value, best.score.value)
    ]
    rest = f"; the intervals of {_listed(level)} overlap with it" if level else ""
    return Finding(f"{best.label} has the highest score, {best.score.text}{interval}{rest}.")


def _duels(
    run: Run, row: ScoreRow, ranked: list[ScoreRow], matrix: ScoreMatrix | None
) -> list[Finding]:
    """Set a learned policy against the opponents that count, or else against the best other."""
    others = [other for other in ranked if other.name != row.name]
    counting = sorted(
        (other for other in others if other.name in OPPONENTS),
        key=lambda other: OPPONENTS.index(other.name),
    )
    return [_duel(run, row, other, matrix) for other in counting or others[:1]]


def _duel(run: Run, row: ScoreRow, other: ScoreRow, matrix: ScoreMatrix | None) -> Finding:
    paired = paired_difference(run, row.name, other.name)
    evidence = ""
    if paired is not None:
        evidence = (
            f"; mean paired difference {number(paired[0])}, 95 % interval "
            f"{number(paired[1])} … {number(paired[2])}"
        )
    verb, tone = _verdict(row, other, paired)
    scores = f"{row.score.text} against {other.score.text}"
    return Finding(
        f"{row.label} {verb} {other.label}: {scores}{_where(row, other, matrix)}{evidence}.", tone
    )


def _verdict(
    row: ScoreRow, other: ScoreRow, paired: tuple[float, float, float] | None
) -> tuple[str, Tone]:
    """Judge by the scores' intervals and by the paired difference, in words for how they agree.

    A win is called one only where nothing speaks against it; a lower score is always a loss.
    """
    apart = _interval_sign(row.score.low - other.score.high, row.score.high - other.score.low)
    if paired is not None:
        sure = _interval_sign(paired[1], paired[2])
    elif math.isnan(row.score.low) or math.isnan(other.score.low):
        difference = row.score.value - other.score.value
        sure = _interval_sign(difference - CLEAR, difference + CLEAR)
    else:
        sure = apart
    if sure * apart < 0:
        return "neither beats nor loses to", "plain"
    if sure:
        return ("beats", "gain") if sure > 0 else ("loses to", "loss")
    if apart:
        higher: tuple[str, Tone] = ("scores higher than, but does not clearly beat,", "plain")
        return higher if apart > 0 else ("scores lower than", "loss")
    return "is level with", "plain"


def _interval_sign(low: float, high: float) -> int:
    """Return 1 or -1 where the whole interval lies on that side of zero, else 0 (also for NaN)."""
    return int(low > 0.0) - int(high < 0.0)


def paired_difference(run: Run, name: str, other: str) -> tuple[float, float, float] | None:
    """Return mean and 95 % interval of score(name) - score(other) from the summary, if given."""
    table: Any = run.summary.get("paired_difference")
    entry = table.get(name, {}).get(other) if isinstance(table, dict) else None
    if not isinstance(entry, dict) or entry.get("mean") is None or not entry.get("ci95"):
        return None
    return float(entry["mean"]), float(entry["ci95"][0]), float(entry["ci95"][1])


def _where(row: ScoreRow, other: ScoreRow, matrix: ScoreMatrix | None) -> str:
    if matrix is None or row.name not in matrix.tuners or other.name not in matrix.tuners:
        return ""
    difference = matrix.of(row.name) - matrix.of(other.name)
    known = difference[np.isfinite(difference)]
    return f"; higher on {int((known > 0).sum())} of {known.size} workloads"


def _cheaper(ranked: list[ScoreRow]) -> list[Finding]:
    best = ranked[0]
    near = [
        row
        for row in ranked[1:]
        if best.score.value - row.score.value < 0.05 and row.moved_gib < 0.7 * best.moved_gib
    ]
    if not near:
        return []
    row = min(near, key=lambda row: row.moved_gib)
    return [
        Finding(
            f"{row.label} comes within {number(best.score.value - row.score.value)} of "
            f"{best.label} and moves {number(row.moved_gib, 1)} GiB per episode instead of "
            f"{number(best.moved_gib, 1)} GiB."
        )
    ]


def _below_nothing(ranked: list[ScoreRow]) -> list[Finding]:
    lost = [row for row in ranked if row.score.value < 0.0]
    found = []
    if lost:
        names = _listed([f"{row.label} ({row.score.text})" for row in lost])
        found.append(Finding(f"Worse than doing nothing over all: {names}.", "loss"))
    some = [row for row in ranked if row.score.value >= 0.0 and row.worse_share > 0.0]
    some.sort(key=lambda row: -row.worse_share)
    if some:
        names = _listed([f"{row.label} {100 * row.worse_share:.0f} %" for row in some[:4]])
        found.append(Finding(f"Episodes that score below zero, most first: {names}.", "loss"))
    return found


def _under_attack(run: Run, ranked: list[ScoreRow]) -> list[Finding]:
    """Name who is harmed most and least on workloads made to harm tuners."""
    known = [row for row in ranked if math.isfinite(row.harm.value)]
    if not known:
        return []
    most = max(known, key=lambda row: row.harm.value)
    least = min(known, key=lambda row: row.harm.value)
    names = _listed(run.summary["under_attack"]["workloads"])
    return [
        Finding(
            f"Under attack ({names}; no part of the scores) the cost of {most.label} is "
            f"{most.harm.text} % above that of doing nothing, that of {least.label} "
            f"{least.harm.text} %.",
            "loss" if most.harm.low > 0.0 else "plain",
        )
    ]


def _wasted(run: Run, rows: list[ScoreRow], matrix: ScoreMatrix | None) -> list[Finding]:
    """Name who moved most where nothing could be gained."""
    if matrix is None or run.episodes is None or not any(matrix.by_movement):
        return []
    still = [name for name, by in zip(matrix.workloads, matrix.by_movement, strict=True) if by]
    on_still = scored_by_movement(run.episodes)
    moved = moved_bytes(run, run.episodes) / GIB
    spent = {
        row.label: mean_of(moved[on_still & (run.episodes.text("tuner") == row.name)])
        for row in rows
        if row.ranked
    }
    spent = {name: value for name, value in spent.items() if math.isfinite(value)}
    if not spent:
        return []
    most, least = max(spent, key=spent.__getitem__), min(spent, key=spent.__getitem__)
    return [
        Finding(
            f"Where nothing can be gained ({_listed(still)}) nothing should be moved: {most} still "
            f"moves {number(spent[most], 1)} GiB per episode, {least} "
            f"{number(spent[least], 1)} GiB.",
            "loss" if spent[most] > 1.0 else "plain",
        )
    ]


def _above_oracle(ranked: list[ScoreRow]) -> list[Finding]:
    above = [row.label for row in ranked if row.score.value > 1.0 + CLEAR]
    if not above:
        return []
    return [
        Finding(
            f"{_listed(above)} scored above the oracle: the oracle rebalances greedily and is no "
            "upper bound on these episodes."
        )
    ]


def _listed(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
