"""The time series of recorded episodes, in the units that people read."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from damosrl.experiment.report.cast import is_policy
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.scores import ScoreRow, column, mean_of
from damosrl.experiment.report.table import Table
from damosrl.knobs import FloatArray

MIB = float(1 << 20)
SLOWDOWN = "Slowdown"
HEADLINE_COUNT = 6
PREFERRED = ("best_static", "consist_warm", "quantile", "consist")


@dataclass(frozen=True)
class Panel:
    """One quantity over time.

    Args:
        title: What is shown.
        unit: Unit on the axis.
        read: Takes the episode's steps, gives the values ``(steps,)``.
        source: The column it needs.
        shown: Values that the axis always spans, so that noise around nothing looks like nothing.
        log: Whether the axis is logarithmic; zero is then a gap.
        ticks: Whether only the moments above zero count, drawn as ticks on a line per tuner.
    """

    title: str
    unit: str
    read: Callable[[Table], FloatArray]
    source: str
    shown: tuple[float, float] | None = None
    log: bool = False
    ticks: bool = False


def _scaled(name: str, factor: float) -> Callable[[Table], FloatArray]:
    return lambda steps: column(steps, name) * factor


def _per_second(name: str) -> Callable[[Table], FloatArray]:
    def read(steps: Table) -> FloatArray:
        return column(steps, name) / (step_seconds(steps) * MIB)

    return read


def _quota(name: str) -> Callable[[Table], FloatArray]:
    def read(steps: Table) -> FloatArray:
        values = column(steps, name) / MIB
        return np.where(values > 1.0 / MIB, values, np.nan)  # one byte is how "off" is written

    return read


PANELS = (
    Panel(SLOWDOWN, "ratio", _scaled("slowdown_ratio", 1.0), "slowdown_ratio"),
    Panel("Saved", "% of memory", _scaled("saved_ratio", 100.0), "saved_ratio", shown=(0.0, 1.0)),
    Panel(
        "Reclaim quota",
        "MiB/s",
        _quota("knob_reclaim_quota"),
        "knob_reclaim_quota",
        shown=(1.0, 1024.0),
        log=True,
    ),
    Panel(
        "Swapped in by faults",
        "MiB/s",
        _per_second("swapped_in_bytes"),
        "swapped_in_bytes",
        shown=(0.0, 10.0),
    ),
    Panel(
        "Free in the fast tier",
        "% of the tier",
        _scaled("fast_free_ratio", 100.0),
        "fast_free_ratio",
        shown=(0.0, 1.0),
    ),
    Panel(
        "Promotion quota",
        "MiB/s",
        _quota("knob_promotion_quota"),
        "knob_promotion_quota",
        shown=(1.0, 1024.0),
        log=True,
    ),
    Panel(
        "Demotion quota",
        "MiB/s",
        _quota("knob_demotion_quota"),
        "knob_demotion_quota",
        shown=(1.0, 1024.0),
        log=True,
    ),
    Panel("Balloon", "% of a guest", _scaled("knob_balloon", 1.0), "knob_balloon", shown=(0, 10)),
    Panel("Unplugged", "% of a guest", _scaled("knob_unplug", 1.0), "knob_unplug", shown=(0, 10)),
    Panel(
        "Paged out at a fixed rate",
        "MiB/s",
        _quota("knob_reclaim_rate"),
        "knob_reclaim_rate",
        shown=(1.0, 1024.0),
        log=True,
    ),
    Panel(
        "Refused to programs",
        "MiB/s",
        _per_second("failed_bytes"),
        "failed_bytes",
        shown=(0.0, 10.0),
    ),
    Panel(
        "Given to the host", "MiB/s", _per_second("given_bytes"), "given_bytes", shown=(0.0, 10.0)
    ),
    Panel(
        "Taken back", "MiB/s", _per_second("returned_bytes"), "returned_bytes", shown=(0.0, 10.0)
    ),
    Panel(
        "Free memory in pieces",
        "% of free memory",
        _scaled("broken_ratio", 100.0),
        "broken_ratio",
        shown=(0.0, 1.0),
    ),
    Panel("Promoted", "MiB/s", _per_second("promoted_bytes"), "promoted_bytes", shown=(0.0, 10.0)),
    Panel("Demoted", "MiB/s", _per_second("demoted_bytes"), "demoted_bytes", shown=(0.0, 10.0)),
    Panel(
        "Memory pressure, PSI some",
        "% of time",
        _scaled("psi_some_ratio", 100.0),
        "psi_some_ratio",
        shown=(0.0, 1.0),
    ),
    Panel(
        "Events: clamps and fallbacks",
        "a tick each",
        _scaled("events_count", 1.0),
        "events_count",
        ticks=True,
    ),
)
"""Those whose column a run has are drawn. Cause above effect: quotas over what was moved; left
promotion, right demotion."""


def panels_of(run: Run) -> list[Panel]:
    """Return the panels that a run has the columns for; the task says the slowdown's unit."""
    steps = run.steps
    found = [] if steps is None else [panel for panel in PANELS if steps.has(panel.source)]
    unit = f"× {run.wording.unit}"
    return [replace(panel, unit=unit) if panel.title == SLOWDOWN else panel for panel in found]


def step_seconds(steps: Table) -> float:
    """Return the time between two decisions of an episode, seconds."""
    times = column(steps, "time_s")
    gaps = np.diff(times)
    gaps = gaps[gaps > 0]
    return float(np.median(gaps)) if gaps.size else 1.0


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

    The ends of the scale turn no knobs: their schemes are off, whatever the column says.
    """
    if panel.source.startswith("knob_") and tuner in (run.baseline, run.oracle):
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
