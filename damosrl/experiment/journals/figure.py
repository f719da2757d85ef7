"""One picture of what daemons did: who was at the wheel, what was seen, what was in force."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter

from damosrl.daemon.decision import Mode
from damosrl.experiment.journals.series import JournalRun
from damosrl.experiment.report.figures.style import new_figure

COLOURS = ("#1F5FA8", "#C4651B", "#3C7D3E", "#7A4C9B", "#8A6D00", "#5B6270")
MODE_COLOURS = {
    Mode.ACTIVE: "#3C7D3E",
    Mode.CANARY: "#9BB85C",
    Mode.SHADOW: "#9AA1AD",
    Mode.DRY_RUN: "#C9CDD4",
    Mode.FALLBACK: "#B23A1E",
    Mode.STOPPED: "#1F2430",
}
COLUMNS = 2


def journal_figure(runs: Sequence[JournalRun], features: Sequence[str]) -> Figure:
    """Draw journals over the time since their daemons' starts.

    Args:
        runs: One colour each.
        features: One panel each; below them one for every knob.
    """
    knobs = list(dict.fromkeys(name for run in runs for d in run.decisions for name in d.applied))
    lines = -(-(len(features) + len(knobs)) // COLUMNS)
    figure = new_figure(1.5 + 1.55 * lines)
    places: list[Any] = [["modes"] * COLUMNS]
    names = [f"feature {name}" for name in features] + [f"knob {name}" for name in knobs]
    names += [""] * (lines * COLUMNS - len(names))
    places += [names[at : at + COLUMNS] for at in range(0, len(names), COLUMNS)]
    ratios = [0.35 + 0.12 * len(runs), *([1.0] * lines)]
    mosaic = figure.subplot_mosaic(places, empty_sentinel="", height_ratios=ratios)
    _draw_modes(mosaic["modes"], runs)
    for name in features:
        _draw_feature(mosaic[f"feature {name}"], runs, name)
    for name in knobs:
        _draw_knob(mosaic[f"knob {name}"], runs, name)
    _legend(figure, runs)
    return figure


def _draw_modes(axes: Axes, runs: Sequence[JournalRun]) -> None:
    """Draw a strip for each journal, coloured by who was at the wheel."""
    axes.set_title("who is at the wheel", fontsize=9.0, pad=5)
    for place, run in enumerate(reversed(runs)):
        times = run.times_s
        width = (times[-1] - times[0]) / max(len(times) - 1, 1) or 1.0
        colours = [MODE_COLOURS[decision.mode] for decision in run.decisions]
        axes.bar(times, 0.8, width, place - 0.4, color=colours, align="edge", linewidth=0)
    axes.set_yticks(range(len(runs)), [run.name for run in reversed(runs)])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.margins(x=0.01)


def _draw_feature(axes: Axes, runs: Sequence[JournalRun], name: str) -> None:
    axes.set_title(name, fontsize=9.0, pad=5)
    for run, colour in zip(runs, COLOURS, strict=False):
        axes.plot(run.times_s, run.feature(name), color=colour, linewidth=1.3)
    axes.margins(x=0.01)
    axes.yaxis.set_major_formatter(EngFormatter(sep=" "))


def _draw_knob(axes: Axes, runs: Sequence[JournalRun], name: str) -> None:
    """Draw what was in force, and thinly what had been asked."""
    axes.set_title(f"{name}: in force, and asked (thin)", fontsize=9.0, pad=5)
    for run, colour in zip(runs, COLOURS, strict=False):
        axes.plot(run.times_s, run.requested(name), color=colour, linewidth=0.7, alpha=0.55)
        axes.step(run.times_s, run.applied(name), where="post", color=colour, linewidth=1.5)
    axes.margins(x=0.01)
    axes.yaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.set_xlabel("time since the start (s)")


def _legend(figure: Figure, runs: Sequence[JournalRun]) -> None:
    handles = [
        Line2D([], [], color=colour, label=run.name)
        for run, colour in zip(runs, COLOURS, strict=False)
    ]
    modes = list(dict.fromkeys(decision.mode for run in runs for decision in run.decisions))
    patches = [Patch(color=MODE_COLOURS[mode], label=str(mode)) for mode in modes]
    figure.legend(
        handles=[*handles, *patches], loc="outside upper center", ncols=len(handles) + len(patches)
    )
