"""Score against the bytes it took: the same speed for less movement is better."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from damosrl.experiment.report.cast import Cast
from damosrl.experiment.report.figures.style import MUTED, marker_of, new_figure, reference_lines
from damosrl.experiment.report.scores import ScoreRow
from damosrl.wording import Wording


def tradeoff_figure(cast: Cast, rows: list[ScoreRow], words: Wording) -> Figure | None:
    """Draw every tuner's score over the GiB it moved; None without both numbers."""
    shown = [row for row in rows if np.isfinite(row.score.value) and np.isfinite(row.moved_gib)]
    if not shown:
        return None
    figure = new_figure(4.4)
    axes = figure.add_subplot()
    reference_lines(axes, vertical=False)
    for row in shown:
        look = cast.looks[row.name]
        if np.isfinite(row.score.low):
            axes.plot(
                [row.moved_gib] * 2,
                [row.score.low, row.score.high],
                color=look.colour,
                linewidth=1.6,
                alpha=0.6,
            )
        axes.plot([row.moved_gib], [row.score.value], **marker_of(look, 9.0), zorder=4)
    most = max(row.moved_gib for row in shown)
    lowest = min(0.0, *(np.fmin(row.score.value, row.score.low) for row in shown))
    axes.set_xlim(-0.03 * max(most, 1.0), 1.16 * max(most, 1.0))
    axes.set_ylim(lowest - 0.1, 1.12)
    _name_points(axes, shown)
    axes.set_xlabel(f"{words.moved} (GiB; less is cheaper)")
    axes.set_ylabel("score (0 = doing nothing, 1 = oracle)")
    axes.set_title("Score against movement: up and to the left is better")
    return figure


def _name_points(axes: Axes, shown: list[ScoreRow]) -> None:
    """Put each name beside its point, pushed apart where names would cover each other."""
    x_span = axes.get_xlim()[1] - axes.get_xlim()[0]
    y_low, y_high = axes.get_ylim()
    gap = 0.048 * (y_high - y_low)
    placed: list[tuple[float, float]] = []
    for row in sorted(shown, key=lambda row: -row.score.value):
        y = row.score.value
        near = [other for x, other in placed if abs(x - row.moved_gib) < 0.16 * x_span]
        while any(abs(y - other) < gap for other in near):
            y -= 0.25 * gap
        placed.append((row.moved_gib, y))
        x_text = row.moved_gib + 0.02 * x_span
        moved = abs(y - row.score.value) > 0.3 * gap
        axes.annotate(
            row.label,
            (row.moved_gib, row.score.value),
            xytext=(x_text, y),
            va="center",
            fontsize=8.5,
            path_effects=[withStroke(linewidth=3.0, foreground="white")],
            arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.5} if moved else None,
        )
