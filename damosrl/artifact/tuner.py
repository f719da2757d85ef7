"""A policy that acts by itself, as a tuner."""

import numpy as np

from damosrl.artifact.bundle import Artifact
from damosrl.artifact.fit import require_same_spec
from damosrl.errors import ArtifactError, UnknownNameError
from damosrl.knobs import Float32Array
from damosrl.policy import ControllerPolicy
from damosrl.steps import stepped
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner


class PolicyTuner(BaseTuner):
    """Acts by a network or a tree, deterministically.

    Its actions are knob positions like every tuner's: a policy that was trained on relative or
    discrete actions steps from the positions in force, which it observes as ``last_<knob>``.

    Args:
        artifact: The bundle; the task of `reset` must be the one it was trained for.

    Raises:
        ArtifactError: The bundle names a controller; `damosrl.registry.artifact_tuner` builds it.
    """

    def __init__(self, artifact: Artifact) -> None:
        if isinstance(artifact.policy, ControllerPolicy):
            raise ArtifactError(
                "a controller does not act by arrays",
                got=artifact.policy.name,
                fix="use damosrl.registry.artifact_tuner",
            )
        self.artifact = artifact
        self.quota_loop = artifact.deployment.quota_loop
        self.frames = artifact.deployment.frames
        self._policy = artifact.policy

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode.

        Raises:
            ArtifactError: The task differs from the one the policy was trained for.
        """
        require_same_spec(self.artifact.spec, spec)
        super().reset(spec, seed)
        self._in_force = None
        if self.artifact.action_kind != "absolute":
            self._in_force = _places_in_force(spec)

    def act(self, observation: Float32Array) -> Float32Array:
        """Return actions ``(..., k)`` for observations ``(..., d)``; it keeps no state."""
        action = self._policy.act(observation)
        if self._in_force is None:
            return action
        in_force = np.nan_to_num(observation[..., self._in_force].astype(np.float64))
        return stepped(self.spec.knobs, in_force, action.astype(np.float64)).astype(np.float32)


def _places_in_force(spec: TaskSpec) -> list[int]:
    try:
        return [spec.observation.index(f"last_{name}") for name in spec.knobs.names]
    except UnknownNameError as error:
        raise ArtifactError(
            "relative actions need the knobs in force among the features",
            got=error,
            fix="train with absolute actions",
        ) from error
