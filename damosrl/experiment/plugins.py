"""Environments, found the way a third party's are: through entry points, never by name."""

from functools import cache
from importlib.metadata import entry_points

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
