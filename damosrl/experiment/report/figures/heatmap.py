"""What the monitor believed beside what was true, on one colour scale."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure

from damosrl.experiment.report.figures.style import new_figure
from damosrl.experiment.report.inputs import Heatmap
from damosrl.experiment.report.scores import GIB
from damosrl.knobs import FloatArray

HEAT = LinearSegmentedColormap.from_list(
    "heat", ["#F8F7F2", "#F2D7A0", "#E69F4C", "#C7502E", "#7A1F3D", "#2A0F2E"]
)
"""Light is cold, dark is hot; lightness falls evenly, so it also works in grey."""

SCALE_ENDS = (0.2, 0.4, 0.6, 0.8, 1.0)
SCALE_TICKS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


def heatmap_figure(heatmap: Heatmap | None) -> Figure | None:
    """Draw both panels with shared axes and scale; None without data."""
    if heatmap is None:
        return None
    figure = new_figure(4.7)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    norm = PowerNorm(0.6, 0.0, _top(heatmap))
    _draw(left, heatmap, heatmap.monitor, norm, "What the monitor believed")
    mesh = _draw(right, heatmap, heatmap.truth, norm, "What was true")
    left.set_ylabel("physical address (GiB from the start)")
    bar = figure.colorbar(mesh, ax=[left, right], pad=0.015, fraction=0.035)
    ticks = [share for share in SCALE_TICKS if share <= _top(heatmap)]
    bar.set_ticks(ticks, labels=[f"{100 * share:g}" for share in ticks])
    bar.set_label("sampling intervals that see an access (%)")
    bar.outline.set_visible(False)
    return figure


def _top(heatmap: Heatmap) -> float:
    """Return the end of the common scale: the first round share above all that is shown."""
    highest = max(float(np.nanmax(heatmap.monitor)), float(np.nanmax(heatmap.truth)))
    return next((share for share in SCALE_ENDS if share >= highest), SCALE_ENDS[-1])


def _draw(
    axes: Axes, heatmap: Heatmap, values: FloatArray, norm: PowerNorm, title: str
) -> QuadMesh:
    borders = heatmap.address_bytes / GIB
    mesh = axes.pcolormesh(
        _time_borders(heatmap.time_s), borders, values.T, cmap=HEAT, norm=norm, rasterized=True
    )
    axes.set_title(title)
    axes.set_xlabel("time in the episode (s)")
    axes.grid(visible=False)
    axes.set_ylim(borders[0], borders[-1])
    return mesh


def _time_borders(time_s: FloatArray) -> FloatArray:
    """Return the borders ``(T + 1,)`` of intervals that end at each reading."""
    step = float(np.median(np.diff(time_s))) if time_s.size > 1 else 1.0
    return np.concatenate([[time_s[0] - step], time_s])


def monitor_error(heatmap: Heatmap) -> tuple[float, float]:
    """Compare monitor and truth.

    Returns:
        Mean absolute difference of the access share, and the correlation over all cells
        (NaN where either side is constant).
    """
    difference = float(np.nanmean(np.abs(heatmap.monitor - heatmap.truth)))
    one, other = heatmap.monitor.ravel(), heatmap.truth.ravel()
    known = np.isfinite(one) & np.isfinite(other)
    one, other = one[known], other[known]
    if one.size < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return difference, float("nan")
    return difference, float(np.corrcoef(one, other)[0, 1])
