"""How a tuner got better: learning curve of a training, best-so-far of a search."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from damosrl.experiment.report.cast import LOOKS
from damosrl.experiment.report.figures.style import MUTED, new_figure
from damosrl.experiment.report.table import Table
from damosrl.knobs import FloatArray
from damosrl.wording import Wording

CURVES = (
    ("reward_mean", "Reward of a step", "mean reward per step\n(higher is better)"),
    ("slowdown_mean_ratio", "Slowdown", "mean slowdown, × {unit}\n(lower is better)"),
)
SMOOTH_SHARE = 0.1


def learning_figure(learning: Table | None, words: Wording) -> Figure | None:
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
        axes.set_ylabel(unit.format(unit=words.unit))
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
    """Draw every trial's score, the best so far, and finalists measured again; None without."""
    if trials is None or not trials.has("score") or not len(_searched(trials)):
        return None
    searched = _searched(trials)
    scores = searched.numbers("score")
    best = np.fmax.accumulate(scores)
    number = _trial_numbers(searched)
    figure = new_figure(3.8)
    axes = figure.add_subplot()
    dots: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 4}
    axes.plot(number, scores, color=MUTED, alpha=0.6, label="one configuration", **dots)
    text = f"best so far ({best[-1]:.3f} at the end)"
    colour = LOOKS["best_static"].colour
    axes.step(number, best, where="post", color=colour, linewidth=2.4, label=text)
    again = _measured_again(trials)
    if len(again):
        finalists: dict[str, Any] = {"linestyle": "none", "marker": "D", "markersize": 6.5}
        axes.plot(
            _trial_numbers(again),
            again.numbers("score"),
            color=LOOKS["consist_warm"].colour,
            label="finalist, measured again on fresh seeds",
            **finalists,
        )
    axes.set_xlabel("trial")
    axes.set_ylabel("score on the training mix")
    axes.set_title("Search over static configurations")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3)
    return figure


def _searched(trials: Table) -> Table:
    """Return the scored rows of the first stage, the search itself."""
    known = _finished(trials)
    if not known.has("stage"):
        return known
    return known.where(known.text("stage") == trials.text("stage")[0])


def _measured_again(trials: Table) -> Table:
    """Return the scored rows of later stages."""
    known = _finished(trials)
    if not known.has("stage"):
        return known.where(np.zeros(len(known), dtype=np.bool_))
    return known.where(known.text("stage") != trials.text("stage")[0])


def _finished(trials: Table) -> Table:
    """Return the rows with a score that counts; a failed trial's is a placeholder."""
    known = trials.where(np.isfinite(trials.numbers("score")))
    return known.where(known.text("state") == "complete") if known.has("state") else known


def _trial_numbers(trials: Table) -> FloatArray:
    if trials.has("trial"):
        return trials.numbers("trial") + 1.0
    return np.arange(1.0, len(trials) + 1.0)
