"""Score of every tuner with its interval, over its single episodes."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from damosrl.experiment.report.cast import Cast
from damosrl.experiment.report.figures.style import (
    INK,
    LOSS,
    marker_of,
    new_figure,
    reference_lines,
)
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.scores import ScoreRow, column
from damosrl.knobs import FloatArray

LOWEST_SHOWN = -1.0
LABEL_ROOM = 0.2


def ranking_figure(run: Run, cast: Cast, rows: list[ScoreRow]) -> Figure | None:
    """Draw a forest plot: one line per tuner, best on top; None without any score."""
    shown = [row for row in rows if np.isfinite(row.score.value)]
    if not shown:
        return None
    figure = new_figure(1.35 + 0.33 * len(shown))
    axes = figure.add_subplot()
    reference_lines(axes)
    lowest = 0.0
    for place, row in enumerate(reversed(shown)):
        scores = _episode_scores(run, row.name)
        lowest = min([lowest, row.score.value, *scores.tolist()])
        _draw_row(axes, place, row, cast, scores)
    axes.set_yticks(range(len(shown)), [_tick(row) for row in reversed(shown)])
    axes.tick_params(axis="y", length=0, labelsize=9.0, labelcolor=INK)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.set_xlim(max(lowest, LOWEST_SHOWN) - 0.06, 1.16)
    axes.set_xlabel("score (0 = doing nothing, 1 = oracle; higher is better)")
    axes.set_title("Score: interquartile mean, 95 % interval, and every episode")
    if lowest < -LABEL_ROOM:
        axes.annotate(
            "◂ below zero",
            (0.0, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-6, -3),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8,
            color=LOSS,
        )
    return figure


def _draw_row(axes: Axes, place: int, row: ScoreRow, cast: Cast, scores: FloatArray) -> None:
    look = cast.looks[row.name]
    spread = 0.22 * np.sin(np.arange(scores.size) * 2.399963)  # golden angle: even, repeatable
    dots: dict[str, Any] = {"linestyle": "none", "color": look.colour, "markeredgewidth": 0}
    inside = scores >= LOWEST_SHOWN
    axes.plot(
        scores[inside], (place + spread)[inside], marker="o", markersize=3.2, alpha=0.32, **dots
    )
    edge = np.full(int((~inside).sum()), LOWEST_SHOWN)
    axes.plot(edge, (place + spread)[~inside], marker="<", markersize=4.5, alpha=0.7, **dots)
    if np.isfinite(row.score.low):
        ends = [row.score.low, row.score.high]
        axes.plot(ends, [place, place], color=look.colour, linewidth=3.2, solid_capstyle="butt")
    axes.plot([row.score.value], [place], **marker_of(look, 8.0), zorder=4)
    text = row.score.text if np.isnan(row.score.low) else f"{row.score.text}  [{_ends(row)}]"
    axes.annotate(
        text,
        (1.015, place),
        xycoords=("axes fraction", "data"),
        annotation_clip=False,
        va="center",
        fontsize=8.5,
        color=LOSS if row.score.value < 0 else INK,
    )


def _ends(row: ScoreRow) -> str:
    return row.score.range_text.replace(" … ", ", ")


def _tick(row: ScoreRow) -> str:
    return f"{row.label} (ground truth)" if row.sees_truth else row.label


def _episode_scores(run: Run, name: str) -> FloatArray:
    if run.episodes is None or not run.episodes.has("tuner"):
        return np.empty(0)
    rows = run.episodes.where(run.episodes.text("tuner") == name)
    scores = column(rows, "score")
    return scores[np.isfinite(scores)]
