"""The ground under all settings that never change within an episode."""

from collections.abc import Mapping

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner


class FixedKnobs(BaseTuner):
    """Gives the same knobs at every decision; subclasses say which."""

    reads = ()

    def settings(self) -> Mapping[str, float]:
        """Return physical values by knob name; knobs left out stay at the task's default."""
        raise NotImplementedError

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode and compute its one action.

        Raises:
            UnknownNameError: The task has no knob of a name given.
        """
        super().reset(spec, seed)
        self._action = spec.action(**self.settings())

    def act(self, observation: Float32Array) -> Float32Array:  # noqa: ARG002  nothing is looked at
        """Return the fixed action ``(k,)``."""
        return self._action.copy()
