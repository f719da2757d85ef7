"""Mean score of every tuner on every workload, losses in their own colour."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from damosrl.experiment.report.figures.style import INK, MUTED, PAGE_WIDTH_IN, new_figure
from damosrl.experiment.report.scores import number
from damosrl.experiment.report.workloads import ScoreMatrix

LOSS_TO_GAIN = LinearSegmentedColormap.from_list(
    "loss_to_gain", ["#B2501E", "#E9A77B", "#F7F7F5", "#9DC3DE", "#2B6CA3"]
)
"""Orange below zero, white at zero, blue above: told apart in every kind of colour vision."""


def matrix_figure(matrix: ScoreMatrix | None) -> Figure | None:
    """Draw the workload x tuner matrix; None where there is none."""
    if matrix is None:
        return None
    rows, columns = matrix.scores.shape
    figure = new_figure(2.1 + 0.34 * rows, max(PAGE_WIDTH_IN, 2.6 + 0.62 * columns))
    axes = figure.add_subplot()
    axes.imshow(
        np.clip(matrix.scores, -1.0, 1.0), cmap=LOSS_TO_GAIN, vmin=-1.0, vmax=1.0, aspect="auto"
    )
    for row, column in np.ndindex(rows, columns):
        _write(axes, row, column, float(matrix.scores[row, column]))
    axes.set_xticks(range(columns), matrix.labels, rotation=35, ha="left", rotation_mode="anchor")
    axes.xaxis.tick_top()
    axes.set_yticks(range(rows), [_tick(matrix, row) for row in range(rows)])
    axes.tick_params(length=0, labelcolor=INK, labelsize=8.5)
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(visible=False, which="major")
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    for border in _split_borders(matrix):
        axes.axhline(border - 0.5, color=INK, linewidth=1.2)
    notes = "mean score per workload (0 = doing nothing, 1 = oracle)"
    if any(matrix.by_movement):
        notes += "; † episodes with nothing to gain are scored by movement"
    axes.set_xlabel(notes, color=MUTED)
    axes.set_title("Score on every workload")
    return figure


def _write(axes: Axes, row: int, column: int, score: float) -> None:
    dark = np.isfinite(score) and abs(score) > 0.72
    axes.text(
        column,
        row,
        number(score),
        ha="center",
        va="center",
        fontsize=8.0,
        color="white" if dark else INK,
        fontweight="bold" if score < 0 else "normal",
    )


def _tick(matrix: ScoreMatrix, row: int) -> str:
    mark = " †" if matrix.by_movement[row] else ""
    split = f"  · {matrix.splits[row]}" if matrix.splits[row] else ""
    return f"{matrix.workloads[row]}{mark}{split}"


def _split_borders(matrix: ScoreMatrix) -> list[int]:
    pairs = zip(matrix.splits, matrix.splits[1:], strict=False)
    return [place for place, (one, other) in enumerate(pairs, start=1) if one != other]
