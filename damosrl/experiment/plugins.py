"""Environments, found the way a third party's are: through entry points, never by name."""

from functools import cache
from importlib.metadata import entry_points
from typing import Any, Protocol

import gymnasium
from gymnasium.envs.registration import load_env_creator
from gymnasium.error import Error as GymnasiumError

from damosrl.emulator.workload.source import workload_source
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
    creator = _vector_class(environment)
    metrics = getattr(creator, "metrics", None)
    if not isinstance(metrics, TaskMetrics):
        raise ConfigError(
            f"environment {environment} says not what it measures",
            allowed="a vector environment class with metrics: damosrl.metrics.TaskMetrics",
        )
    return metrics


class NamedSource(Protocol):
    """What tables must know of a workload."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def families(self) -> frozenset[str]:
        """All families that can be drawn."""


def task_workload(environment: str, choice: Any) -> NamedSource:
    """Read a workload as an environment does: by its class' ``workload_source``, if it has one.

    Raises:
        DamosrlError: There is no such workload, or it cannot be used.

    Example:
        >>> task_workload("damosrl/Tiering-v0", "zipf").name
        'zipf'
    """
    read = getattr(_vector_class(environment), "workload_source", workload_source)
    source: NamedSource = read(choice)
    return source


def _vector_class(environment: str) -> Any:
    load_environments()
    try:
        entry: Any = gymnasium.spec(environment).vector_entry_point
    except GymnasiumError:
        ours = [name for name in gymnasium.registry if "/" in name]
        raise UnknownNameError("environment", environment, ours) from None
    return load_env_creator(entry) if isinstance(entry, str) else entry
