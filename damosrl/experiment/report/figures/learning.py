"""How a tuner got better: learning curve of a training, best-so-far of a search."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from damosrl.experiment.report.cast import LOOKS
from damosrl.experiment.report.figures.style import MUTED, new_figure
from damosrl.experiment.report.table import Table
from damosrl.knobs import FloatArray

CURVES = (
    ("reward_mean", "Reward of a step", "mean reward per step\n(higher is better)"),
    ("slowdown_mean_ratio", "Slowdown", "mean slowdown, × all-fast\n(lower is better)"),
)
SMOOTH_SHARE = 0.1


def learning_figure(learning: Table | None) -> Figure | None:
    """Draw reward and slowdown over environment steps; None without a learning curve."""
    if learning is None or not learning.has("timesteps_count"):
        return None
    curves = [
        curve
        for curve in CURVES
        if learning.has(curve[0]) and np.isfinite(learning.numbers(curve[0])).any()
    ]
    if not curves:
        return None
    figure = new_figure(3.8)
    grid = figure.subplots(1, len(curves), squeeze=False)
    for axes, (name, title, unit) in zip(grid.flat, curves, strict=True):
        steps, values = learning.numbers("timesteps_count"), learning.numbers(name)
        _draw_curve(axes, steps, values, LOOKS["ppo"].colour)
        axes.set_title(title)
        axes.set_ylabel(unit)
        axes.set_xlabel("environment steps (decisions) in training")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    _add_wall_time(grid[0, -1], learning)
    return figure


def _draw_curve(axes: Axes, steps: FloatArray, values: FloatArray, colour: str) -> None:
    axes.plot(steps, values, color=colour, linewidth=0.8, alpha=0.35, label="as measured")
    width = max(1, round(SMOOTH_SHARE * values.size))
    if width > 1:
        axes.plot(
            steps,
            _running_mean(values, width),
            color=colour,
            linewidth=2.2,
            label=f"mean of the last {width} readings",
        )
        axes.legend(loc="best")


def _running_mean(values: FloatArray, width: int) -> FloatArray:
    """Return the mean of the last ``width`` known values at each place, shape of ``values``."""
    known = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    ends = np.arange(1, values.size + 1)
    starts = np.maximum(ends - width, 0)
    total = counts[ends] - counts[starts]
    mean = (sums[ends] - sums[starts]) / np.maximum(total, 1)
    return np.where(total > 0, mean, np.nan)


def _add_wall_time(axes: Axes, learning: Table) -> None:
    """Write the wall time of the last reading, so that the cost of learning is seen."""
    if not learning.has("wall_s"):
        return
    wall = learning.numbers("wall_s")
    if np.isfinite(wall[-1]):
        axes.annotate(
            f"{wall[-1]:,.0f} s of wall time in all",
            (1.0, 1.02),
            xycoords="axes fraction",
            ha="right",
            va="bottom",
            fontsize=8.5,
            color=MUTED,
        )


def search_figure(trials: Table | None) -> Figure | None:
    """Draw every trial's score and the best so far; None without trials."""
    if trials is None or not trials.has("score"):
        return None
    scores = trials.numbers("score")
    if not np.isfinite(scores).any():
        return None
    number = np.arange(1, scores.size + 1)
    best = np.fmax.accumulate(scores)
    figure = new_figure(3.8)
    axes = figure.add_subplot()
    axes.plot(
        number,
        scores,
        linestyle="none",
        marker="o",
        markersize=4,
        color=MUTED,
        alpha=0.6,
        label="one configuration",
    )
    axes.step(
        number,
        best,
        where="post",
        color=LOOKS["best_static"].colour,
        linewidth=2.4,
        label=f"best so far ({best[-1]:.3f} at the end)",
    )
    axes.set_xlabel("trial")
    axes.set_ylabel("score on the training mix")
    axes.set_title("Search over static configurations")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    return figure
