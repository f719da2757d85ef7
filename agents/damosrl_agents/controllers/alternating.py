"""Two settings by turns, whatever happens: a scripted attacker, a square wave as a probe."""

from dataclasses import dataclass, field

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.tiering import require_range


@dataclass(eq=False)
class Alternating(BaseTuner):
    """Keeps one setting for a while, then the other.

    Args:
        hold_decisions: Decisions until the next turn.
        first: Physical value by knob name; the others stay at the task's default.
        second: The same for every other turn.
    """

    hold_decisions: int = 4
    first: dict[str, float] = field(default_factory=dict)
    second: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_range("hold_decisions", self.hold_decisions, 1)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode with the first setting.

        Raises:
            UnknownNameError: The task has no knob of a name given.
        """
        super().reset(spec, seed)
        self._actions = (spec.action(**self.first), spec.action(**self.second))
        self._decisions = 0

    def act(self, observation: Float32Array) -> Float32Array:  # noqa: ARG002  blind on purpose
        """Return the setting whose turn it is, ``(k,)``."""
        turn = self._decisions // self.hold_decisions % 2
        self._decisions += 1
        return self._actions[turn].copy()
