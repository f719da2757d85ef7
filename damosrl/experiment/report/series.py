"""The time series of recorded episodes."""

from dataclasses import replace

import numpy as np

from damosrl.experiment.report.cast import is_policy
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.node_panels import node_panels
from damosrl.experiment.report.panels import BEFORE_NODES, PANELS, SLOWDOWN, Panel
from damosrl.experiment.report.scores import ScoreRow, column, mean_of
from damosrl.experiment.report.table import Table
from damosrl.knobs import FloatArray

HEADLINE_COUNT = 6
PREFERRED = ("best_static", "consist_warm", "quantile", "consist")


def panels_of(run: Run) -> list[Panel]:
    """Return the panels that a run has the columns for; the task says the slowdown's unit.

    Those of single nodes stand between results and what was moved.
    """
    if run.steps is None:
        return []
    known = [panel for panel in PANELS if run.steps.has(panel.source)]
    place = sum(panel.source in BEFORE_NODES for panel in known)
    found = [*known[:place], *node_panels(run), *known[place:]]
    unit = f"× {run.wording.unit}"
    return [replace(panel, unit=unit) if panel.title == SLOWDOWN else panel for panel in found]


def thinned(values: FloatArray, most: int) -> FloatArray:
    """Average neighbours so that at most ``most`` values ``(m,)`` are left; NaN is left out.

    Example:
        >>> thinned(np.array([1.0, 3.0, 5.0, np.nan, 9.0]), 3)
        array([2., 5., 9.])
    """
    group = -(-values.size // most)
    if group <= 1:
        return values
    padded = np.full(group * -(-values.size // group), np.nan)
    padded[: values.size] = values
    folded = padded.reshape(-1, group)
    known = np.isfinite(folded)
    total = np.where(known, folded, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)


def curve(run: Run, panel: Panel, tuner: str, steps: Table) -> FloatArray:
    """Return a panel's values ``(steps,)`` of one episode.

    No-op and those who see the truth turn no knobs: their schemes are off, whatever is recorded.
    """
    if panel.source.startswith("knob_") and tuner in (run.baseline, *run.seers):
        return np.full(len(steps), np.nan)
    return panel.read(steps)


def has_series(run: Run) -> bool:
    """Tell whether the run recorded episodes step by step, per tuner and workload."""
    return run.steps is not None and run.steps.has("tuner", "workload", "time_s")


def series_workloads(run: Run) -> list[str]:
    """Return the workloads with a recorded episode."""
    if run.steps is None or not has_series(run):
        return []
    return run.steps.names("workload")


def episode_steps(run: Run, workload: str, tuner: str) -> Table | None:
    """Return one episode's steps in order of time, or None if it was not recorded."""
    if run.steps is None or not has_series(run):
        return None
    steps = run.steps
    rows = steps.where((steps.text("workload") == workload) & (steps.text("tuner") == tuner))
    if not len(rows):
        return None
    if rows.has("seed"):
        rows = rows.where(rows.text("seed") == rows.text("seed")[0])
    order = np.argsort(rows.numbers("time_s"), kind="stable")
    return Table({name: values[order] for name, values in rows.columns.items()})


def most_telling_workload(run: Run) -> str | None:
    """Return the workload on which the tuners' mean slowdowns lie farthest apart."""
    best, widest = None, -1.0
    for workload in series_workloads(run):
        episodes = [episode_steps(run, workload, name) for name in _tuners_with_steps(run)]
        means = [mean_of(column(s, "slowdown_ratio")) for s in episodes if s is not None]
        known = [value for value in means if np.isfinite(value)]
        width = max(known) - min(known) if known else 0.0
        if width > widest:
            best, widest = workload, width
    return best


def _tuners_with_steps(run: Run) -> list[str]:
    return run.steps.names("tuner") if run.steps is not None else []


def headline_tuners(rows: list[ScoreRow]) -> list[str]:
    """Choose the few tuners that a static figure can show: ends, policies, strong opponents.

    Returns:
        At most `HEADLINE_COUNT` names, in the order of ``rows``.
    """
    ends = [row.name for row in rows if not row.ranked]
    ranked = [row.name for row in rows if row.ranked]
    policies = [name for name in ranked if is_policy(name) or name == "ppo"]
    wanted = [*ends, *policies, *(name for name in PREFERRED if name in ranked), *ranked]
    chosen = set(list(dict.fromkeys(wanted))[:HEADLINE_COUNT])
    return [row.name for row in rows if row.name in chosen]
