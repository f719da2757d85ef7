"""The vector environment as Stable-Baselines3 wants it."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array, FloatArray
from damosrl.metrics import number_of
from damosrl_envs.loop.vector import TaskVectorEnv

Indices = int | Iterable[int] | None


class TaskVecEnv(VecEnv):
    """A `TaskVectorEnv` behind SB3's interface, episode statistics included.

    Every info carries ``info_keys``; at the end of an episode also ``terminal_observation``,
    ``TimeLimit.truncated`` and ``episode`` (return ``r``, length ``l``).

    Args:
        envs: The environment; it must begin ended episodes itself.
        info_keys: Numbers of the info to hand on.

    Raises:
        ConfigError: The environment does not begin ended episodes itself.

    Example:
        >>> from damosrl_envs.tiering.env import TieringVectorEnv
        >>> envs = TaskVecEnv(TieringVectorEnv(num_envs=8, workload="zipf"))
        >>> observations = envs.reset()
    """

    def __init__(self, envs: TaskVectorEnv, info_keys: Sequence[str] = ()) -> None:
        if envs.metadata["autoreset_mode"] is not AutoresetMode.SAME_STEP:
            raise ConfigError(
                "SB3 needs an environment that begins ended episodes itself",
                got=str(envs.metadata["autoreset_mode"]),
                fix="leave out autoreset=disabled",
            )
        self.envs = envs
        self._info_keys = tuple(info_keys)
        self._actions: NDArray[Any] = np.zeros(0)
        self._returns = np.zeros(envs.num_envs)
        self._lengths = np.zeros(envs.num_envs, dtype=np.int64)
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> Float32Array:
        """Begin episodes, with the seeds given to `seed` if any."""
        options = self._options[0] if self._options and self._options[0] else None
        seeds = self._seeds if any(seed is not None for seed in self._seeds) else None
        observation, infos = self.envs.reset(seed=seeds, options=options)
        self.reset_infos = [
            {name: infos[name][index] for name in ("workload", "family")}
            for index in range(self.num_envs)
        ]
        self._returns[:], self._lengths[:] = 0.0, 0
        self._reset_seeds()
        self._reset_options()
        return observation

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[Float32Array, FloatArray, NDArray[np.bool_], list[dict[str, Any]]]:
        """Step all machines.

        Raises:
            UnknownNameError: The info lacks a number that is to be handed on.
        """
        observation, reward, _, ended, info = self.envs.step(self._actions)
        self._returns += reward
        self._lengths += 1
        columns = [number_of(info, key).tolist() for key in self._info_keys]
        rows = zip(*columns, strict=True) if columns else [()] * self.num_envs
        infos = [dict(zip(self._info_keys, row, strict=True)) for row in rows]
        for index in np.flatnonzero(ended):
            infos[index] |= {
                "terminal_observation": info["final_obs"][index],
                "TimeLimit.truncated": True,
                "episode": {"r": float(self._returns[index]), "l": int(self._lengths[index])},
            }
            self._returns[index], self._lengths[index] = 0.0, 0
        return observation, reward.astype(np.float32), ended, infos

    def close(self) -> None:
        """Close the environment."""
        self.envs.close()

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """Return an attribute of the batch, once per asked machine."""
        value = getattr(self.envs, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Set an attribute of the batch; machines cannot differ."""
        del indices
        setattr(self.envs, attr_name, value)

    def env_method(
        self, method_name: str, *args: Any, indices: Indices = None, **kwargs: Any
    ) -> list[Any]:
        """Call a method of the batch once; its result is given per asked machine."""
        result = getattr(self.envs, method_name)(*args, **kwargs)
        return [result for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Indices = None) -> list[bool]:
        """Say that no machine is wrapped: statistics are kept here, as a Monitor would."""
        from stable_baselines3.common.monitor import Monitor  # noqa: PLC0415  only when asked

        return [wrapper_class is Monitor for _ in self._get_indices(indices)]
