"""What the ACMA task is told: one choice of ``conf/task``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from damosrl.config import read_choice
from damosrl.errors import ConfigError
from damosrl.task import ActionKind

Control = Literal["parameters", "quotas"]


@dataclass(frozen=True)
class AcmaConfig:
    """Timing, and what may be turned.

    Args:
        name: Name of the choice.
        env: The environment it is for.
        decision_interval_s: Time between decisions, whole seconds: the schemes' quota window.
        action: ``absolute`` knob positions, ``relative`` steps of at most a factor of 2, or
            ``discrete`` {down, keep, up} of that size.
        control: ``parameters``: minimum, maximum and pressure target, and ACMA's own loop sets the
            quotas; ``quotas``: minimum, maximum and the time quotas of the three schemes.
        rivals: Whether balloon, hotplug, compaction, page reporting and plain reclaim can be
            turned too. Without, page reporting is on and the others are off.
        usual: What runs take with this task; read where settings are composed.

    Example:
        >>> AcmaConfig(control="quotas").decision_interval_s
        1.0
    """

    name: str = "acma"
    env: str = "damosrl/Acma-v0"
    decision_interval_s: float = 1.0
    action: ActionKind = "absolute"
    control: Control = "parameters"
    rivals: bool = True
    usual: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        seconds = self.decision_interval_s
        if not (1.0 <= seconds <= 3600.0 and seconds == round(seconds)):
            raise ConfigError(
                "task decision_interval_s is wrong", got=seconds, allowed="whole seconds, 1 .. 3600"
            )


def acma_config(choice: str | Mapping[str, Any]) -> AcmaConfig:
    """Read a choice of ``conf/task``, the path of a YAML, or a mapping of the same keys.

    Raises:
        UnknownNameError: No such choice or key; the nearest is named.
        ConfigError: A value is wrong.
    """
    return read_choice(AcmaConfig, "task", choice)
