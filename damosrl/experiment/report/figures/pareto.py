"""What a task gains against what it costs the application: the front of tuners nobody dominates."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from damosrl.experiment.report.cast import Cast
from damosrl.experiment.report.figures.style import MUTED, marker_of, new_figure
from damosrl.experiment.report.scores import ScoreRow, ShownValue
from damosrl.wording import Wording

LETTER = 0.0072
"""Width of a letter of a name, as a share of the axis."""


def pareto_figure(cast: Cast, rows: list[ScoreRow], words: Wording) -> Figure | None:
    """Draw the first gain that a task shows over the slowdown; None for tasks that show none."""
    gains = [(row, gain) for row in rows if (gain := _gain(row)) is not None]
    if not gains:
        return None
    figure = new_figure(4.4)
    axes = figure.add_subplot()
    points = [(100.0 * (row.slowdown - 1.0), gain.value) for row, gain in gains]
    front = pareto_front(points)
    axes.step(*zip(*front, strict=True), where="post", color=MUTED, linewidth=1.0, zorder=1)
    right = max(*(x for x, _ in points), 0.1)
    for (row, _), (x, y) in zip(gains, points, strict=True):
        axes.plot([x], [y], **marker_of(cast.looks[row.name], 9.0), zorder=4)
    axes.set_xlim(-0.05 * right, 1.3 * right)
    _name_points(axes, [(row.label, x, y) for (row, _), (x, y) in zip(gains, points, strict=True)])
    head, unit = gains[0][1].head, gains[0][1].unit
    axes.set_xlabel(f"slowdown against {words.alone} (%; less is better)")
    axes.set_ylabel(f"{head} ({unit}; more is better)")
    axes.set_title(f"{head.capitalize()} against slowdown: up and to the left is better")
    return figure


def _gain(row: ScoreRow) -> ShownValue | None:
    """Return the first number of which more is better; None if it or the slowdown is unknown."""
    gain = next((one for one in row.shown if one.better == "more"), None)
    known = gain is not None and np.isfinite([row.slowdown, gain.value]).all()
    return gain if known else None


def _name_points(axes: Axes, points: list[tuple[str, float, float]]) -> None:
    """Put each name beside its point, pushed up where it would cover a name or a point."""
    right = axes.get_xlim()[1]
    low, high = axes.get_ylim()
    gap = 0.06 * (high - low)
    taken = [(x, x, y) for _, x, y in points]
    top = high
    for label, x, y in sorted(points, key=lambda point: point[2]):
        begin = x + 0.03 * right
        end, height = begin + LETTER * right * len(label), y
        while any(
            abs(height - at) < gap and first < end and begin < last + 0.01 * right
            for first, last, at in taken
        ):
            height += 0.1 * gap
        taken.append((begin, end, height))
        top = max(top, height + gap)
        axes.annotate(
            label,
            (x, y),
            xytext=(begin, height),
            va="center",
            fontsize=8.5,
            path_effects=[withStroke(linewidth=3.0, foreground="white")],
            arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.5},
        )
    axes.set_ylim(low, top)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points that no other beats in both, by rising cost.

    Args:
        points: Cost and gain of each.

    Example:
        >>> pareto_front([(0.0, 1.0), (2.0, 3.0), (1.0, 0.5), (3.0, 2.0)])
        [(0.0, 1.0), (2.0, 3.0)]
    """
    front: list[tuple[float, float]] = []
    for cost, gain in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or gain > front[-1][1]:
            front.append((cost, gain))
    return front
