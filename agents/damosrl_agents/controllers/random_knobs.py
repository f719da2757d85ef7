"""Draws knobs at random: what any tuner must beat."""

from dataclasses import dataclass

import numpy as np

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.tiering import require_range


@dataclass(eq=False)
class RandomKnobs(BaseTuner):
    """Draws every knob uniformly over its normalised range and keeps it for a while.

    Args:
        hold_decisions: Decisions between draws; 1 draws anew each time.
    """

    hold_decisions: int = 10

    def __post_init__(self) -> None:
        require_range("hold_decisions", self.hold_decisions, 1)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode with a generator of its own."""
        super().reset(spec, seed)
        self._rng = np.random.default_rng(seed)
        self._decisions = 0
        self._action = np.zeros(len(spec.knobs), dtype=np.float32)

    def act(self, observation: Float32Array) -> Float32Array:  # noqa: ARG002  blind on purpose
        """Return the action in force ``(k,)``."""
        if self._decisions % self.hold_decisions == 0:
            draw = self._rng.uniform(-1.0, 1.0, size=self._action.shape)
            self._action = draw.astype(np.float32)
        self._decisions += 1
        return self._action.copy()
