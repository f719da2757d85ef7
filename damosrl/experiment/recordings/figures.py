"""Figures of a recording, in the common look; each takes numbers and returns a figure."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from damosrl.damon.recorded import Recording
from damosrl.experiment.recordings import numbers
from damosrl.experiment.recordings.folding import Folding
from damosrl.experiment.recordings.sizes import rounded_size, size_unit
from damosrl.experiment.report.figures.heatmap import HEAT, SCALE_ENDS, SCALE_TICKS
from damosrl.experiment.report.figures.style import GRID, INK, MUTED, new_figure
from damosrl.knobs import FloatArray

BLUE, ORANGE = "#0072B2", "#D55E00"
UNSEEN = "#FFFFFF"
BORDER = "#8A93A3"
TICKS = 9


def heat_figure(recording: Recording) -> Figure:
    """Draw access rates over time and address; distant areas are folded together."""
    grid = numbers.heat_grid(recording)
    figure = new_figure(4.6)
    axes = figure.subplots()
    highest = float(np.nanmax(grid.rate))
    top = next((share for share in SCALE_ENDS if share >= highest), SCALE_ENDS[-1])
    rows = np.linspace(0.0, float(grid.folding.size), grid.rate.shape[1] + 1)
    mesh = axes.pcolormesh(
        grid.time_s, rows, grid.rate.T, cmap=HEAT, norm=PowerNorm(0.6, 0.0, top), rasterized=True
    )
    axes.set_facecolor(UNSEEN)
    axes.grid(visible=False)
    axes.set_xlabel("time (s)")
    axes.set_ylim(0, grid.folding.size)
    _mark_areas(axes, grid.folding)
    bar = figure.colorbar(mesh, ax=axes, pad=0.015, fraction=0.04)
    ticks = [share for share in SCALE_TICKS if share <= top]
    bar.set_ticks(ticks, labels=[f"{100 * share:g}" for share in ticks])
    bar.set_label("samples that saw an access (%)")
    bar.outline.set_visible(False)
    return figure


def _mark_areas(axes: Axes, folding: Folding) -> None:
    """Label where areas begin, and sizes within them, wherever there is room for letters."""
    room = folding.size / (2.2 * TICKS)
    step = _nice_step(folding.size / TICKS)
    areas = list(
        zip(folding.offsets.tolist(), folding.start.tolist(), folding.end.tolist(), strict=True)
    )
    labels = {0: f"{areas[0][1]:#x}"}
    for offset, start, _ in areas[1:]:
        axes.axhline(offset, color=BORDER, linewidth=1.0, linestyle=(0, (5, 3)))
        if offset - max(labels) >= room:
            labels[offset] = f"{start:#x}"
    for offset, start, end in areas:
        for inside in range(step, end - start, step):
            place = offset + inside
            if min(abs(place - other) for other in labels) >= room:
                labels[place] = f"+{rounded_size(inside)}"
    axes.set_yticks(list(labels), labels=list(labels.values()))
    axes.set_ylabel(
        "address" + (" (gaps folded at dashed lines)" if len(folding.start) > 1 else "")
    )


def _nice_step(size: float) -> int:
    """Return the power of two next to a size, so that labels are round."""
    return int(2 ** np.ceil(np.log2(max(size, 1.0))))


def working_set_figure(recording: Recording) -> Figure:
    """Draw the working-set size over time, and its distribution over snapshots."""
    figure = new_figure(3.2)
    left, right = figure.subplots(1, 2, width_ratios=(2.2, 1), sharey=True)
    sizes = numbers.wss_bytes(recording).astype(np.float64)
    all_bytes = numbers.wss_bytes(recording, 0).astype(np.float64)
    unit, name = size_unit(float(sizes.max()))
    borders = numbers.borders_s(recording)
    left.stairs(sizes / unit, borders, color=BLUE, linewidth=1.2)
    left.set_title("Working set over time")
    left.set_xlabel("time (s)")
    left.set_ylabel(f"regions with an access ({name})")
    left.set_xlim(0, borders[-1])
    left.set_ylim(0, max(1.08 * float(sizes.max()) / unit, 1e-9))
    percent = np.arange(101)
    values = np.percentile(sizes, percent, method="inverted_cdf") / unit
    right.step(percent, values, where="post", color=BLUE, linewidth=1.6)
    right.set_title("Percentiles")
    right.set_xlabel("share of snapshots (%)")
    right.set_xlim(0, 100)
    share = 100 * float(np.median(sizes)) / max(float(np.median(all_bytes)), 1.0)
    right.annotate(
        f"median {rounded_size(int(np.median(sizes)))}\n{share:.3g} % of what is monitored",
        xy=(0.04, 0.96),
        xycoords="axes fraction",
        va="top",
        color=MUTED,
        fontsize=8.5,
    )
    return figure


def idle_figure(recording: Recording) -> Figure | None:
    """Draw which share of memory has been idle for how long; None where ages are not known."""
    if not numbers.has_ages(recording):
        return None
    figure = new_figure(3.2)
    axes = figure.subplots()
    last = next(shot for shot in reversed(recording.snapshots) if len(shot))
    for times, colour, label in (
        (numbers.idle_times(recording, recording.snapshots), BLUE, "all snapshots together"),
        (numbers.idle_times(recording, (last,)), ORANGE, "last snapshot"),
    ):
        share, idle_s = _curve(times)
        axes.step(share, idle_s, where="pre", color=colour, linewidth=1.6, label=label)
    axes.set_xlabel("share of monitored memory (%)")
    axes.set_ylabel("idle for at most (s)")
    axes.set_xlim(0, 100)
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left")
    return figure


def _curve(times: numbers.IdleTimes) -> tuple[FloatArray, FloatArray]:
    percent = np.linspace(0.0, 100.0, 401)
    return percent, np.array([times.percentile(float(value)) for value in percent])


def regions_figure(recording: Recording) -> Figure:
    """Draw the number of regions over time."""
    figure = new_figure(2.6)
    axes = figure.subplots()
    counts, borders = numbers.region_counts(recording), numbers.borders_s(recording)
    axes.stairs(counts, borders, color=INK, linewidth=1.2)
    axes.stairs(counts, borders, fill=True, color=GRID, alpha=0.6)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("regions")
    axes.set_xlim(0, borders[-1])
    axes.set_ylim(0, 1.08 * max(int(counts.max()), 1))
    return figure
