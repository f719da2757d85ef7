"""Performance profiles (Agarwal and others, 2021): how much of the runs scores above a bar."""

import numpy as np
from matplotlib.figure import Figure

from damosrl.experiment.report.cast import Cast
from damosrl.experiment.report.figures.style import line_of, new_figure
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.scores import ScoreRow, column
from damosrl.experiment.statistics import performance_profile

BARS = np.linspace(-0.5, 1.1, 801)


def profile_figure(run: Run, cast: Cast, rows: list[ScoreRow]) -> Figure | None:
    """Draw one falling curve per competing tuner; None without scores."""
    if run.episodes is None or not run.episodes.has("tuner", "score"):
        return None
    figure = new_figure(4.2)
    axes = figure.add_subplot()
    drawn = 0
    for row in rows:
        scores = column(run.episodes, "score")[run.episodes.text("tuner") == row.name]
        scores = scores[np.isfinite(scores)]
        if not row.ranked or not scores.size:
            continue
        share = performance_profile(scores, BARS)
        axes.plot(BARS, 100.0 * share, **line_of(cast.looks[row.name]), label=row.label)
        drawn += 1
    if not drawn:
        return None
    axes.axvline(0.0, color="#9AA1AD", linewidth=1.0)
    axes.set_xlim(float(BARS[0]), float(BARS[-1]))
    axes.set_ylim(0, 103)
    axes.set_xlabel("score τ (0 = doing nothing, 1 = oracle)")
    axes.set_ylabel("episodes that score above τ (%)")
    axes.set_title("Performance profile: the higher and further right a curve, the better")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), handlelength=3.0)
    return figure
