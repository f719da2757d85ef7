"""What the attacker's task is told: one choice of ``conf/task``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from damosrl.config import read_choice
from damosrl.errors import ConfigError
from damosrl.task import ActionKind


@dataclass(frozen=True)
class AttackConfig:
    """Who is attacked, and how far heat may move.

    Args:
        name: Name of the choice.
        env: The environment that this task is for, by Gymnasium's id.
        usual: Choices that commands take with this task where none are given; not read here.
        decision_interval_s: Time between two moves of the attacker: the budget's "how often".
        largest_move_share: How far the heat may move at once, as part of the address space, which
            closes to a ring; half of it is anywhere.
        action: Form of the attacker's action.
        tuner: Who is attacked: a name of conf/agent, a YAML or an artifact.
        tuner_task: Task of that tuner, a choice of conf/task.
        tuner_safety: Limits that it works under, a choice of conf/safety.

    Example:
        >>> AttackConfig(tuner="consist").decision_interval_s
        5.0
    """

    name: str = "attack"
    env: str = "damosrl/Attack-v0"
    usual: dict[str, Any] = field(default_factory=dict)
    decision_interval_s: float = 5.0
    largest_move_share: float = 0.5
    action: ActionKind = "absolute"
    tuner: str = "pi"
    tuner_task: str = "tiering"
    tuner_safety: str | dict[str, Any] = "default"

    def __post_init__(self) -> None:
        for key, value, high in (
            ("decision_interval_s", self.decision_interval_s, 3600.0),
            ("largest_move_share", self.largest_move_share, 0.5),
        ):
            if not 0.0 < value <= high:
                raise ConfigError(
                    f"the attack's budget is out of range: task {key}",
                    got=value,
                    allowed=f"above 0, up to {high:g}",
                    fix="an attacker that may change nothing needs no search",
                )


def attack_config(choice: str | Mapping[str, Any]) -> AttackConfig:
    """Read a choice of ``conf/task``, the path of a YAML, or a mapping of the same keys.

    Raises:
        UnknownNameError: No such choice or key; the nearest is named.
        ConfigError: A value is wrong.
    """
    return read_choice(AttackConfig, "task", choice)
