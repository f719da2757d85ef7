"""The score table of the page and the tables that explain it."""

import math
from html import escape

from damosrl.experiment.report.cast import Cast
from damosrl.experiment.report.findings import Finding, paired_difference
from damosrl.experiment.report.html import Cell, column_head, grid, paragraph
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.scores import Interval, ScoreRow, number
from damosrl.wording import Wording

COSTS: tuple[tuple[str, str, float, int, str], ...] = (
    ("p99 latency", "ns", 1.0, 0, "p99_latency_ns"),
    ("moved", "GiB", 1.0, 1, "moved_gib"),
    ("returned", "GiB", 1.0, 1, "returned_gib"),
    ("PSI some", "%", 100.0, 2, "psi_some"),
    ("monitor CPU", "%", 100.0, 2, "monitor_cpu"),
    ("clamps", "", 1.0, 0, "clamps"),
    ("fall-backs", "", 1.0, 0, "fallbacks"),
)
"""Head, unit, factor, digits and attribute of `ScoreRow`; shown where some tuner has the number."""


UNDER_ATTACK = (
    "Under attack: on workloads made to harm tuners, which take no part in the score; harm: cost "
    "above that of doing nothing there (pointed at, both tell their intervals). "
)


def meanings(words: Wording, *, attacked: bool = False) -> str:
    """Say what the columns of the score table are."""
    returned = f"Returned: {words.returned}. " if words.returned else ""
    return (
        "Score: interquartile mean over n episodes (seeds × workloads); 0 is doing nothing, 1 the "
        "oracle, negative is worse than doing nothing. Interval: stratified bootstrap. Worst: "
        "lowest mean over the seeds of one workload of this run (pointed at, it tells which). "
        f"{UNDER_ATTACK if attacked else ''}"
        f"Slowdown: against {words.alone}. Moved: {words.moved}. {returned}PSI some: share of time "
        "in which at least one task stalled on memory. Clamps and fall-backs: actions changed by "
        "the limits, and falls back to the configuration that they name, over all episodes."
    )


def findings_list(found: list[Finding]) -> str:
    """Return the plain-language summary."""
    items = "".join(f'<li class="{one.tone}">{escape(one.text)}</li>' for one in found)
    return f'<ul class="findings">{items}</ul>' if items else ""


def score_grid(cast: Cast, rows: list[ScoreRow], words: Wording) -> str:
    """Return the score table with everything a score cost."""
    costs = [cost for cost in COSTS if any(math.isfinite(getattr(row, cost[4])) for row in rows)]
    splits = list(dict.fromkeys(split for row in rows for split in row.by_split))
    attacked = any(row.attacked.runs for row in rows)
    heads = [
        column_head("tuner", style="text"),
        column_head("score", "IQM"),
        column_head("95 % interval"),
        column_head("n"),
        *(column_head(split, "IQM") for split in splits),
        column_head("worst", "workload mean"),
        *([column_head("under attack", "IQM"), column_head("harm", "%")] if attacked else ()),
        column_head("below zero", "% of n"),
        *(column_head(one.head, one.unit) for one in (rows[0].shown if rows else ())),
        column_head("slowdown", f"× {words.unit}"),
        *(column_head(head, unit) for head, unit, *_ in costs),
    ]
    lines = [
        _line(cast, row, splits, attacked)
        + [
            Cell(number(factor * getattr(row, name), digits))
            for _, _, factor, digits, name in costs
        ]
        for row in rows
    ]
    styles = ["" if row.ranked else "end" for row in rows]
    return grid(heads, lines, styles) + paragraph(meanings(words, attacked=attacked), "note")


def _line(cast: Cast, row: ScoreRow, splits: list[str], attacked: bool) -> list[Cell]:
    worse = 100.0 * row.worse_share
    return [
        _name(cast, row),
        _score(row.score, "score"),
        Cell(row.score.range_text),
        Cell(str(row.score.runs) if row.score.runs else "-"),
        *(_score(row.by_split.get(split, Interval(math.nan))) for split in splits),
        _worst(row),
        *(_under_attack(row) if attacked else ()),
        Cell(number(worse, 0), "loss-value" if row.ranked and worse > 0 else ""),
        *(Cell(one.text) for one in row.shown),
        Cell(number(row.slowdown, 3)),
    ]


def _name(cast: Cast, row: ScoreRow) -> Cell:
    swatch = f'<span class="swatch" style="background:{cast.looks[row.name].colour}"></span>'
    marks = []
    if row.sees_truth:
        marks.append('<span class="mark" title="was shown ground truth">ground truth</span>')
    if row.is_baseline:
        marks.append('<span class="mark">baseline</span>')
    title = f' title="{escape(row.name)}"' if row.name != row.label else ""
    return Cell(f"{swatch}<span{title}>{escape(row.label)}</span>{''.join(marks)}", "text", True)


def _worst(row: ScoreRow) -> Cell:
    text = f'<span title="{escape(row.worst_workload)}">{number(row.worst)}</span>'
    return Cell(text, "loss-value" if row.worst < 0 else "")


def _under_attack(row: ScoreRow) -> tuple[Cell, Cell]:
    def cell(value: Interval, is_loss: bool) -> Cell:
        text = f'<span title="{escape(value.range_text)}">{value.text}</span>'
        return Cell(text, "loss-value" if is_loss else "")

    return cell(row.attacked, row.attacked.value < 0.0), cell(row.harm, row.harm.low > 0.0)


def _score(score: Interval, style: str = "") -> Cell:
    return Cell(score.text, "loss-value" if score.value < 0 else style)


def duel_grid(run: Run, cast: Cast, rows: list[ScoreRow]) -> str:
    """Return the chance that a tuner beats another on one episode; empty if not computed."""
    table = run.summary.get("probability_of_improvement")
    if not isinstance(table, dict) or not table:
        return ""
    names = [row.name for row in rows if row.ranked and row.name in table]
    heads = [
        column_head("row beats column", style="text"),
        *(column_head(cast.labels[name]) for name in names),
    ]
    lines = [
        [Cell(escape(cast.labels[name]), "text", True)]
        + [_chance(run, table[name], name, other) for other in names]
        for name in names
    ]
    return grid(heads, lines)


def _chance(run: Run, entry: object, name: str, other: str) -> Cell:
    value = entry.get(other) if isinstance(entry, dict) else None
    if isinstance(value, dict):
        value = value.get("value", value.get("mean"))
    if name == other or not isinstance(value, (int, float)):
        return Cell("")
    paired = paired_difference(run, name, other)
    sure = paired is not None and (paired[1] > 0.0 or paired[2] < 0.0)
    text = f"{100.0 * value:.0f} %" + ("*" if sure else "")
    return Cell(text, "loss-value" if value < 0.5 else "")
