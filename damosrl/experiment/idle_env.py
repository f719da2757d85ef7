"""An environment that does nothing: what training costs when the world costs nothing."""

from typing import Any

import numpy as np
from gymnasium import Space
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from damosrl.knobs import Float32Array


class IdleVecEnv(VecEnv):
    """Constant observations and rewards, episodes without end.

    Args:
        num_envs: Machines pretended.
        observation_space: Of one machine.
        action_space: Of one machine.
    """

    def __init__(
        self, num_envs: int, observation_space: Space[Any], action_space: Space[Any]
    ) -> None:
        self.render_mode = None
        super().__init__(num_envs, observation_space, action_space)
        shape = (num_envs, *(observation_space.shape or ()))
        self._observation: Float32Array = np.zeros(shape, dtype=np.float32)
        self._reward = np.zeros(num_envs, dtype=np.float32)
        self._done = np.zeros(num_envs, dtype=np.bool_)

    def reset(self) -> Float32Array:
        """Return the constant observation."""
        return self._observation

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take no notice of the actions."""

    def step_wait(
        self,
    ) -> tuple[Float32Array, Float32Array, NDArray[np.bool_], list[dict[str, Any]]]:
        """Return constants."""
        return self._observation, self._reward, self._done, [{} for _ in range(self.num_envs)]

    def close(self) -> None:
        """Hold nothing that must be closed."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute of this object, once per asked machine."""
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of this object."""
        del indices
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        """Call a method of this object once."""
        result = getattr(self, method_name)(*args, **kwargs)
        return [result for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """Say that nothing is wrapped."""
        del wrapper_class
        return [False for _ in self._get_indices(indices)]
