"""The figure of scaling: cost over regions, memory and machines, beside what would be ideal."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from damosrl.experiment.bench.scaling import Point
from damosrl.experiment.report.figures.style import (
    INK,
    LOSS,
    MUTED,
    Drawing,
    drawing_style,
    new_figure,
    to_drawing,
)

COLOURS = {1: INK, 2: LOSS}
"""By number of threads."""


def draw_scaling(points: Sequence[Point]) -> Drawing:
    """Draw one panel per series, both axes logarithmic.

    Points are shortest samples, bars reach up to the median. Every second point or so carries its
    cost over the ideal, the dashed line: linear, or constant in memory.
    """
    with drawing_style():
        figure = new_figure(3.6)
        panels = figure.subplots(1, 3)
        for axes, series in zip(panels, ("regions", "memory", "machines"), strict=True):
            _panel(axes, [point for point in points if point.series == series])
        _describe(panels[0], "Regions", "regions of one machine", "linear")
        _describe(panels[1], "Memory", "footprint, 100 regions", "constant")
        _describe(panels[2], "Machines", "machines, 100 regions each", "linear")
        panels[0].set_ylabel("wall time per emulated second, µs")
        panels[1].xaxis.set_major_formatter(FuncFormatter(_size_text))
        return to_drawing("scaling", figure)


def _panel(axes: Axes, points: list[Point]) -> None:
    for threads in sorted({point.threads for point in points}):
        curve = [point for point in points if point.threads == threads]
        sizes = [point.size for point in curve]
        costs = [point.cost_us for point in curve]
        spread = [[0.0] * len(curve), [point.median_us - point.cost_us for point in curve]]
        colour = COLOURS[threads]
        words = "1 thread" if threads == 1 else f"{threads} threads"
        axes.errorbar(sizes, costs, spread, color=colour, marker="o", markersize=4, label=words)
        if threads == 1:
            ideal = [point.cost_us / point.to_ideal for point in curve]
            axes.plot(sizes, ideal, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1.5)
        for point in curve[:: max(1, len(curve) // 5)]:
            _annotate(axes, point, colour)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks([point.size for point in points if point.threads == 1][::2])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda cost, _: f"{cost:,.0f}"))
    low, high = axes.get_ylim()
    axes.set_ylim(low / 2.0, max(high * 2.0, low * 30) * 4.0)  # room for the legend


def _annotate(axes: Axes, point: Point, colour: str) -> None:
    """Write a point's cost over the ideal: above the curve, below it for a second thread."""
    above = point.threads == 1
    axes.annotate(
        f"{point.to_ideal:.2f}",
        (point.size, point.cost_us),
        xytext=(0, 7 if above else -7),
        textcoords="offset points",
        ha="center",
        va="bottom" if above else "top",
        fontsize=7.5,
        color=colour,
    )


def _describe(axes: Axes, title: str, sizes: str, ideal: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(sizes)
    axes.plot([], [], color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, label=ideal)
    axes.legend(loc="upper left", title="numbers: cost / ideal", title_fontsize=7.5)


def _size_text(size: float, _: int) -> str:
    return f"{size / 2**40:.0f} TiB" if size >= 2**40 else f"{size / 2**30:.0f} GiB"
