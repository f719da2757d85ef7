"""Who has how much fast memory over time, and how slow each is: one row per tenant of a machine."""

import re
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from damosrl.experiment.report.cast import Cast
from damosrl.experiment.report.figures.style import LOSS, line_of, new_figure
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.interactive import MAX_POINTS
from damosrl.experiment.report.series import episode_steps, thinned
from damosrl.experiment.report.table import Table

_SLOWDOWN = re.compile(r"(.+)_slowdown_ratio")


def shared_figure(run: Run, cast: Cast, workload: str | None, tuners: list[str]) -> Figure | None:
    """Draw share of node 0 and slowdown of each tenant; None if the run tells of none."""
    tenants = tenants_in(run.steps) if run.steps is not None else []
    if workload is None or not tenants:
        return None
    found = [(name, episode_steps(run, workload, name)) for name in tuners]
    episodes = [(name, steps) for name, steps in found if steps is not None]
    if not episodes:
        return None
    figure = new_figure(0.9 + 2.1 * len(tenants))
    grid = figure.subplots(len(tenants), 2, sharex=True, squeeze=False)
    for (left, right), tenant in zip(grid, tenants, strict=True):
        _draw(left, f"{tenant}_fast_ratio", 100.0, episodes, cast)
        left.set_title(f"{tenant}: share of the fast node (%)", fontsize=9.0, pad=5)
        left.set_ylim(0.0, 100.0)
        _draw(right, f"{tenant}_slowdown_ratio", 1.0, episodes, cast)
        right.set_title(f"{tenant}: slowdown (ratio)", fontsize=9.0, pad=5)
        target = target_of(run, tenant)
        if target is not None:
            right.axhline(target, color=LOSS, linewidth=1.0, linestyle=(0, (4, 3)))
    for axes in grid[-1]:
        axes.set_xlabel("time in the episode (s)")
    figure.legend(
        [Line2D([], [], **line_of(cast.looks[name])) for name, _ in episodes],
        [cast.labels[name] for name, _ in episodes],
        loc="outside upper center",
        ncols=min(6, len(episodes)),
        handlelength=3.0,
        title=f"One episode on {workload}; dashed: the target",
        title_fontproperties={"weight": "bold", "size": 10.5},
    )
    return figure


def tenants_in(steps: Table) -> list[str]:
    """Return the tenants whose slowdown and fast memory the steps tell, in the columns' order."""
    found = [match[1] for match in map(_SLOWDOWN.fullmatch, steps.columns) if match]
    return [name for name in found if f"{name}_fast_ratio" in steps.columns]


def target_of(run: Run, tenant: str) -> float | None:
    """Return the largest slowdown that the run's task accepts for a tenant, if it says so."""
    task: Any = run.config.get("task", {})
    told = task.get("tenants", {}).get(tenant, {}) if isinstance(task, dict) else {}
    slowdown = told.get("slowdown")
    return None if slowdown is None else float(slowdown)


def _draw(
    axes: Axes, column: str, factor: float, episodes: list[tuple[str, Table]], cast: Cast
) -> None:
    axes.margins(x=0.01)
    for name, steps in episodes:
        style = line_of(cast.looks[name])
        style["linewidth"] *= 0.75
        times = thinned(steps.numbers("time_s"), MAX_POINTS)
        axes.plot(times, thinned(steps.numbers(column) * factor, MAX_POINTS), **style)
