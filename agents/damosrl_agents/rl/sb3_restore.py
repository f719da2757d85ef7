"""A checkpoint's policy, acting deterministically, without the environment it was trained on.

Only arrays are read from the checkpoint: its pickled parts are left alone, and what they would
say (spaces, architecture) is built anew from the configuration.
"""

from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import load_from_zip_file
from stable_baselines3.common.vec_env import DummyVecEnv

from damosrl.errors import RunFolderError
from damosrl.knobs import Float32Array
from damosrl_agents.rl.checkpoints import saved_statistics

Policy = Callable[[Float32Array], Float32Array]


class SpacesOnly(gymnasium.Env[Float32Array, Any]):
    """The spaces of a task that is never played; algorithms ask their environment for them.

    Args:
        observation_size: Number of features d.
        action_size: Number of knobs k.
        choices: Choices of each knob; empty if the actions are continuous.
    """

    def __init__(self, observation_size: int, action_size: int, choices: tuple[int, ...]) -> None:
        self.observation_space = spaces.Box(-1.0, 1.0, (observation_size,), np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (action_size,), np.float32)
        if choices:
            self.action_space = spaces.MultiDiscrete(list(choices))


def set_up(model: BaseAlgorithm, environment: SpacesOnly) -> None:
    """Make the networks of a model that was built without an environment."""
    model.env = DummyVecEnv([lambda: environment])
    model.n_envs = 1
    model.observation_space = environment.observation_space
    model.action_space = environment.action_space
    model._setup_model()  # noqa: SLF001  as `BaseAlgorithm.load` does


def load_weights(model: BaseAlgorithm, checkpoint: Path) -> None:
    """Give a model the weights of a checkpoint.

    Raises:
        RunFolderError: The checkpoint cannot be read or is of another architecture.
    """
    try:
        _, parameters, _ = load_from_zip_file(checkpoint, device="cpu", load_data=False)
        model.set_parameters(parameters, exact_match=True, device="cpu")
    except (OSError, ValueError, KeyError, RuntimeError, UnpicklingError) as error:
        raise RunFolderError(
            f"{checkpoint} does not fit the run's configuration",
            got=error,
            fix="delete the checkpoints to compare with the artifact alone",
        ) from error


def acting(model: BaseAlgorithm, checkpoint: Path) -> Policy:
    """Return what a model does, deterministically, as actions ``(N, k)`` in [-1, 1].

    A feature that is NaN counts as 0, as everywhere: in training the environment never gives one.

    Args:
        model: With its weights.
        checkpoint: Beside it lie the statistics of a normalised environment, if it was one.

    Raises:
        RunFolderError: The statistics cannot be read.
    """
    statistics = saved_statistics(checkpoint)

    def act(observations: Float32Array) -> Float32Array:
        values = np.nan_to_num(observations, nan=0.0)
        if statistics is not None:
            values = statistics.normalised(values)
        chosen, _ = model.predict(values, deterministic=True)
        return _normalised(model.action_space, chosen)

    return act


def _normalised(space: spaces.Space[Any], chosen: Any) -> Float32Array:
    if isinstance(space, spaces.MultiDiscrete):
        places: Float32Array = (-1.0 + 2.0 * chosen / (space.nvec - 1)).astype(np.float32)
        return places
    actions: Float32Array = np.asarray(chosen, dtype=np.float32)
    return actions
