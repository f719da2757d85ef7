"""Interval tuning: every step that the guest's kernel took, from the snapshot it saw."""

from dataclasses import dataclass

import numpy as np

from damosrl.damon import Attrs
from damosrl.damon.recorded import Recording
from damosrl.experiment.fidelity.emulated.scripted import tuned_interval
from damosrl.machine import IntArray


@dataclass(frozen=True)
class TuningResult:
    """Sampling intervals after each tuning step, us.

    Args:
        guest: What the tracepoint told.
        emulator: What the engine sets on the guest's own snapshots.
    """

    guest: list[int]
    emulator: list[int]

    @property
    def meets(self) -> bool:
        """Whether the sequences are equal."""
        return self.guest == self.emulator


def compare_tuning(attrs: Attrs, guest: Recording, tuned: dict[str, IntArray]) -> TuningResult:
    """Let the engine tune on every ``aggrs``-th snapshot of the guest.

    The kernel tunes before it emits the aggregation, so that a snapshot shows what tuning saw
    (semantics 1.7, 1.11); at 20 samples the conversion to new intervals changes no count.

    Args:
        attrs: Attributes of the guest's kdamond.
        guest: Its snapshots.
        tuned: Columns ``time_ns``, ``sample_us`` of its tuning steps.
    """
    aggrs = attrs.intervals.goal.aggrs
    sample_us, steps = attrs.intervals.sample_us, []
    for shot in guest.snapshots[aggrs - 1 :: aggrs]:
        following = tuned_interval(attrs, sample_us, shot)
        if following is not None:
            sample_us = following
            steps.append(following)
    told: list[int] = np.asarray(tuned["sample_us"]).tolist()
    return TuningResult(told, steps)
