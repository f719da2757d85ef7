"""What reclaim can weigh, for `damosrl_tasks.reward`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from damosrl.errors import ConfigError
from damosrl.knobs import FloatArray
from damosrl.machine import GroundTruth, Telemetry
from damosrl_tasks.reclaim.counters import Counters
from damosrl_tasks.reclaim.swap import holdings
from damosrl_tasks.reward import Measure, RewardConfig, read_reward


class Interval(NamedTuple):
    """What is known about the interval that just ended, for N machines."""

    telemetry: Telemetry
    grown: Counters
    truth: GroundTruth | None


def _slowdown(interval: Interval) -> FloatArray:
    truth = interval.truth
    if truth is None:
        raise ConfigError(
            "the reward measure slowdown needs ground truth",
            got="a machine without it",
            fix="train on an emulated machine, or use reward=reclaim_psi",
        )
    stalled = np.isnan(truth.slowdown)  # not one access was served: as slow as can be
    return np.maximum(np.where(stalled, np.inf, truth.slowdown), 1.0) - 1.0


def _per_second(values: FloatArray, interval: Interval) -> FloatArray:
    return values / np.maximum(interval.grown.time_s, 1e-9)


MEASURES: Mapping[str, Measure[Interval]] = {
    "saved": Measure(
        lambda interval: holdings(interval.telemetry).saved_ratio,
        "ratio",
        1.0,
        "Swapped bytes less the pool of their copies, of all memory in use.",
    ),
    "slowdown": Measure(
        _slowdown, "ratio", -1.0, "Time per access over all-resident memory, less 1.", True
    ),
    "pressure": Measure(
        lambda interval: _per_second(interval.grown.psi_some_us, interval) / 1e4,
        "%",
        -1.0,
        "Share of time in which some task stalled for memory.",
    ),
    "swap_in": Measure(
        lambda interval: _per_second(interval.grown.swapped_in_bytes, interval),
        "bytes/s",
        -1.0,
        "Bytes that faults brought back.",
    ),
    "refaults": Measure(
        lambda interval: _per_second(interval.grown.refaulted_bytes, interval),
        "bytes/s",
        -1.0,
        "Bytes that came back soon after they had gone out.",
    ),
    "monitor_cpu": Measure(
        lambda interval: _per_second(interval.grown.kdamond_cpu_us, interval) / 1e4,
        "%",
        -1.0,
        "CPU time of the kdamond, of one core.",
    ),
}


def reward_config(choice: str | Mapping[str, Any]) -> RewardConfig:
    """Read a choice of ``conf/reward`` for reclaim; errors as of `read_reward`.

    Example:
        >>> reward_config("reclaim_tco").bound.measure
        'slowdown'
    """
    return read_reward(choice, MEASURES)
