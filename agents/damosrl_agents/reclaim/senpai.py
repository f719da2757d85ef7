"""Senpai: shrink until it hurts a little, grow at once when it hurts more."""

import math
from dataclasses import dataclass

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.reclaim.knobs import KNOBS, MIB, page_out
from damosrl_agents.tiering import require_names, require_range

GIB = 1024 * MIB


@dataclass(eq=False)
class Senpai(BaseTuner):
    """facebookincubator/senpai's loop on a memory limit L, by the stall time I of an interval.

        I > P:  L *= 1 + min(((I / P) / coeff_backoff)^2 max_backoff, max_backoff)
        else:   L *= 1 - min(((P / max(I, 1)) / coeff_probe)^2 max_probe, max_probe)

    Above P it answers at once; below, once an interval. What exceeds L is paged out, oldest first;
    where a ``memory.high`` would also take what is in use, the scheme takes only what was idle for
    ``cold_age_s``. So that L is not driven where memory cannot follow, it starts each
    step no lower than ``max_probe`` below what is resident.

    Args:
        pressure_us: P, stall time per interval, us.
        interval_s: The interval, seconds.
        max_probe: Largest shrinking per interval, 0..1.
        max_backoff: Largest growth per interval.
        coeff_probe: Ratio of P over I from which shrinking is fastest.
        coeff_backoff: Ratio of I over P from which growth is fastest.
        min_gib: Smallest limit, GiB.
        max_gib: Largest limit, GiB.
        cold_age_s: Least time without access, seconds.
    """

    pressure_us: float = 10_000.0
    interval_s: float = 6.0
    max_probe: float = 0.01
    max_backoff: float = 1.0
    coeff_probe: float = 10.0
    coeff_backoff: float = 20.0
    min_gib: float = 100.0 / 1024.0
    max_gib: float = 100.0
    cold_age_s: float = 1.0

    def __post_init__(self) -> None:
        require_range("pressure_us", self.pressure_us, 1.0, self.interval_s * 1e6)
        require_range("interval_s", self.interval_s, 1e-3, 1e6)
        require_range("max_probe", self.max_probe, 0.0, 1.0)
        require_range("max_backoff", self.max_backoff, 0.0, 100.0)
        require_range("coeff_probe", self.coeff_probe, 1e-6, 1e6)
        require_range("coeff_backoff", self.coeff_backoff, 1e-6, 1e6)
        require_range("max_gib", self.max_gib, self.min_gib, 1e6)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode without a limit."""
        require_names(spec, "senpai", ("resident", "psi_now"), KNOBS)
        super().reset(spec, seed)
        self.limit_bytes = math.nan
        """L; NaN before the first decision."""
        self._integral_us = 0.0
        self._wait = self._pause()

    def act(self, observation: Float32Array) -> Float32Array:
        """Move the limit, and page out what exceeds it."""
        resident = self.spec.value(observation, "resident")
        stalled = self.spec.value(observation, "psi_now") / 100.0
        if math.isnan(self.limit_bytes):
            self.limit_bytes = self._limited(resident)
        elif math.isfinite(resident) and math.isfinite(stalled):
            self._integral_us += stalled * self.spec.decision_interval_s * 1e6
            self.limit_bytes = max(self.limit_bytes, resident * (1.0 - self.max_probe))
            self._move()
        excess = resident - self.limit_bytes
        return page_out(self.spec, max(0.0, excess), self.cold_age_s)

    def _move(self) -> None:
        if self._integral_us > self.pressure_us:
            ratio = self._integral_us / self.pressure_us / self.coeff_backoff
            self._scale(1.0 + min(ratio**2 * self.max_backoff, self.max_backoff))
        elif self._wait > 0:
            self._wait -= 1
        else:
            ratio = self.pressure_us / max(self._integral_us, 1.0) / self.coeff_probe
            self._scale(1.0 - min(ratio**2 * self.max_probe, self.max_probe))

    def _scale(self, factor: float) -> None:
        self.limit_bytes = self._limited(self.limit_bytes * factor)
        self._integral_us, self._wait = 0.0, self._pause()

    def _limited(self, limit: float) -> float:
        return min(max(limit, self.min_gib * GIB), self.max_gib * GIB)

    def _pause(self) -> int:
        """Return the decisions to sit out, so that shrinking comes once an interval."""
        return max(round(self.interval_s / self.spec.decision_interval_s), 1) - 1
