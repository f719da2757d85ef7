"""``damosrl/Acma-v0``, for one host and for many."""

from damosrl.acma.workload import host_workload
from damosrl_envs.acma.kind import KIND, METRICS
from damosrl_envs.loop.env import TaskEnv
from damosrl_envs.loop.vector import TaskVectorEnv


class AcmaEnv(TaskEnv):
    """Scale the guests of one host.

    Example:
        >>> import gymnasium
        >>> env = gymnasium.make("damosrl/Acma-v0", workload="acma_burst", steps=10)
        >>> observation, info = env.reset(seed=1)
        >>> observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    """

    kind = KIND


class AcmaVectorEnv(TaskVectorEnv):
    """Scale the guests of many hosts.

    Example:
        >>> import gymnasium
        >>> envs = gymnasium.make_vec("damosrl/Acma-v0", num_envs=4)
        >>> observations, infos = envs.reset(seed=1)
    """

    kind = KIND
    metrics = METRICS
    workload_source = staticmethod(host_workload)
