"""What an attacker can weigh, for `damosrl_tasks.reward`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from damosrl_tasks.attack.telemetry import AttackTelemetry
from damosrl_tasks.reward import Measure, RewardConfig, read_reward

MEASURES: Mapping[str, Measure[AttackTelemetry]] = {
    "harm": Measure(
        lambda seen: np.maximum(seen.harm, 0.0),
        "ratio",
        1.0,
        "Slowdown of the tuner above that of doing nothing.",
        needs_truth=True,
    ),
    "help": Measure(
        lambda seen: np.maximum(-seen.harm, 0.0),
        "ratio",
        -1.0,
        "Slowdown of the tuner below that of doing nothing.",
        needs_truth=True,
    ),
}


def reward_config(choice: str | Mapping[str, Any]) -> RewardConfig:
    """Read a choice of ``conf/reward`` for an attacker; errors as of `read_reward`.

    Example:
        >>> reward_config("attack").ground_truth
        True
    """
    return read_reward(choice, MEASURES)
