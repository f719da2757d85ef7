"""The curves of a daemon's journal: what was seen, what was asked, what was in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from damosrl.daemon.decision import Decision
from damosrl.daemon.journal_reader import read_decisions
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.knobs import FloatArray

MOST_FEATURES = 6
"""Panels of features, unless some are named."""


@dataclass(frozen=True)
class JournalRun:
    """One daemon's decisions.

    Args:
        name: For the legend.
        decisions: In their order; at least one.
    """

    name: str
    decisions: tuple[Decision, ...]

    @property
    def times_s(self) -> FloatArray:
        """Uptime of each decision."""
        return np.array([decision.uptime_s for decision in self.decisions])

    def feature(self, name: str) -> FloatArray:
        """Return a feature over time, physical; NaN where nothing was measured."""
        return _numbers([decision.features.get(name) for decision in self.decisions])

    def requested(self, knob: str) -> FloatArray:
        """Return what the policy asked of a knob, physical; NaN where it asked nothing."""
        return _numbers([decision.requested.get(knob) for decision in self.decisions])

    def applied(self, knob: str) -> FloatArray:
        """Return what was in force, physical."""
        return _numbers([decision.applied.get(knob) for decision in self.decisions])


def read_run(folder: Path) -> JournalRun:
    """Read the journal of one daemon, of its last start if there were several.

    Args:
        folder: The journal's, or the state folder in which it lies.

    Raises:
        ConfigError: There is no decision in it.
    """
    inner = folder / "journal"
    decisions = list(read_decisions(inner if inner.is_dir() else folder))
    if not decisions:
        raise ConfigError(
            f"{folder} holds no decision",
            allowed="the folder of a daemon's journal (decisions.jsonl)",
            fix="see `damosrl daemon status` for where it is",
        )
    starts = [place for place, decision in enumerate(decisions) if decision.step == 1]
    name = folder.parent.name if folder.name == "journal" else folder.name
    return JournalRun(name, tuple(decisions[starts[-1] if starts else 0 :]))


def shown_features(runs: Sequence[JournalRun], wanted: Sequence[str]) -> list[str]:
    """Return the features to draw: those asked for, or those that changed the most.

    Raises:
        UnknownNameError: A feature is in no journal; the nearest is named.
    """
    known = list(dict.fromkeys(n for run in runs for d in run.decisions for n in d.features))
    for name in wanted:
        if name not in known:
            raise UnknownNameError("feature of the journal", name, known)
    if wanted:
        return list(wanted)
    ranked = sorted(known, key=lambda name: -max(_change(run.feature(name)) for run in runs))
    return [name for name in known if name in ranked[:MOST_FEATURES]]


def _change(values: FloatArray) -> float:
    """Return how much a series varies, of its largest value."""
    known = values[np.isfinite(values)]
    if known.size == 0 or not np.abs(known).max():
        return 0.0
    return float(known.std() / np.abs(known).max())


def _numbers(values: Sequence[float | None]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], np.float64)
