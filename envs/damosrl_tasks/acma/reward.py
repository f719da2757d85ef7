"""What an interval of auto-scaling can be judged by, and what a server's work costs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from damosrl.acma.state import MEMORY_SHARE
from damosrl.knobs import FloatArray
from damosrl_tasks.acma.interval import Interval
from damosrl_tasks.reward import Measure, RewardConfig, read_reward

LOST_WORK_S = 100.0
"""Work that is lost with memory that a program asks for and does not get: it is killed, and does
again what it did since its last safe point."""


def work_cost(interval: Interval) -> FloatArray:
    """Return the cost per unit of work, ``(N,)``; 1 is all memory held and no time lost.

    (1 - m + m * held share) * (slowdown + w * failed share per second), m = 0.5 being memory's
    share of what a server costs and w = 100 s of lost work. Both are judgement: docs/acma.md.
    """
    lost = LOST_WORK_S * interval.failed_ratio / interval.seconds
    return (1.0 - MEMORY_SHARE + MEMORY_SHARE * interval.share("held_bytes")) * (
        interval.slowdown + lost
    )


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
