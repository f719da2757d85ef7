"""Autopilot's limit (Rzadca et al., EuroSys 2020) as ACMA's maximum.

Every candidate limit L has a decayed overrun o(L) (time in which usage was above L) and underrun
u(L) (how far usage was below L); a model is a decay with a safety margin, and picks the limit of
least w_o o + w_u u + w_c [L changes]. Of several models the one with the least decayed past cost is
followed. The structure is the paper's; the numbers are this file's, the paper gives none.
"""

from dataclasses import dataclass

import numpy as np

from damosrl.knobs import Float32Array, FloatArray
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.acma.checks import require_target
from damosrl_agents.tiering import require_names, require_range

DECAYS = (0.9, 0.97, 0.99)
MARGINS = (0.05, 0.15)
MODELS = tuple((decay, margin) for decay in DECAYS for margin in MARGINS)
LIMITS: FloatArray = np.linspace(0.1, 1.0, 37)
"""Candidate limits, of a guest's memory."""
COST_DECAY = 0.98


@dataclass(eq=False)
class Autopilot(BaseTuner):
    """Follows the guests' usage with a limit that is seldom too low.

    Args:
        overrun_weight: Cost of a second above the limit.
        underrun_weight: Cost of a second with all memory unused.
        change_weight: Cost of moving the limit.
        switch_weight: Cost of following another model.
        pressure_percent: ACMA's pressure target below the limit.
    """

    overrun_weight: float = 20.0
    underrun_weight: float = 1.0
    change_weight: float = 0.02
    switch_weight: float = 0.02
    pressure_percent: float = 0.1

    def __post_init__(self) -> None:
        for name in ("overrun_weight", "underrun_weight", "change_weight", "switch_weight"):
            require_range(name, getattr(self, name), 0.0, 1e6)
        require_target(self.pressure_percent)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode without a past.

        Raises:
            ConfigError: The task lacks what Autopilot reads or turns.
        """
        knobs = ("max_memory", "pressure_target", "page_reporting")
        require_names(spec, "Autopilot", ("used", "usable", "least_free"), knobs)
        super().reset(spec, seed)
        self._over = np.zeros((len(MODELS), len(LIMITS)))
        self._under = np.zeros((len(MODELS), len(LIMITS)))
        self._chosen = np.full(len(MODELS), len(LIMITS) - 1)
        self._past = np.zeros(len(MODELS))
        self._model = 0

    def act(self, observation: Float32Array) -> Float32Array:
        """Take in the usage of the fullest guest, and set the limit of the best model."""
        usable = self.spec.value(observation, "usable")
        usage = min(max(usable - self.spec.value(observation, "least_free"), 0.0), 1.0)
        if np.isfinite(usage):
            self._take(usage)
        limit = 100.0 * float(LIMITS[self._chosen[self._model]])
        return self.spec.action(
            max_memory=limit, pressure_target=self.pressure_percent, page_reporting=1.0
        )

    def _take(self, usage: float) -> None:
        for model, (decay, margin) in enumerate(MODELS):
            needed = min(usage + margin, 1.0)
            above = (needed > LIMITS).astype(np.float64)
            below = np.maximum(LIMITS - needed, 0.0)
            self._past[model] = COST_DECAY * self._past[model] + (1.0 - COST_DECAY) * (
                self.overrun_weight * float(usage > LIMITS[self._chosen[model]])
                + self.underrun_weight * max(float(LIMITS[self._chosen[model]]) - usage, 0.0)
            )
            self._over[model] = decay * self._over[model] + (1.0 - decay) * above
            self._under[model] = decay * self._under[model] + (1.0 - decay) * below
            cost = (
                self.overrun_weight * self._over[model] + self.underrun_weight * self._under[model]
            )
            moved = np.arange(len(LIMITS)) != self._chosen[model]
            self._chosen[model] = int(np.argmin(cost + self.change_weight * moved))
        switched = np.arange(len(MODELS)) != self._model
        self._model = int(np.argmin(self._past + self.switch_weight * switched))
