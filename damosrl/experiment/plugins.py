"""Environments, found the way a third party's are: through entry points, never by name."""

from functools import cache
from importlib.metadata import entry_points
from typing import Any

import gymnasium
from gymnasium.envs.registration import load_env_creator
from gymnasium.error import Error as GymnasiumError

from damosrl.errors import ConfigError, UnknownNameError
from damosrl.metrics import TaskMetrics

ENVIRONMENT_GROUP = "damosrl.envs"


@cache
def load_environments() -> None:
    """Import every package that registers environments, so that their ids can be made.

    Example:
        >>> import gymnasium
        >>> load_environments()
        >>> "damosrl/Tiering-v0" in gymnasium.registry
        True
    """
    for point in entry_points(group=ENVIRONMENT_GROUP):
        point.load()


def task_metrics(environment: str) -> TaskMetrics:
    """Return what an environment measures: the ``metrics`` of its vector environment's class.

    Raises:
        UnknownNameError: There is no such environment; the nearest is named.
        ConfigError: It is none that runs can use.

    Example:
        >>> task_metrics("damosrl/Tiering-v0").cost
        'slowdown_mean_ratio'
    """
    load_environments()
    try:
        entry: Any = gymnasium.spec(environment).vector_entry_point
    except GymnasiumError:
        ours = [name for name in gymnasium.registry if "/" in name]
        raise UnknownNameError("environment", environment, ours) from None
    creator: Any = load_env_creator(entry) if isinstance(entry, str) else entry
    metrics = getattr(creator, "metrics", None)
    if not isinstance(metrics, TaskMetrics):
        raise ConfigError(
            f"environment {environment} says not what it measures",
            allowed="a vector environment class with metrics: damosrl.metrics.TaskMetrics",
        )
    return metrics
