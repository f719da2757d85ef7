"""Senpai's immediate-backoff mode, as oomd has it: reclaim a little while nothing is felt."""

import math
from dataclasses import dataclass

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.reclaim.knobs import KNOBS, MIB, page_out
from damosrl_agents.tiering import require_names, require_range

GIB = 1024 * MIB


@dataclass(eq=False)
class SenpaiImmediate(BaseTuner):
    """Once an interval, reclaims to ``min + (current - min) (1 - max_probe)``, then lets go.

    Only while the larger of memory pressure avg10 and avg60 is below the threshold, and swap space
    is not nearly used up (facebookincubator/oomd, Senpai.cpp, ``immediate_backoff``). There is
    never a limit that lasts, so nothing has to be taken back.

    Args:
        pressure_percent: Threshold of pressure, above 0 and at most 100 %.
        max_probe: Share to reclaim per interval, 0..1.
        interval_s: The interval, seconds.
        min_gib: Memory that is left alone, GiB.
        swap_use_limit: Share of swap space in use from which nothing is reclaimed.
        cold_age_s: Least time without access, seconds.
    """

    pressure_percent: float = 0.1
    max_probe: float = 0.01
    interval_s: float = 6.0
    min_gib: float = 100.0 / 1024.0
    swap_use_limit: float = 0.8
    cold_age_s: float = 1.0

    def __post_init__(self) -> None:
        require_range("pressure_percent", self.pressure_percent, 1e-6, 100.0)
        require_range("max_probe", self.max_probe, 0.0, 1.0)
        require_range("interval_s", self.interval_s, 1e-3, 1e6)
        require_range("min_gib", self.min_gib, 0.0, 1e6)
        require_range("swap_use_limit", self.swap_use_limit, 0.0, 1.0)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode."""
        names = ("resident", "psi_some", "psi_some_60", "swap_use")
        require_names(spec, "senpai_immediate", names, KNOBS)
        super().reset(spec, seed)
        self._decisions = 0

    def act(self, observation: Float32Array) -> Float32Array:
        """Reclaim, or leave it."""
        resident = self.spec.value(observation, "resident")
        pressure = max(self.spec.value(observation, name) for name in ("psi_some", "psi_some_60"))
        full = self.spec.value(observation, "swap_use") > self.swap_use_limit
        due = self._decisions % max(round(self.interval_s / self.spec.decision_interval_s), 1) == 0
        self._decisions += 1
        amount = (resident - self.min_gib * GIB) * self.max_probe
        calm = pressure < self.pressure_percent and math.isfinite(amount)
        return page_out(self.spec, amount if due and calm and not full else 0.0, self.cold_age_s)
