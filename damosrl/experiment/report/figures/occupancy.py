"""Where the workload's memory lies over time: the memory in use on each node, stacked by tuner."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from damosrl.experiment.report.cast import Cast
from damosrl.experiment.report.figures.style import INK, new_figure
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.node_panels import tier_names, used_columns
from damosrl.experiment.report.series import episode_steps
from damosrl.experiment.report.table import Table
from damosrl.knobs import FloatArray

GIB = float(1 << 30)
COLUMNS = 3

SHADES = ("#B2182B", "#EF8A62", "#92C5DE", "#4393C3", "#2166AC", "#053061")
"""From the fastest node, hot, to the slowest (ColorBrewer RdBu, safe for colour-blind readers)."""
SWAP_SHADE = "#4D4D4D"


def occupancy_figure(
    run: Run, cast: Cast, workload: str | None, tuners: list[str]
) -> Figure | None:
    """Draw one panel per tuner on one workload; None if the run does not tell what nodes hold."""
    nodes = used_columns(run.steps) if run.steps is not None else []
    if workload is None or not nodes:
        return None
    found = [(name, episode_steps(run, workload, name)) for name in tuners]
    episodes = [(name, steps) for name, steps in found if steps is not None]
    if not episodes:
        return None
    names = tier_names(run, len(nodes))
    lines = -(-len(episodes) // COLUMNS)
    figure = new_figure(0.9 + 1.9 * lines)
    grid = figure.subplots(lines, COLUMNS, sharex=True, sharey=True, squeeze=False)
    shown = 0
    for axes, (name, steps) in zip(grid.flat, episodes, strict=False):
        layers = stacked_gib(steps, nodes, _footprint(run, workload, name))
        shown = max(shown, len(layers))
        _draw(axes, cast.labels[name], steps, layers)
    for spare in list(grid.flat)[len(episodes) :]:
        spare.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel("time in the episode (s)")
    for axes in grid[:, 0]:
        axes.set_ylabel("memory in use (GiB)")
    shades = _shades(len(nodes), shown)
    figure.legend(
        [Patch(color=shade) for shade in shades],
        [*names, "swapped out"][: len(shades)],
        loc="outside upper center",
        ncols=len(shades),
        title=f"Where memory lies, one episode on {workload}",
        title_fontproperties={"weight": "bold", "size": 10.5},
    )
    return figure


def stacked_gib(steps: Table, nodes: list[str], footprint_bytes: float) -> FloatArray:
    """Return the layers of the stack, GiB, ``(layers, steps)``; the last one what is swapped out.

    What no node holds of the footprint lies in swap; without any there is no such layer.
    """
    used = np.stack([steps.numbers(name) for name in nodes]) / GIB
    swapped = np.maximum(footprint_bytes / GIB - used.sum(axis=0), 0.0)
    return np.vstack([used, swapped]) if (swapped > 1e-3).any() else used


def _footprint(run: Run, workload: str, tuner: str) -> float:
    """Return the footprint of the recorded episode, that of the first seed; 0 if unknown."""
    episodes = run.episodes
    if episodes is None or not episodes.has("footprint_bytes", "tuner", "workload"):
        return 0.0
    mine = (episodes.text("workload") == workload) & (episodes.text("tuner") == tuner)
    values = episodes.where(mine).numbers("footprint_bytes")
    return float(values[0]) if values.size else 0.0


def _shades(nodes: int, layers: int) -> list[str]:
    """Return a shade per layer, spread over the scale; the swap store is grey."""
    places = np.linspace(0, len(SHADES) - 1, nodes).round().astype(int)
    return [SHADES[place] for place in places] + [SWAP_SHADE] * (layers - nodes)


def _draw(axes: Axes, title: str, steps: Table, layers: FloatArray) -> None:
    nodes = len(used_columns(steps))
    times = steps.numbers("time_s")
    axes.stackplot(times, layers, colors=_shades(nodes, len(layers)), linewidth=0.0)
    axes.set_title(title, fontsize=9.0, pad=5, color=INK)
    axes.margins(x=0.0, y=0.0)
    axes.grid(visible=False)
