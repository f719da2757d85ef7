"""``damosrl/Tiering-v0``, for one machine and for many."""

from typing import Any, Literal

from damosrl_envs.loop.env import TaskEnv
from damosrl_envs.loop.vector import TaskVectorEnv
from damosrl_envs.tiering.kind import KIND, METRICS, with_nodes


class TieringEnv(TaskEnv):
    """Tune the tiering of one machine, emulated or real.

    Example:
        >>> import gymnasium
        >>> env = gymnasium.make("damosrl/Tiering-v0", workload="static_hot", steps=10)
        >>> observation, info = env.reset(seed=1)
        >>> observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    """

    kind = KIND


class TieringVectorEnv(TaskVectorEnv):
    """Tune the tiering of many machines.

    Example:
        >>> import gymnasium
        >>> envs = gymnasium.make_vec("damosrl/Tiering-v0", num_envs=4, workload="zipf")
        >>> observations, infos = envs.reset(seed=1)
    """

    kind = KIND
    metrics = METRICS

    def __init__(
        self,
        num_envs: int = 1,
        autoreset: Literal["same_step", "disabled"] = "same_step",
        render_mode: None = None,
        **settings: Any,
    ) -> None:
        super().__init__(num_envs, autoreset, render_mode, **settings)
        template = self._loop.task.template
        self.metrics = with_nodes(METRICS, len(template.kdamonds) if template else 0)
