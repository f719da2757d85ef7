"""Figures of the study: guest and emulator side by side, or one over the other."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from damosrl.damon.recorded import RecordedSnapshot, Recording
from damosrl.experiment.fidelity.compare.migration import MigrationResult
from damosrl.experiment.fidelity.compare.quota import QuotaResult
from damosrl.experiment.fidelity.compare.snapshots import age_share
from damosrl.experiment.fidelity.in_guest.hot_set import MOVING
from damosrl.experiment.fidelity.in_guest.watermarks import MARKS
from damosrl.experiment.fidelity.study import Pictures, Study, Switching, Tuning
from damosrl.experiment.recordings import numbers
from damosrl.experiment.report.figures.heatmap import HEAT
from damosrl.experiment.report.figures.style import (
    INK,
    MUTED,
    Drawing,
    drawing_style,
    new_figure,
    to_drawing,
)

BLUE, ORANGE = "#0072B2", "#D55E00"
MIB = 2**20


def draw(study: Study) -> list[Drawing]:
    """Draw all figures."""
    with drawing_style():
        figures = {
            "heat": heat_figure(study.hot_set),
            "working_set": working_set_figure(study.hot_set),
            "ages": ages_figure(study.hot_set),
            "quotas": quotas_figure(study.user_input, study.node_free),
            "migration": migration_figure(study.promotion, study.demotion),
            "intervals": intervals_figure(study.intervals),
            "watermarks": watermarks_figure(study.watermarks),
        }
        return [to_drawing(name, figure) for name, figure in figures.items()]


def heat_figure(pictures: Pictures) -> Figure:
    """Draw what both monitors saw, over time and address."""
    figure = new_figure(4.2)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    shown = {"guest kernel": pictures.guest, "emulator, seed 1": pictures.emulated[0]}
    for axes, (title, recording) in zip(panels, shown.items(), strict=True):
        grid = numbers.heat_grid(recording, columns=300, rows=256)
        rows = np.linspace(0.0, grid.folding.size / MIB, grid.rate.shape[1] + 1)
        norm = PowerNorm(0.6, 0.0, 1.0)
        mesh = axes.pcolormesh(
            grid.time_s, rows, grid.rate.T, cmap=HEAT, norm=norm, rasterized=True
        )
        axes.set_title(title)
        axes.set_xlabel("time (s)")
        axes.grid(visible=False)
    panels[0].set_ylabel("address in the program's memory (MiB)")
    bar = figure.colorbar(mesh, ax=list(panels), pad=0.015, fraction=0.035)
    bar.set_label("samples that saw an access (share)")
    bar.outline.set_visible(False)
    return figure


def working_set_figure(pictures: Pictures) -> Figure:
    """Draw working-set sizes over time, and what was really touched."""
    figure = new_figure(3.4)
    axes = figure.subplots()
    starts = np.cumsum([0.0, *(item.seconds for item in MOVING)])
    truth = [item.size_mib for item in MOVING]
    axes.stairs(truth, starts, color=MUTED, linewidth=5, alpha=0.35, label="really touched")
    for place, recording in enumerate(pictures.emulated):
        label = "emulator, one line per seed" if place == 0 else None
        _sizes(axes, recording, ORANGE, 0.8, label, alpha=0.6)
    _sizes(axes, pictures.guest, BLUE, 1.4, "guest kernel", alpha=1.0)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("regions with an access (MiB)")
    axes.set_xlim(0, starts[-1])
    axes.set_ylim(0, None)
    axes.legend(loc="upper left")
    return figure


def _sizes(
    axes: Axes, recording: Recording, colour: str, width: float, label: str | None, alpha: float
) -> None:
    sizes, times = numbers.wss_bytes(recording) / MIB, numbers.borders_s(recording)
    axes.stairs(
        sizes, times, color=colour, linewidth=width, label=label, alpha=alpha, baseline=None
    )


def ages_figure(pictures: Pictures) -> Figure:
    """Draw the distribution of ages by bytes at the end of four segments."""
    figure = new_figure(3.0)
    panels = figure.subplots(1, 4, sharey=True)
    ends = np.cumsum([item.seconds for item in MOVING])
    for axes, segment in zip(panels, (0, 1, 3, 5), strict=True):
        shown = [(one, ORANGE, 0.9) for one in pictures.emulated] + [(pictures.guest, BLUE, 1.8)]
        shots = [_shot_at(one, float(ends[segment]) - 0.3) for one, _, _ in shown]
        ages = np.arange(int(max(shot.age.max() for shot in shots)) + 5)
        for shot, (_, colour, width) in zip(shots, shown, strict=True):
            axes.step(ages, age_share(shot, ages), color=colour, linewidth=width, where="post")
        axes.set_title(f"after {ends[segment]:g} s")
        axes.set_xlabel("age (aggregations)")
        axes.set_ylim(0, 1.03)
    panels[0].set_ylabel("share of bytes up to that age")
    panels[0].plot([], [], color=BLUE, label="guest kernel")
    panels[0].plot([], [], color=ORANGE, label="emulator, by seed")
    panels[0].legend(loc="upper left")
    return figure


def _shot_at(recording: Recording, time_s: float) -> RecordedSnapshot:
    times = numbers.borders_s(recording)[1:]
    return recording.snapshots[min(int(np.searchsorted(times, time_s)), len(times) - 1)]


def quotas_figure(user_input: QuotaResult, node_free: QuotaResult) -> Figure:
    """Draw effective quotas, change by change; the emulator's as dots on the guest's line."""
    figure = new_figure(3.4)
    panels = figure.subplots(1, 2)
    titles = ("goal user_input", "goal node_mem_free_bp")
    for axes, result, title in zip(panels, (user_input, node_free), titles, strict=True):
        axes.plot(result.guest, color=BLUE, linewidth=2.0, label="guest kernel")
        axes.plot(
            result.emulator,
            color=ORANGE,
            linestyle="none",
            marker="o",
            markersize=3,
            label="emulator",
        )
        axes.set_yscale("log")
        axes.set_title(f"{title}: {result.equal} of {len(result.guest)} equal")
        axes.set_xlabel("windows in which the quota changed")
    panels[0].set_ylabel("effective quota (bytes)")
    panels[0].legend(loc="lower center")
    return figure


def migration_figure(promotion: MigrationResult, demotion: MigrationResult) -> Figure:
    """Draw what was moved over what was charged: free of how fast either machine is."""
    figure = new_figure(3.4)
    panels = figure.subplots(1, 2)
    titles = ("migrate_hot, node 1 to 0", "migrate_cold, node 0 to 1, beside free frames")
    for axes, result, title in zip(panels, (promotion, demotion), titles, strict=True):
        for place, each in enumerate(result.emulated):
            label = "emulator, one line per seed" if place == 0 else None
            axes.plot(
                each.tried_bytes / MIB,
                each.moved_bytes / MIB,
                color=ORANGE,
                linewidth=0.9,
                label=label,
            )
        guest = result.guest
        axes.plot(
            guest.tried_bytes / MIB,
            guest.moved_bytes / MIB,
            color=BLUE,
            linewidth=1.8,
            label="guest kernel",
        )
        axes.set_title(title)
        axes.set_xlabel("charged to the quota (MiB)")
    panels[0].set_ylabel("moved of the program (MiB)")
    panels[0].legend(loc="lower right")
    return figure


def intervals_figure(tuning: Tuning) -> Figure:
    """Draw tuning steps: replayed on the guest's snapshots, and run freely in the emulator."""
    figure = new_figure(3.4)
    left, right = figure.subplots(1, 2, sharey=True)
    result = tuning.result
    left.step(range(len(result.guest)), _ms(result.guest), color=BLUE, label="guest kernel")
    left.plot(
        _ms(result.emulator),
        color=ORANGE,
        linestyle="none",
        marker="o",
        markersize=3,
        label="engine, same snapshots",
    )
    left.set_title("step by step")
    left.set_xlabel("tuning step")
    left.set_ylabel("sampling interval (ms)")
    for recording in tuning.emulated:
        samples_ms = [shot.sample_us / 1000 for shot in recording.snapshots]
        times = numbers.borders_s(recording)
        right.stairs(samples_ms, times, color=ORANGE, linewidth=1.0, baseline=None)
    right.step(tuning.steps_s, _ms(result.guest), where="post", color=BLUE, linewidth=1.4)
    right.set_title("run freely, over time")
    right.set_xlabel("time (s)")
    left.legend(loc="center", bbox_to_anchor=(0.43, 0.6))
    return figure


def watermarks_figure(switching: Switching) -> Figure:
    """Draw free memory between its watermarks, and when the kdamond worked."""
    figure = new_figure(3.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    above.plot(switching.time_s, switching.free_permil, color=INK, linewidth=1.4)
    marks = {"high": MARKS.high_permil, "mid": MARKS.mid_permil, "low": MARKS.low_permil}
    for name, permil in marks.items():
        above.axhline(permil, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        above.annotate(name, (0.2, permil + 4), color=MUTED, fontsize=8)
    above.set_ylabel("free memory (permil)")
    above.grid(visible=False)
    result = switching.result
    for row, (spans, colour) in enumerate(((result.emulator, ORANGE), (result.guest, BLUE))):
        bars = [(start, end - start) for start, end in spans]
        below.broken_barh(bars, (row - 0.35, 0.7), color=colour)
    below.set_yticks([0, 1], labels=["emulator", "guest kernel"])
    below.set_xlabel("time (s); bars: the kdamond works")
    below.set_xlim(0, float(switching.time_s[-1]))
    below.grid(axis="y", visible=False)
    return figure


def _ms(values: Sequence[int]) -> list[float]:
    return [value / 1000 for value in values]
