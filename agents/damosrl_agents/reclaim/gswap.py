"""g-swap's rule: the smallest cold age that would not have called back too much."""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.reclaim.knobs import KNOBS, MIB, page_out
from damosrl_agents.tiering import require_names, require_range

TOUCHED, COLD = "touched_", "cold_"


@dataclass(eq=False)
class GSwap(BaseTuner):
    """Picks the cold age by what past minutes would have allowed.

    Each minute has a best age: the smallest at which at most ``promotion_share`` of the working set
    would have been called back within that minute. In force is a percentile of the best ages so
    far, or the last minute's best where that is larger (Lagar-Cavilla et al., Software-defined
    far memory in warehouse-scale computers, ASPLOS 2019, section 4.3). The working set is
    what was touched within 120 s. What would have been called back is the resident memory
    touched after that age (the task's ``touched_*``), and what faults brought back at the age in
    force.

    Args:
        promotion_share: Of the working set per minute.
        percentile: Of the best ages so far, 0..100; the paper's comes from an autotuner.
        minute_s: Length of a minute, seconds.
        start_s: Time at the start in which nothing goes out, seconds.
        quota_mib_per_s: Most to page out, MiB/s.
        minutes: Best ages that are remembered.
    """

    promotion_share: float = 0.002
    percentile: float = 98.0
    minute_s: float = 60.0
    start_s: float = 120.0
    quota_mib_per_s: float = 256.0
    minutes: int = 60

    def __post_init__(self) -> None:
        require_range("promotion_share", self.promotion_share, 0.0, 1.0)
        require_range("percentile", self.percentile, 0.0, 100.0)
        require_range("minute_s", self.minute_s, 1e-3, 1e6)
        require_range("start_s", self.start_s, 0.0, 1e6)
        require_range("quota_mib_per_s", self.quota_mib_per_s, 0.0, 1e6)
        require_range("minutes", self.minutes, 1, 100_000)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode without history.

        Raises:
            ConfigError: The task tells nothing of memory that is touched after a time idle.
        """
        require_names(spec, "gswap", ("resident", "swap_in", "cold_120"), KNOBS)
        super().reset(spec, seed)
        names = spec.observation.names
        self._ages = [int(name[len(TOUCHED) :]) for name in names if name.startswith(TOUCHED)]
        if not self._ages:
            raise ConfigError("gswap needs features touched_*", got=", ".join(names))
        self._best: deque[float] = deque(maxlen=self.minutes)
        self._called_back = np.zeros(len(self._ages))
        self._working_set = 0.0
        self._decisions = 0
        self.cold_age_s = math.inf
        """Age in force; infinite before there is one."""

    def act(self, observation: Float32Array) -> Float32Array:
        """Add a decision's numbers; at the end of a minute choose anew."""
        self._add(observation)
        self._decisions += 1
        per_minute = max(round(self.minute_s / self.spec.decision_interval_s), 1)
        if self._decisions % per_minute == 0:
            self._choose(per_minute)
        waits = self._decisions * self.spec.decision_interval_s < self.start_s
        if waits or not math.isfinite(self.cold_age_s):
            return page_out(self.spec, 0.0, self.spec.knobs["cold_age"].high)
        amount = self.quota_mib_per_s * MIB * self.spec.decision_interval_s
        return page_out(self.spec, amount, self.cold_age_s)

    def _add(self, observation: Float32Array) -> None:
        resident = self.spec.value(observation, "resident")
        touched = [self.spec.value(observation, f"{TOUCHED}{age}") for age in self._ages]
        faults = self.spec.value(observation, "swap_in") * self.spec.decision_interval_s
        back = np.array(touched) * resident
        back += np.where(np.array(self._ages) <= self.cold_age_s, faults, 0.0)
        if np.all(np.isfinite(back)):
            self._called_back += back
            self._working_set += resident * (1.0 - self.spec.value(observation, f"{COLD}120"))

    def _choose(self, per_minute: int) -> None:
        allowed = self.promotion_share * self._working_set / per_minute
        fits = [age for age, back in zip(self._ages, self._called_back, strict=True)
                if back <= allowed]  # fmt: skip
        best = float(min(fits)) if fits else math.inf
        self._called_back[:], self._working_set = 0.0, 0.0
        self._best.append(best)
        highest = self.spec.knobs["cold_age"].high
        known = np.minimum(np.array(self._best), 2.0 * highest)
        past = float(np.percentile(known, self.percentile))
        chosen = max(past, best)
        self.cold_age_s = chosen if chosen <= highest else math.inf
