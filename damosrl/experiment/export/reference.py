"""What an exported policy is compared with: the one that was trained, if it is still there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from damosrl.artifact import Artifact
from damosrl.export.observations import probe_observations
from damosrl.export.parity import Actor, Parity, action_difference, largest_difference
from damosrl.knobs import Float32Array
from damosrl.learner import Restorable
from damosrl.policy import ControllerPolicy, PolicyNetwork
from damosrl.registry import Agent, make_learner, make_tuner
from damosrl.task import TaskSpec

SEED = 20_260_102
"""Of the observations that are compared on."""


@dataclass(frozen=True)
class Reference:
    """A policy that exports are held to.

    Args:
        name: What it is.
        act: What it does, before steps are added to positions.
    """

    name: str
    act: Actor

    def parity(self, artifact: Artifact, other: Actor) -> Parity:
        """Compare another form of the policy with this one, on 10,000 observations.

        Args:
            artifact: The policy that both are forms of.
            other: The other form.
        """
        generator = np.random.default_rng(SEED)
        seen = probe_observations(len(artifact.spec.observation), generator)
        ours, theirs = self.act(seen), other(seen)
        if isinstance(artifact.policy, PolicyNetwork):
            largest = action_difference(artifact.policy, seen, ours, theirs)
        else:
            largest = largest_difference(ours, theirs)
        return Parity(self.name, len(seen), largest)


def own_reference(artifact: Artifact, agent: Agent | None = None) -> Reference:
    """Return the policy of an artifact itself, or the tuner that a controller was made from."""
    if isinstance(artifact.policy, ControllerPolicy):
        return Reference(
            f"the tuner {artifact.policy.name}", played(agent or artifact, artifact.spec)
        )
    return Reference("the artifact", artifact.policy.act)


def trained_reference(artifact: Artifact, agent: Mapping[str, Any], checkpoints: Path) -> Reference:
    """Return the policy that was trained; where no checkpoint of it is kept, the artifact's.

    Raises:
        RunFolderError: There is a checkpoint, and it cannot be used.
    """
    learner = make_learner(agent)
    network = artifact.policy
    if isinstance(learner, Restorable) and isinstance(network, PolicyNetwork):
        act = learner.restored(
            checkpoints, network.observation_size, network.action_size, network.choices
        )
        if act is not None:
            return Reference(f"the {artifact.algorithm} model of the last checkpoint", act)
    return own_reference(artifact)


def played(agent: Agent, spec: TaskSpec) -> Actor:
    """Return what a tuner does with observations that come one after the other."""

    def act(observations: Float32Array) -> Float32Array:
        tuner = make_tuner(agent)
        tuner.reset(spec, SEED)
        return np.stack([tuner.act(row) for row in observations])

    return act
