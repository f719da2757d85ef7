"""`damosrl env describe`: the task in words, from the code that runs."""

from collections.abc import Sequence
from typing import Any

from damosrl.config import typed
from damosrl.experiment.compose import compose
from damosrl.experiment.rollout import make_environments
from damosrl.experiment.settings import CompareSettings, world_of


def describe_environment(words: Sequence[str]) -> str:
    """Return tables of knobs, features and reward terms.

    Args:
        words: Settings as of `damosrl compare`; task, reward, machine and safety matter.

    Raises:
        ConfigError: A setting is wrong.
    """
    settings = typed(CompareSettings, compose("compare", words), "compare")
    env = make_environments(
        world_of(settings), 1, settings.workloads[0], steps=1, autoreset="disabled"
    )
    inner: Any = env.unwrapped
    text: str = inner.describe()
    return text
