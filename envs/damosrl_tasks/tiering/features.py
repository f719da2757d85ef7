"""From telemetry to the features that a tuner sees."""

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import Telemetry
from damosrl_tasks.tiering.config import TieringConfig
from damosrl_tasks.tiering.counters import Counters
from damosrl_tasks.tiering.knobs import DEMOTION, FREE, PROMOTION
from damosrl_tasks.tiering.memories import AccessShare, Returns, Stretch
from damosrl_tasks.tiering.monitor import FAST, SLOW, MonitorSummary, Summarise, summarise
from damosrl_tasks.tiering.quantities import OBSERVATION, UNKNOWN, observed
from damosrl_tasks.tiering.schemes import Layout


class Features:
    """Observations of N machines; keeps what must be remembered between two readings.

    Args:
        config: Timing of the task.
        layout: Where the schemes lie.
        num_machines: N.
        summarise: Sums up snapshots.
    """

    def __init__(
        self,
        config: TieringConfig,
        layout: Layout,
        num_machines: int,
        summarise: Summarise = summarise,
    ) -> None:
        self._summarise = summarise
        self._config = config
        self._promotions = max(len(layout.promotions), 1)
        self._demotions = max(len(layout.demotions), 1)
        self.share = AccessShare(num_machines)
        self._returns = Returns(num_machines)
        self._stretch = Stretch(num_machines, len(layout.document.kdamonds))
        self._observation = np.zeros((num_machines, len(OBSERVATION)), dtype=np.float32)

    def reset(
        self, which: NDArray[np.bool_], telemetry: Telemetry, grown: Counters, knobs: FloatArray
    ) -> Float32Array:
        """Forget the past of the marked machines; return all observations ``(N, d)``."""
        summary = self._summarise(telemetry)
        self.share.reset(which)
        self._returns.reset(which)
        self._stretch.reset(which, summary)
        fresh = self._observe(telemetry, summary, grown, knobs)
        self._observation[which] = fresh[which]
        return self._observation.copy()

    def update(self, telemetry: Telemetry, grown: Counters, knobs: FloatArray) -> Float32Array:
        """Take in a reading.

        Args:
            telemetry: What the machines say now.
            grown: Growth of the counters since the last reading.
            knobs: Physical knobs in force in between, ``(N, 5)``.

        Returns:
            Observations ``(N, d)`` in [-1, 1].
        """
        summary = self._summarise(telemetry)
        self.share.update(summary, grown.time_s)
        self._returns.update(grown)
        self._stretch.update(telemetry, summary, grown.time_s)
        self._observation = self._observe(telemetry, summary, grown, knobs)
        return self._observation.copy()

    def _observe(
        self, telemetry: Telemetry, summary: MonitorSummary, grown: Counters, knobs: FloatArray
    ) -> Float32Array:
        psi = telemetry.pressure
        columns = [
            *_memory(telemetry, knobs),
            *summary.heat[:, FAST].T,
            *summary.heat[:, SLOW].T,
            *summary.cold_age.T,
            *self._migration(grown, knobs),
            *self.share.means.T,
            self.share.change,
            100.0 * psi.some_avg[:, 0],
            100.0 * psi.full_avg[:, 0],
            summary.regions / self._config.max_nr_regions,
            self._stretch.estimate,
            *knobs.T,
        ]
        normal = OBSERVATION.to_normal(np.stack(columns, axis=1))
        if telemetry.missing:
            normal = np.where(observed(telemetry.missing), normal, UNKNOWN)
        return normal.astype(np.float32)

    def _migration(self, grown: Counters, knobs: FloatArray) -> list[FloatArray]:
        elapsed_s = np.maximum(grown.time_s, 1e-9)
        windows = np.maximum(grown.time_s / self._config.apply_s, 1.0)
        columns = [grown.promoted_bytes / elapsed_s, grown.demoted_bytes / elapsed_s]
        for tried, applied, exceeds, quota, schemes in (
            (
                grown.promotion_tried_bytes,
                grown.promotion_applied_bytes,
                grown.promotion_exceeds,
                knobs[:, PROMOTION],
                self._promotions,
            ),
            (
                grown.demotion_tried_bytes,
                grown.demotion_applied_bytes,
                grown.demotion_exceeds,
                knobs[:, DEMOTION],
                self._demotions,
            ),
        ):
            columns += [
                _ratio(tried, quota * grown.time_s * schemes, nothing=0.0),
                _ratio(applied, tried, nothing=1.0),
                exceeds / (windows * schemes),
            ]
        return [*columns, self._returns.share]


def fast_free_percent(telemetry: Telemetry) -> FloatArray:
    """Return the free share of node 0, per cent, ``(N,)``."""
    total = np.maximum(telemetry.node_total_bytes[:, 0], 1.0)
    return np.asarray(100.0 * telemetry.node_free_bytes[:, 0] / total)


def _memory(telemetry: Telemetry, knobs: FloatArray) -> list[FloatArray]:
    free = fast_free_percent(telemetry)
    everything = np.maximum(telemetry.node_total_bytes.sum(axis=1), 1.0)
    return [free, free - knobs[:, FREE], telemetry.node_total_bytes[:, 0] / everything]


def _ratio(part: FloatArray, whole: FloatArray, nothing: float) -> FloatArray:
    some = whole > 0.0
    return np.where(some, part / np.where(some, whole, 1.0), nothing)
