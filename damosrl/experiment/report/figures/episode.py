"""One episode over time: what tuners set, what moved, and what the application felt."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from damosrl.experiment.report.cast import Cast
from damosrl.experiment.report.figures.style import line_of, new_figure
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.panels import Panel
from damosrl.experiment.report.series import curve, episode_steps, panels_of, thinned
from damosrl.experiment.report.table import Table

MAX_POINTS = 150
"""Longer episodes are averaged down to this many points per curve, so that curves stay apart."""


def episode_figure(run: Run, cast: Cast, workload: str | None, tuners: list[str]) -> Figure | None:
    """Draw all panels for the given tuners on one workload; None if nothing was recorded."""
    if workload is None:
        return None
    found = [(name, episode_steps(run, workload, name)) for name in tuners]
    episodes = [(name, steps) for name, steps in found if steps is not None]
    panels = panels_of(run)
    if not episodes or not panels:
        return None
    lines = (len(panels) + 1) // 2
    figure = new_figure(0.9 + 1.75 * lines)
    grid = figure.subplots(lines, 2, sharex=True, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, run, panel, episodes, cast)
    for spare in list(grid.flat)[len(panels) :]:
        spare.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel("time in the episode (s)")
    handles = [Line2D([], [], **line_of(cast.looks[name])) for name, _ in episodes]
    figure.legend(
        handles,
        [cast.labels[name] for name, _ in episodes],
        loc="outside upper center",
        ncols=min(6, len(handles)),
        handlelength=3.0,
        title=f"One episode on {workload}",
        title_fontproperties={"weight": "bold", "size": 10.5},
    )
    return figure


def _draw_panel(
    axes: Axes, run: Run, panel: Panel, episodes: list[tuple[str, Table]], cast: Cast
) -> None:
    axes.set_title(f"{panel.title} ({panel.unit})", fontsize=9.0, pad=5)
    axes.margins(x=0.01)
    if panel.ticks:
        _draw_ticks(axes, panel, episodes, cast)
        return
    for name, steps in episodes:
        style = line_of(cast.looks[name])
        style["linewidth"] *= 0.75
        times = thinned(steps.numbers("time_s"), MAX_POINTS)
        axes.plot(times, thinned(curve(run, panel, name, steps), MAX_POINTS), **style)
    if panel.log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
        axes.minorticks_off()
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    if panel.shown is not None:
        low, high = axes.get_ylim()
        least, most = panel.shown
        axes.set_ylim(min(low, least) if panel.log else least, max(high, most))


def _draw_ticks(axes: Axes, panel: Panel, episodes: list[tuple[str, Table]], cast: Cast) -> None:
    for place, (name, steps) in enumerate(reversed(episodes)):
        times = steps.numbers("time_s")[panel.read(steps) > 0]
        axes.plot(
            times,
            np.full(times.size, place),
            linestyle="none",
            marker="|",
            markersize=8,
            color=cast.looks[name].colour,
        )
    names = [cast.labels[name] for name, _ in reversed(episodes)]
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelsize=7.5)
    axes.set_ylim(-0.6, len(names) - 0.4)
