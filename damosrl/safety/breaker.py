"""The outcome breaker: judges what happened to a machine, not what was asked of it.

A guard on outcomes needs no model of the tuner (SOL, Wang et al., ASPLOS 2022): when outcomes stay
bad, or a program does not get its memory, the machine goes to the fall-back for a while, longer
each time. What is bad says `damosrl.safety.outcomes`.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import FloatArray
from damosrl.machine import Telemetry
from damosrl.safety.config import BreakerConfig
from damosrl.safety.outcomes import Outcomes


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
        self._outcomes = Outcomes(config or BreakerConfig(), num_machines)
        self.open = np.zeros(num_machines, dtype=np.bool_)
        """Machines in the kernel's hands, ``(N,)``."""
        self.tripped = np.zeros(num_machines, dtype=np.bool_)
        """Machines whose breaker tripped at the last `watch`, ``(N,)``."""
        self._bad_steps = np.zeros(num_machines, dtype=np.int64)
        self._open_until_s = np.zeros(num_machines)
        self._hold_s = np.zeros(num_machines)
        self._last_bad_s = np.zeros(num_machines)

    def reset(self, which: NDArray[np.bool_], telemetry: Telemetry) -> None:
        """Close the breakers of the marked machines and forget their past."""
        self.open[which] = False
        self.tripped[which] = False
        self._bad_steps[which] = 0
        self._open_until_s[which] = 0.0
        self._hold_s[which] = self._config.hold_s if self._config else 0.0
        self._last_bad_s[which] = telemetry.time_s[which]
        self._outcomes.reset(which, telemetry)

    def watch(self, telemetry: Telemetry) -> None:
        """Judge the interval that just ended; updates `open` and `tripped`."""
        if self._config is None:
            return
        config, now_s = self._config, telemetry.time_s
        verdict = self._outcomes.judge(telemetry)
        grave = verdict.grave & self._judges
        bad = (verdict.bad & self._judges) | grave
        self._bad_steps = np.where(bad, self._bad_steps + 1, 0)
        closing = self.open & (now_s >= self._open_until_s)
        self.open &= ~closing
        self._bad_steps[closing] = 0
        forgiven = ~self.open & (now_s - self._last_bad_s >= config.forgive_s)
        self._hold_s[forgiven] = config.hold_s
        self._last_bad_s = np.where(bad, now_s, self._last_bad_s)
        self.trip(grave | (self._bad_steps >= config.patience_steps), now_s)

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
