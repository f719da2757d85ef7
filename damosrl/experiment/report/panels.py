"""What can be drawn over time, in the units that people read."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from damosrl.experiment.report.scores import column
from damosrl.experiment.report.table import Table
from damosrl.knobs import FloatArray

MIB = float(1 << 20)
SLOWDOWN = "Slowdown"


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


def scaled(name: str, factor: float) -> Callable[[Table], FloatArray]:
    """Return a reader of a column times a factor."""
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


def quota_panel(title: str, source: str) -> Panel:
    """Return the panel of a quota: MiB/s on a logarithmic axis, a gap where it is off."""
    return Panel(title, "MiB/s", _quota(source), source, shown=(1.0, 1024.0), log=True)


PANELS = (
    Panel(SLOWDOWN, "ratio", scaled("slowdown_ratio", 1.0), "slowdown_ratio"),
    Panel("Saved", "% of memory", scaled("saved_ratio", 100.0), "saved_ratio", shown=(0.0, 1.0)),
    quota_panel("Reclaim quota", "knob_reclaim_quota"),
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
        scaled("fast_free_ratio", 100.0),
        "fast_free_ratio",
        shown=(0.0, 1.0),
    ),
    quota_panel("Promotion quota", "knob_promotion_quota"),
    quota_panel("Demotion quota", "knob_demotion_quota"),
    Panel("Balloon", "% of a guest", scaled("knob_balloon", 1.0), "knob_balloon", shown=(0, 10)),
    Panel("Unplugged", "% of a guest", scaled("knob_unplug", 1.0), "knob_unplug", shown=(0, 10)),
    quota_panel("Paged out at a fixed rate", "knob_reclaim_rate"),
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
        scaled("broken_ratio", 100.0),
        "broken_ratio",
        shown=(0.0, 1.0),
    ),
    Panel("Promoted", "MiB/s", _per_second("promoted_bytes"), "promoted_bytes", shown=(0.0, 10.0)),
    Panel("Demoted", "MiB/s", _per_second("demoted_bytes"), "demoted_bytes", shown=(0.0, 10.0)),
    Panel(
        "Memory pressure, PSI some",
        "% of time",
        scaled("psi_some_ratio", 100.0),
        "psi_some_ratio",
        shown=(0.0, 1.0),
    ),
    Panel(
        "Events of the safety layer",
        "a tick each",
        scaled("events_count", 1.0),
        "events_count",
        ticks=True,
    ),
)
"""Those whose column a run has are drawn. Cause above effect: quotas over what was moved; left
promotion, right demotion."""

BEFORE_NODES = ("slowdown_ratio", "saved_ratio", "fast_free_ratio")
"""Columns of the panels that stand above those of single nodes: results, not what was moved."""


def step_seconds(steps: Table) -> float:
    """Return the time between two decisions of an episode, seconds."""
    times = column(steps, "time_s")
    gaps = np.diff(times)
    gaps = gaps[gaps > 0]
    return float(np.median(gaps)) if gaps.size else 1.0
