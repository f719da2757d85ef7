"""``damosrl/Attack-v0``, for one machine and for many."""

from damosrl_envs.attack.kind import KIND, METRICS
from damosrl_envs.loop.env import TaskEnv
from damosrl_envs.loop.vector import TaskVectorEnv


class AttackEnv(TaskEnv):
    """Attack the tuner of one emulated machine.

    Example:
        >>> import gymnasium
        >>> env = gymnasium.make("damosrl/Attack-v0", task={"tuner": "consist"}, steps=4)
        >>> observation, info = env.reset(seed=1)
        >>> observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    """

    kind = KIND


class AttackVectorEnv(TaskVectorEnv):
    """Attack the tuners of many emulated machines.

    Example:
        >>> import gymnasium
        >>> envs = gymnasium.make_vec("damosrl/Attack-v0", num_envs=4, task={"tuner": "pi"})
        >>> observations, infos = envs.reset(seed=1)
    """

    kind = KIND
    metrics = METRICS
