"""What a tuner remembers between two readings: smoothed shares, a change detector, the clock."""

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import FloatArray
from damosrl.machine import Telemetry
from damosrl_tasks.tiering.counters import Counters
from damosrl_tasks.tiering.monitor import MonitorSummary
from damosrl_tasks.tiering.quantities import SHARE_TIMES_S

CUSUM_DRIFT = 0.02
"""Deviation of the share per step that counts as no change."""
STRETCH_TIME_S = 20.0
RETURN_TIME_S = 10.0
SLOWEST = len(SHARE_TIMES_S) - 1


def gain(elapsed_s: FloatArray, time_constant_s: float) -> FloatArray:
    """Return the weight of a new value in an exponentially weighted mean."""
    return -np.expm1(-elapsed_s / time_constant_s)


class AccessShare:
    """Each upper node's share of observed accesses, smoothed, and a detector of node 0's changes.

    The detector is Page's two-sided CUSUM (Biometrika 1954) of the fastest mean against the
    slowest, capped at 1 and leaking by the drift, so that it dies away once heat lies still.
    """

    def __init__(self, num_machines: int, num_nodes: int) -> None:
        self.means = np.full((num_machines, num_nodes - 1, len(SHARE_TIMES_S)), 0.5)
        """By node, the last one left out, ``(N, T - 1, len(SHARE_TIMES_S))``."""
        self._sums = np.zeros((num_machines, 2))
        self._seen = np.zeros(num_machines, dtype=np.bool_)

    @property
    def change(self) -> FloatArray:
        """The larger of the two sums, ``(N,)``, 0..1."""
        return np.asarray(self._sums.max(axis=1))

    def reset(self, which: NDArray[np.bool_]) -> None:
        """Forget the past of the marked machines."""
        self.means[which] = 0.5
        self._sums[which] = 0.0
        self._seen[which] = False

    def update(self, summary: MonitorSummary, elapsed_s: FloatArray) -> None:
        """Take in a reading; machines on which nothing was seen accessed keep their values."""
        total = summary.weight.sum(axis=1)
        seen = total > 0.0
        share = summary.weight[:, :-1] / np.where(seen, total, 1.0)[:, None]
        for place, time_s in enumerate(SHARE_TIMES_S):
            weight = np.where(self._seen, gain(elapsed_s, time_s), 1.0) * seen
            self.means[..., place] += weight[:, None] * (share - self.means[..., place])
        self._seen |= seen
        deviation = self.means[:, 0, 0] - self.means[:, 0, SLOWEST]
        grown = self._sums + np.stack([deviation, -deviation], axis=1) - CUSUM_DRIFT
        self._sums = np.clip(grown, 0.0, 1.0)


class Returns:
    """Share of migrated bytes that went back soon after, over about ten seconds."""

    def __init__(self, num_machines: int) -> None:
        self._returned = np.zeros(num_machines)
        self._migrated = np.zeros(num_machines)

    @property
    def share(self) -> FloatArray:
        """``(N,)``, 0..1; 0 when nothing was migrated."""
        some = self._migrated > 1.0
        share = self._returned / np.where(some, self._migrated, 1.0)
        return np.clip(np.where(some, share, 0.0), 0.0, 1.0)

    def reset(self, which: NDArray[np.bool_]) -> None:
        """Forget the past of the marked machines."""
        self._returned[which] = 0.0
        self._migrated[which] = 0.0

    def update(self, grown: Counters) -> None:
        """Take in what was migrated and returned in the last interval."""
        keep = np.exp(-grown.time_s / RETURN_TIME_S)
        self._returned = keep * self._returned + grown.returned_bytes
        self._migrated = keep * self._migrated + grown.promoted_bytes + grown.demoted_bytes


class Stretch:
    """How much longer monitoring intervals take than they should, as the oldest regions show.

    A region that keeps its access rate ages by one per aggregation, so the largest age grows by
    real time / (stretch x interval). Where it did not grow (its region was merged, split or
    acted upon), the last estimate stays.
    """

    def __init__(self, num_machines: int, num_kdamonds: int) -> None:
        self.estimate = np.ones(num_machines)
        """``(N,)``, at least 1."""
        self._rate = np.ones(num_machines)
        self._oldest = np.zeros((num_machines, num_kdamonds), dtype=np.int64)

    def reset(self, which: NDArray[np.bool_], summary: MonitorSummary) -> None:
        """Forget the past of the marked machines."""
        self.estimate[which] = 1.0
        self._rate[which] = 1.0
        self._oldest[which] = summary.oldest[which]

    def update(self, telemetry: Telemetry, summary: MonitorSummary, elapsed_s: FloatArray) -> None:
        """Take in how much older the oldest regions have become."""
        grown = summary.oldest - self._oldest
        self._oldest = summary.oldest
        nominal_s = (grown * telemetry.aggregation_us).max(axis=1) / 1e6
        rate = nominal_s / np.maximum(elapsed_s, 1e-9)
        usable = (rate > 0.5) & (elapsed_s > 0.0)
        weight = gain(elapsed_s, STRETCH_TIME_S) * usable
        self._rate += weight * (np.minimum(rate, 1.5) - self._rate)
        self.estimate = 1.0 / np.clip(self._rate, 0.5, 1.0)
