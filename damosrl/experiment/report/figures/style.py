"""The common look of all figures, and how a figure becomes bytes."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from damosrl.experiment.report.cast import Look

INK = "#1F2430"
MUTED = "#5B6270"
GRID = "#E3E6EB"
LOSS = "#B23A1E"
PNG_DPI = 160
PAGE_WIDTH_IN = 10.2
"""As wide as the page's text column on a laptop, so that letters keep one size."""

SETTINGS: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": "#9AA1AD",
    "axes.labelcolor": INK,
    "axes.labelsize": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9.0,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "damosrl",
}


@dataclass(frozen=True)
class Drawing:
    """A finished figure.

    Args:
        name: File name without its ending.
        png: For the figures folder.
        svg: For the page; sharp on any screen and in print.
    """

    name: str
    png: bytes
    svg: bytes


@contextmanager
def drawing_style() -> Iterator[None]:
    """Apply the common look while figures are built and written, and only then."""
    with mpl.rc_context(SETTINGS):
        yield


def new_figure(height_in: float, width_in: float = PAGE_WIDTH_IN) -> Figure:
    """Return an empty figure, sizes in inches, with no global state behind it."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def to_drawing(name: str, figure: Figure) -> Drawing:
    """Render a figure; the same figure gives the same bytes."""
    png, svg = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
    figure.set_layout_engine("none")  # places are settled; measuring all texts again is slow
    figure.savefig(svg, format="svg", dpi=PNG_DPI, metadata={"Date": None, "Creator": None})
    return Drawing(name, png.getvalue(), svg.getvalue())


def line_of(look: Look) -> dict[str, Any]:
    """Return the matplotlib keywords of a tuner's line."""
    style: Any = (0, look.dash) if look.dash else "solid"
    return {"color": look.colour, "linestyle": style, "linewidth": look.width}


def marker_of(look: Look, size: float = 7.0) -> dict[str, Any]:
    """Return the matplotlib keywords of a tuner's marker, without a line."""
    strokes = look.marker not in Line2D.filled_markers
    return {
        "marker": look.marker,
        "color": look.colour,
        "markersize": size + 2.0 if look.marker == "*" else size,
        "markeredgecolor": look.colour if strokes else "white",
        "markeredgewidth": 1.6 if strokes else 0.7,
        "linestyle": "none",
    }


def reference_lines(axes: Axes, *, vertical: bool = True) -> None:
    """Mark the two ends of the score's scale: 0 is doing nothing, 1 is the oracle."""
    draw = axes.axvline if vertical else axes.axhline
    draw(0.0, color=LOSS, linewidth=1.0, zorder=1.5)
    draw(1.0, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1.5)
