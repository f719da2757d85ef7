"""``damosrl/Tenants-v0``, for one machine and for many."""

from typing import Any, Literal

from damosrl_envs.loop.env import TaskEnv
from damosrl_envs.loop.vector import TaskVectorEnv
from damosrl_envs.tenants.kind import KIND, METRICS, with_tenants
from damosrl_envs.tiering.kind import with_nodes
from damosrl_tasks.tenants.config import tenants_config


class TenantsEnv(TaskEnv):
    """Tune the tiering of one machine with several tenants, emulated or real.

    Example:
        >>> import gymnasium
        >>> env = gymnasium.make("damosrl/Tenants-v0", workload="tenants_equal", steps=10)
        >>> observation, info = env.reset(seed=1)
        >>> observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    """

    kind = KIND


class TenantsVectorEnv(TaskVectorEnv):
    """Tune the tiering of many machines with several tenants each.

    Example:
        >>> import gymnasium
        >>> envs = gymnasium.make_vec("damosrl/Tenants-v0", num_envs=4, workload="tenants_mix")
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
        names = tenants_config(KIND.settings(settings).task).tenants
        self.metrics = with_tenants(with_nodes(METRICS, 2), names)
