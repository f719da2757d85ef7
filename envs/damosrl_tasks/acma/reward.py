"""What an interval of auto-scaling can be judged by, and what a server's work costs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from damosrl.acma.state import MEMORY_SHARE
from damosrl.knobs import FloatArray
from damosrl_tasks.acma.interval import Interval
from damosrl_tasks.reward import Measure, RewardConfig, read_reward

FAILED_WEIGHT = 10.0
"""Cost of memory that a program asked for and did not get, per byte of memory held."""


def work_cost(interval: Interval) -> FloatArray:
    """Return the cost per unit of work, ``(N,)``; 1 is all memory held and no time lost.

    (1 - m + m * (held share + w * failed share)) * slowdown, m = 0.5 being memory's share of what
    a server costs and w = 10 the weight of a failed request. Both are judgement: docs/acma.md.
    """
    held = interval.share("held_bytes") + FAILED_WEIGHT * interval.failed_ratio
    return (1.0 - MEMORY_SHARE + MEMORY_SHARE * held) * interval.slowdown


MEASURES: Mapping[str, Measure[Interval]] = {
    "saved": Measure(
        lambda interval: 100.0 * (1.0 - interval.share("held_bytes")),
        "%",
        1.0,
        "Memory that guests believe to have and the host does not hold.",
    ),
    "slowdown": Measure(
        lambda interval: np.log(np.maximum(interval.slowdown, 1.0)),
        "ln ratio",
        -1.0,
        "Logarithm of the guests' mean slowdown.",
        needs_truth=True,
    ),
    "pressure": Measure(
        lambda interval: 100.0 * interval.pressure_ratio.max(axis=1),
        "%",
        -1.0,
        "Memory pressure of the guest that suffers most.",
    ),
    "broken": Measure(
        lambda interval: 100.0 * interval.now.gauges.broken_ratio.mean(axis=1),
        "%",
        -1.0,
        "Free and given memory in pieces below 2 MiB: lost contiguity.",
    ),
    "failed": Measure(
        lambda interval: 100.0 * interval.failed_ratio,
        "%",
        -1.0,
        "Memory asked for and not got.",
    ),
    "cma_failed": Measure(
        lambda interval: interval.total("cma_requests") - interval.total("cma_served"),
        "requests",
        -1.0,
        "Contiguous requests that failed.",
    ),
}


def reward_config(choice: str | Mapping[str, Any]) -> RewardConfig:
    """Read a choice of ``conf/reward`` for this task.

    Raises:
        UnknownNameError: No such choice, key or measure; the nearest is named.
        ConfigError: A value is wrong.
    """
    return read_reward(choice, MEASURES)
