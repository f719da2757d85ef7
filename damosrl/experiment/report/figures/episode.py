"""One episode over time: what tuners set, what moved, and what the application felt."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from damosrl.experiment.report.cast import Cast
from damosrl.experiment.report.figures.style import line_of, new_figure
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.series import PANELS, Panel, episode_steps
from damosrl.experiment.report.table import Table


def episode_figure(run: Run, cast: Cast, workload: str | None, tuners: list[str]) -> Figure | None:
    """Draw all panels for the given tuners on one workload; None if nothing was recorded."""
    if workload is None:
        return None
    found = [(name, episode_steps(run, workload, name)) for name in tuners]
    episodes = [(name, steps) for name, steps in found if steps is not None]
    panels = [panel for panel in PANELS if run.steps is not None and run.steps.has(panel.source)]
    if not episodes or not panels:
        return None
    lines = (len(panels) + 1) // 2
    figure = new_figure(10.2, 0.9 + 1.75 * lines)
    grid = figure.subplots(lines, 2, sharex=True, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, panel, episodes, cast)
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


def _draw_panel(axes: Axes, panel: Panel, episodes: list[tuple[str, Table]], cast: Cast) -> None:
    for name, steps in episodes:
        values = panel.read(steps)
        style = line_of(cast.looks[name])
        style["linewidth"] *= 0.75
        axes.plot(steps.numbers("time_s"), values, **style)
    axes.set_title(f"{panel.title} ({panel.unit})", fontsize=9.0, pad=5)
    if panel.log and np.isfinite([v for _, s in episodes for v in panel.read(s)]).any():
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
        axes.minorticks_off()
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=panel.unit == "per step"))
    if panel.source not in ("slowdown_ratio", "knob_promotion_quota", "knob_demotion_quota"):
        axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
