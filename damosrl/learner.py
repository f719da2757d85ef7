"""What trains: the protocol between the experiment layer and learning algorithms.

The experiment layer builds a vector environment and asks a learner to train on it; it knows
neither the algorithm nor its library.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from damosrl.knobs import Float32Array
from damosrl.policy import PolicyNetwork
from damosrl.task import TaskSpec


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far a training has come; given to the progress hook from time to time.

    Args:
        timesteps: Environment steps so far, over all machines.
        timesteps_total: Environment steps asked for.
        wall_s: Wall-clock time of this run so far, seconds.
        reward_mean: Mean reward per step since the last report.
        info_means: Means of the asked-for info entries since the last report.
    """

    timesteps: int
    timesteps_total: int
    wall_s: float
    reward_mean: float
    info_means: Mapping[str, float] = field(default_factory=dict)


ProgressHook = Callable[[TrainingProgress], None]


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What a training run is asked for.

    Args:
        seed: Of everything random; equal seeds give equal weights.
        timesteps: Environment steps in total; None takes the learner's own number.
        progress: Called with every report; what it raises ends the training.
        info_keys: Entries of the environment's infos to average for reports.
        checkpoint_dir: Folder of checkpoints; None writes none.
        checkpoint_every: Environment steps between checkpoints; 0 writes one at the end and
            one when interrupted.
        resume: Continue from the newest checkpoint in the folder, if there is one.
        spec: The task, if actions are positions of its knobs; a learner may start from knobs
            that are known to be good.
    """

    seed: int
    timesteps: int | None = None
    progress: ProgressHook | None = None
    info_keys: tuple[str, ...] = ()
    checkpoint_dir: Path | None = None
    checkpoint_every: int = 0
    resume: bool = False
    spec: TaskSpec | None = None


@runtime_checkable
class Learner(Protocol):
    """Trains a policy on a vector environment.

    ``algorithm`` names what trains; ``timesteps`` is the number of steps taken by default.
    """

    algorithm: str
    timesteps: int

    def train(self, environment: Any, request: TrainingRequest) -> PolicyNetwork:
        """Train and return the policy.

        Args:
            environment: A Stable-Baselines3 ``VecEnv`` with observations ``(N, d)``.
            request: Seed, length, hooks.

        Raises:
            KeyboardInterrupt: The user stopped; a checkpoint has been written.
        """


@runtime_checkable
class Restorable(Protocol):
    """A learner whose trained policy can be had again from the checkpoint of a run."""

    def restored(
        self,
        checkpoint_dir: Path,
        observation_size: int,
        action_size: int,
        choices: tuple[int, ...],
    ) -> Callable[[Float32Array], Float32Array] | None:
        """Return what the newest checkpoint's policy does; None if no checkpoint is kept.

        Args:
            checkpoint_dir: Folder of checkpoints.
            observation_size: Number of features d.
            action_size: Number of knobs k.
            choices: Choices of each knob; empty if the actions are continuous.

        Returns:
            From observations ``(N, d)`` to actions ``(N, k)`` in [-1, 1], deterministically.
        """
