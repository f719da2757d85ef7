"""A balloon controller: inflate while nobody suffers, let go fast when somebody does."""

from dataclasses import dataclass

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.tiering import require_names, require_range


@dataclass(eq=False)
class BalloonController(BaseTuner):
    """Additive increase, multiplicative decrease of the balloons' target.

    The rule of automatic ballooning in use (MOM, oVirt): free guest memory is taken in steps as
    long as a reserve stays; under pressure the target falls by a factor.

    Args:
        step_percent: Growth of the target per decision, per cent of a guest's memory.
        decrease: Factor on the target under pressure.
        reserve_ratio: Free share of the fullest guest below which the balloon does not grow.
        pressure_percent: Pressure above which it shrinks.
    """

    step_percent: float = 1.0
    decrease: float = 0.5
    reserve_ratio: float = 0.1
    pressure_percent: float = 0.5

    def __post_init__(self) -> None:
        require_range("step_percent", self.step_percent, 0.0, 80.0)
        require_range("decrease", self.decrease, 0.0, 1.0)
        require_range("reserve_ratio", self.reserve_ratio, 0.0, 1.0)
        require_range("pressure_percent", self.pressure_percent, 0.0, 100.0)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode with empty balloons.

        Raises:
            ConfigError: The task lacks what the controller reads or turns.
        """
        require_names(spec, "the balloon controller", ("psi_some", "least_free"), ("balloon",))
        super().reset(spec, seed)
        self._target = 0.0

    def act(self, observation: Float32Array) -> Float32Array:
        """Move the target; a missing measurement counts as pressure."""
        pressure = self.spec.value(observation, "psi_some")
        free = self.spec.value(observation, "least_free")
        if not pressure <= self.pressure_percent:
            self._target *= self.decrease
        elif free > self.reserve_ratio:
            self._target += self.step_percent
        elif free < self.reserve_ratio / 2.0:
            self._target -= self.step_percent
        self._target = min(max(self._target, 0.0), self.spec.knobs["balloon"].high)
        return self.spec.action(balloon=self._target)
