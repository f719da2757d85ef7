"""Two pictures of an attack: the pattern with what the tuner made of it, and the search."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.source import workload_source
from damosrl.experiment.attack.settings import TRIALS_FILE
from damosrl.experiment.campaign import STEPS_FILE
from damosrl.experiment.folder import RunFolder
from damosrl.experiment.report.cast import LOOKS
from damosrl.experiment.report.figures.heatmap import HEAT
from damosrl.experiment.report.figures.style import (
    LOSS,
    MUTED,
    drawing_style,
    new_figure,
    to_drawing,
)
from damosrl.experiment.report.scores import GIB
from damosrl.experiment.report.table import Table, read_table
from damosrl.experiment.settings import NOOP, ORACLE
from damosrl.knobs import FloatArray

FIGURES = "figures"
PATTERN, HISTORY = "pattern", "search"
ADDRESS_BINS = 256
LOOK_BACK_DECADES = 2.5
"""Rates below the highest by more than this are drawn as cold."""


def write_figures(folder: RunFolder, tuner: str) -> None:
    """Write ``figures/pattern.png`` and ``figures/search.png`` from the run's plain files.

    Raises:
        RunFolderError: The folder cannot be written.
    """
    steps, trials = read_table(folder.file(STEPS_FILE)), read_table(folder.file(TRIALS_FILE))
    pictures = RunFolder(folder.file(FIGURES))
    if steps is None or trials is None:
        return
    pattern = yaml.safe_load(folder.file("pattern.yaml").read_text("utf-8"))
    seed = int(steps.numbers("seed")[0])
    with drawing_style():
        for name, figure in (
            (PATTERN, pattern_figure(pattern, seed, steps, tuner)),
            (HISTORY, history_figure(trials)),
        ):
            pictures.write_bytes(f"{name}.png", to_drawing(name, figure).png)


def pattern_figure(pattern: dict[str, Any], seed: int, steps: Table, tuner: str) -> Figure:
    """Draw heat over address and time, and below it slowdown and bytes moved.

    Args:
        pattern: The workload.
        seed: Episode that is drawn.
        steps: steps.csv of that episode.
        tuner: Who was attacked.
    """
    figure = new_figure(7.4)
    heat, cost, moved = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": [1.6, 1.0, 1.0]}
    )
    access = workload_source(pattern).draw(np.random.default_rng(seed)).access
    end_s = float(steps.numbers("time_s").max())
    _draw_heat(figure, heat, access, end_s)
    heat.set_title(f"{pattern['name']}: accesses by address and time")
    for name, colour in ((NOOP, MUTED), (ORACLE, LOOKS["oracle"].colour), (tuner, LOSS)):
        mine = steps.where(steps.text("tuner") == name)
        cost.plot(
            mine.numbers("time_s"), mine.numbers("slowdown_ratio"), color=colour, label=_short(name)
        )
    cost.set_ylabel("slowdown over all-fast")
    cost.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3)
    mine = steps.where(steps.text("tuner") == tuner)
    for column, colour, label in (
        ("promoted_bytes", LOSS, "promoted"),
        ("demoted_bytes", MUTED, "demoted"),
    ):
        moved.plot(mine.numbers("time_s"), mine.numbers(column) / GIB, color=colour, label=label)
    moved.set_ylabel("moved by the tuner,\nGiB per step")
    moved.set_xlabel("time in the episode (s)")
    moved.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    return figure


def _short(tuner: str) -> str:
    """Return a name, or of a path its end."""
    return Path(tuner).name


def _draw_heat(figure: Figure, axes: Axes, access: AccessModel, end_s: float) -> None:
    times = np.arange(0.0, end_s, max(end_s / 480.0, 0.25))
    borders = np.linspace(0.0, access.footprint_bytes, ADDRESS_BINS + 1)
    rates = np.stack([_binned(access, access.epoch_at(time), borders) for time in times])
    top = float(rates.max())
    norm = LogNorm(top * 10.0**-LOOK_BACK_DECADES, top)
    grid_s = np.append(times, end_s)
    mesh = axes.pcolormesh(grid_s, borders / GIB, rates.T, cmap=HEAT, norm=norm, rasterized=True)
    axes.set_ylabel("address (GiB)")
    axes.grid(visible=False)
    bar = figure.colorbar(mesh, ax=axes, pad=0.015, fraction=0.035)
    bar.set_label("accesses per second\nand 4 KiB page")
    bar.outline.set_visible(False)


def _binned(access: AccessModel, epoch: int, borders: FloatArray) -> FloatArray:
    """Return the mean rate of address bins in one epoch."""
    below = np.concatenate(([0.0], np.cumsum(access.rate_hz[epoch] * np.diff(access.border_bytes))))
    sums: FloatArray = np.interp(borders, access.border_bytes, below)
    return np.asarray(np.diff(sums) / np.diff(borders))


def history_figure(trials: Table) -> Figure:
    """Draw the harm of every pattern, the worst so far, and the finalists measured again."""
    known = trials.where(trials.text("state") == "complete")
    searched = known.where(known.text("stage") == trials.text("stage")[0])
    again = known.where(known.text("stage") != trials.text("stage")[0])
    harm = 100.0 * searched.numbers("harm_ratio")
    number = searched.numbers("trial") + 1.0
    figure = new_figure(3.6)
    axes = figure.add_subplot()
    dots: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 4}
    axes.plot(number, harm, color=MUTED, alpha=0.6, label="one pattern", **dots)
    worst = np.fmax.accumulate(harm)
    axes.step(number, worst, where="post", color=LOSS, linewidth=2.2, label="worst so far")
    axes.plot(
        again.numbers("trial") + 1.0,
        100.0 * again.numbers("harm_ratio"),
        color=LOOKS["best_static"].colour,
        linestyle="none",
        marker="D",
        markersize=6.5,
        label="measured again on other seeds",
    )
    axes.axhline(0.0, color=MUTED, linewidth=1.0)
    axes.set_xlabel("trial")
    axes.set_ylabel("harm: cost above no-op's (%)")
    axes.set_title("Search for the worst pattern")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3)
    return figure
