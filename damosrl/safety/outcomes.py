"""What was bad in an interval: stalls, movement, memory that programs did not get, overcommitment.

Limits are on what happened, so they hold for any tuner and any knobs. What a machine does not tell
is never bad.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import FloatArray
from damosrl.machine import Telemetry
from damosrl.safety.config import BreakerConfig

BoolArray = NDArray[np.bool_]


class Verdict(NamedTuple):
    """Judgement of an interval, ``(N,)`` each."""

    bad: BoolArray
    """To be borne for a while."""
    grave: BoolArray
    """Not to be borne at all."""


class Outcomes:
    """Judges intervals of N machines by the growth of their totals.

    Args:
        config: The limits.
        num_machines: N.
    """

    def __init__(self, config: BreakerConfig, num_machines: int) -> None:
        self._config = config
        self._time_s = np.zeros(num_machines)
        self._migrated_bytes = np.zeros(num_machines)
        self._failed_bytes = np.zeros(num_machines)

    def reset(self, which: BoolArray, telemetry: Telemetry) -> None:
        """Begin anew on the marked machines."""
        self._time_s[which] = telemetry.time_s[which]
        self._migrated_bytes[which] = _migrated(telemetry)[which]
        self._failed_bytes[which] = _failed(telemetry)[which]

    def judge(self, telemetry: Telemetry) -> Verdict:
        """Judge the interval since the last call, and remember where it ended."""
        config = self._config
        migrated, failed = _migrated(telemetry), _failed(telemetry)
        elapsed_s = np.maximum(telemetry.time_s - self._time_s, 1e-9)
        rate = (migrated - self._migrated_bytes) / elapsed_s
        lost = failed - self._failed_bytes
        self._time_s = telemetry.time_s.copy()
        self._migrated_bytes, self._failed_bytes = migrated, failed
        pressure = telemetry.pressure
        bad = (
            (rate > config.migration_bytes_per_s)
            | _above(100.0 * pressure.some_avg[:, 0], config.psi_some_percent)
            | _above(100.0 * pressure.full_avg[:, 0], config.psi_full_percent)
            | _above(_share(_overcommitted(telemetry), telemetry), config.overcommitted_percent)
        )
        return Verdict(bad, _above(_share(lost, telemetry), config.failed_percent))


def _above(values: FloatArray, limit: float | None) -> BoolArray:
    """Compare with a limit; without one, and where nothing is known, nothing is above it."""
    return np.asarray(values > (np.inf if limit is None else limit), dtype=np.bool_)


def _share(values: FloatArray, telemetry: Telemetry) -> FloatArray:
    """Return bytes as per cent of a machine's memory, ``(N,)``."""
    memory = np.maximum(telemetry.node_total_bytes.sum(axis=1), 1.0)
    return np.asarray(100.0 * values / memory)


def _migrated(telemetry: Telemetry) -> FloatArray:
    return telemetry.migrated_up_bytes + telemetry.migrated_down_bytes


def _failed(telemetry: Telemetry) -> FloatArray:
    if telemetry.shortage is None:
        return np.zeros(len(telemetry.time_s))
    return telemetry.shortage.failed_bytes.copy()


def _overcommitted(telemetry: Telemetry) -> FloatArray:
    if telemetry.shortage is None:
        return np.zeros(len(telemetry.time_s))
    return telemetry.shortage.overcommitted_bytes
