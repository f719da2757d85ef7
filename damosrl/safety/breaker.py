"""The outcome breaker: judges what happened to a machine, not what was asked of it.

A guard on outcomes needs no model of the tuner (SOL, Wang et al., ASPLOS 2022): when pressure or
migration stays bad, the machine goes to the kernel's own loop for a while, longer each time.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import FloatArray
from damosrl.machine import Telemetry
from damosrl.safety.config import BreakerConfig


class Breaker:
    """One breaker per machine of a batch.

    Args:
        config: When to trip and for how long; None never trips.
        num_machines: N.
        judges: Whether `watch` judges; without it only others trip.
    """

    def __init__(
        self, config: BreakerConfig | None, num_machines: int, *, judges: bool = True
    ) -> None:
        self._config = config
        self._judges = judges
        self.open = np.zeros(num_machines, dtype=np.bool_)
        """Machines in the kernel's hands, ``(N,)``."""
        self.tripped = np.zeros(num_machines, dtype=np.bool_)
        """Machines whose breaker tripped at the last `watch`, ``(N,)``."""
        self._bad_steps = np.zeros(num_machines, dtype=np.int64)
        self._open_until_s = np.zeros(num_machines)
        self._hold_s = np.zeros(num_machines)
        self._last_bad_s = np.zeros(num_machines)
        self._time_s = np.zeros(num_machines)
        self._migrated_bytes = np.zeros(num_machines)

    def reset(self, which: NDArray[np.bool_], telemetry: Telemetry) -> None:
        """Close the breakers of the marked machines and forget their past."""
        self.open[which] = False
        self.tripped[which] = False
        self._bad_steps[which] = 0
        self._open_until_s[which] = 0.0
        self._hold_s[which] = self._config.hold_s if self._config else 0.0
        self._last_bad_s[which] = telemetry.time_s[which]
        self._time_s[which] = telemetry.time_s[which]
        self._migrated_bytes[which] = _migrated(telemetry)[which]

    def watch(self, telemetry: Telemetry) -> None:
        """Judge the interval that just ended; updates `open` and `tripped`."""
        if self._config is None:
            return
        config, now_s = self._config, telemetry.time_s
        bad = self._judge(telemetry) & self._judges
        self._bad_steps = np.where(bad, self._bad_steps + 1, 0)
        closing = self.open & (now_s >= self._open_until_s)
        self.open &= ~closing
        self._bad_steps[closing] = 0
        forgiven = ~self.open & (now_s - self._last_bad_s >= config.forgive_s)
        self._hold_s[forgiven] = config.hold_s
        self._last_bad_s = np.where(bad, now_s, self._last_bad_s)
        self.trip(self._bad_steps >= config.patience_steps, now_s)

    def trip(self, which: NDArray[np.bool_], now_s: FloatArray) -> None:
        """Open breakers that are closed, for the time that follows from earlier trips.

        Args:
            which: Machines ``(N,)``; `watch` judges them, and others may know more.
            now_s: Machine time, ``(N,)``.
        """
        if self._config is None:
            return
        self.tripped = which & ~self.open
        self._open_until_s[self.tripped] = (now_s + self._hold_s)[self.tripped]
        longer = np.minimum(self._hold_s * self._config.back_off, self._config.longest_hold_s)
        self._hold_s[self.tripped] = longer[self.tripped]
        self._last_bad_s[self.tripped] = now_s[self.tripped]
        self.open |= self.tripped

    def _judge(self, telemetry: Telemetry) -> NDArray[np.bool_]:
        config = BreakerConfig() if self._config is None else self._config
        migrated = _migrated(telemetry)
        elapsed_s = np.maximum(telemetry.time_s - self._time_s, 1e-9)
        rate = (migrated - self._migrated_bytes) / elapsed_s
        self._time_s, self._migrated_bytes = telemetry.time_s.copy(), migrated
        pressure = 100.0 * telemetry.pressure.some_avg[:, 0]
        judged = (pressure > config.psi_some_percent) | (rate > config.migration_bytes_per_s)
        return np.asarray(judged, dtype=np.bool_)


def _migrated(telemetry: Telemetry) -> FloatArray:
    return telemetry.migrated_up_bytes + telemetry.migrated_down_bytes
