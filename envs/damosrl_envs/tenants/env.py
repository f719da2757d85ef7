"""``damosrl/Tenants-v0``, for one machine and for many."""

from damosrl.metrics import TaskMetrics
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

    def _all_metrics(self) -> TaskMetrics:
        names = tenants_config(self._loop.settings.task).tenants
        return with_tenants(with_nodes(self.metrics, 2), names)
