"""From telemetry to the features that a reclaim tuner sees."""

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import Telemetry
from damosrl_tasks.reclaim.config import ReclaimConfig
from damosrl_tasks.reclaim.counters import Counters
from damosrl_tasks.reclaim.idleness import Idleness, Touched, idleness
from damosrl_tasks.reclaim.knobs import QUOTA
from damosrl_tasks.reclaim.quantities import OBSERVATION, UNKNOWN, observed
from damosrl_tasks.reclaim.swap import holdings

DISK_RATIO = 16.0
"""Compression of a store that takes no memory: the largest that the feature can say."""


class Features:
    """Observations of N machines; keeps what must be remembered between two readings.

    Args:
        config: Timing of the task.
        num_machines: N.
    """

    def __init__(self, config: ReclaimConfig, num_machines: int) -> None:
        self._config = config
        self._touched = Touched(num_machines)
        self._observation = np.zeros((num_machines, len(OBSERVATION)), dtype=np.float32)

    def reset(
        self, which: NDArray[np.bool_], telemetry: Telemetry, grown: Counters, knobs: FloatArray
    ) -> Float32Array:
        """Forget the past of the marked machines; return all observations ``(N, d)``."""
        now = idleness(telemetry)
        self._touched.reset(which, now)
        fresh = self._observe(telemetry, now, grown, knobs)
        self._observation[which] = fresh[which]
        return self._observation.copy()

    def update(self, telemetry: Telemetry, grown: Counters, knobs: FloatArray) -> Float32Array:
        """Take in a reading.

        Args:
            telemetry: What the machines say now.
            grown: Growth of the counters since the last reading.
            knobs: Physical knobs in force in between, ``(N, 3)``.

        Returns:
            Observations ``(N, d)`` in [-1, 1].
        """
        now = idleness(telemetry)
        self._touched.update(now)
        self._observation = self._observe(telemetry, now, grown, knobs)
        return self._observation.copy()

    def _observe(
        self, telemetry: Telemetry, now: Idleness, grown: Counters, knobs: FloatArray
    ) -> Float32Array:
        psi = telemetry.pressure
        elapsed_s = np.maximum(grown.time_s, 1e-9)
        columns = [
            *_memory(telemetry),
            *self._idle(telemetry, now),
            *self._reclaim(grown, knobs),
            grown.refaulted_bytes / elapsed_s,
            100.0 * psi.some_avg[:, 0],
            100.0 * psi.some_avg[:, 1],
            100.0 * psi.full_avg[:, 0],
            grown.psi_some_us / elapsed_s / 1e4,
            *knobs.T,
        ]
        known = observed(telemetry.missing)
        normal = OBSERVATION.to_normal(np.stack(columns, axis=1))
        return np.where(known, normal, UNKNOWN).astype(np.float32)

    def _idle(self, telemetry: Telemetry, now: Idleness) -> list[FloatArray]:
        """Free frames are idle too: what is idle beyond them is what could be paged out."""
        total = telemetry.node_total_bytes.sum(axis=1)
        free = telemetry.node_free_bytes.sum(axis=1)
        resident = np.maximum(total - free, 1.0)
        cold = np.maximum(now.idle_bytes - free[:, None], 0.0) / resident[:, None]
        touched = self._touched.share * (total / resident)[:, None]
        return [
            *np.minimum(cold, 1.0).T,
            *np.minimum(touched, 1.0).T,
            np.minimum(now.used_bytes / resident, 1.0),
            now.regions / self._config.max_nr_regions,
        ]

    def _reclaim(self, grown: Counters, knobs: FloatArray) -> list[FloatArray]:
        elapsed_s = np.maximum(grown.time_s, 1e-9)
        windows = np.maximum(grown.time_s / self._config.apply_s, 1.0)
        tried, asked = grown.tried_bytes, knobs[:, QUOTA] * grown.time_s
        return [
            np.where(asked > 0.0, tried / np.maximum(asked, 1.0), 0.0),
            np.where(tried > 0.0, grown.applied_bytes / np.maximum(tried, 1.0), 1.0),
            grown.exceeds / windows,
            grown.swapped_in_bytes / elapsed_s,
            grown.swapped_out_bytes / elapsed_s,
        ]


def _memory(telemetry: Telemetry) -> list[FloatArray]:
    held = holdings(telemetry)
    total = np.maximum(telemetry.node_total_bytes.sum(axis=1), 1.0)
    ratio = np.where(
        held.pool > 0.0,
        held.swapped / np.maximum(held.pool, 1.0),
        np.where(held.swapped > 0.0, DISK_RATIO, 1.0),
    )
    return [
        100.0 * telemetry.node_free_bytes.sum(axis=1) / total,
        held.resident,
        held.resident / held.everything,
        held.saved_ratio,
        held.swapped / np.maximum(held.room, 1.0),
        ratio,
    ]
