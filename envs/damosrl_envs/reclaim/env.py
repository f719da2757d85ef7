"""``damosrl/Reclaim-v0``, for one machine and for many."""

from damosrl_envs.loop.env import TaskEnv
from damosrl_envs.loop.vector import TaskVectorEnv
from damosrl_envs.reclaim.kind import KIND, METRICS


class ReclaimEnv(TaskEnv):
    """Tune the proactive reclaim of one machine, emulated or real.

    Example:
        >>> import gymnasium
        >>> env = gymnasium.make("damosrl/Reclaim-v0", workload="cold_tail", steps=10)
        >>> observation, info = env.reset(seed=1)
        >>> observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        >>> "multiplier" in info
        True
    """

    kind = KIND


class ReclaimVectorEnv(TaskVectorEnv):
    """Tune the proactive reclaim of many machines.

    Example:
        >>> import gymnasium
        >>> envs = gymnasium.make_vec("damosrl/Reclaim-v0", num_envs=4, workload="cold_tail")
        >>> observations, infos = envs.reset(seed=1)
    """

    kind = KIND
    metrics = METRICS
