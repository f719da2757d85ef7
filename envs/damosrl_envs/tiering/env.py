"""``damosrl/Tiering-v0``, for one machine and for many."""

from damosrl.metrics import TaskMetrics
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

    def _all_metrics(self) -> TaskMetrics:
        template = self._loop.task.template
        return with_nodes(self.metrics, len(template.kdamonds) if template else 0)
