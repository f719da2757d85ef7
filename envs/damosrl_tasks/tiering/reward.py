"""What tiering can weigh, for `damosrl_tasks.reward`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from damosrl.errors import ConfigError
from damosrl.knobs import FloatArray
from damosrl.machine import GroundTruth, Telemetry
from damosrl_tasks.reward import Measure, RewardConfig, read_reward
from damosrl_tasks.tiering.counters import Counters
from damosrl_tasks.tiering.features import fast_free_percent


class Interval(NamedTuple):
    """What is known about the interval that just ended, for N machines."""

    telemetry: Telemetry
    grown: Counters
    slow_share: FloatArray
    """Slower nodes' share of observed accesses, smoothed, ``(N,)``."""
    truth: GroundTruth | None


def _slowdown(interval: Interval) -> FloatArray:
    truth = interval.truth
    if truth is None:
        raise ConfigError(
            "the reward term slowdown needs ground truth",
            got="a machine without it",
            fix="train on an emulated machine, or use reward=psi or reward=kernel_goal",
        )
    stalled = np.isnan(truth.slowdown)  # not one access was served: as slow as can be
    return np.log(np.maximum(np.where(stalled, np.inf, truth.slowdown), 1.0))


def _per_second(values: FloatArray, interval: Interval) -> FloatArray:
    return values / np.maximum(interval.grown.time_s, 1e-9)


def _migration(interval: Interval) -> FloatArray:
    grown = interval.grown
    return _per_second(grown.promoted_bytes + grown.demoted_bytes, interval)


MEASURES: Mapping[str, Measure[Interval]] = {
    "slowdown": Measure(
        _slowdown, "ln ratio", -1.0, "Logarithm of time per access over all-fast.", True
    ),
    "slow_accesses": Measure(
        lambda interval: interval.slow_share,
        "ratio",
        -1.0,
        "Share of observed accesses on slower nodes.",
    ),
    "pressure": Measure(
        lambda interval: _per_second(interval.grown.psi_some_us, interval) / 1e4,
        "%",
        -1.0,
        "Share of time in which some task stalled for memory.",
    ),
    "migration": Measure(_migration, "bytes/s", -1.0, "Bytes moved between nodes."),
    "returned": Measure(
        lambda interval: _per_second(interval.grown.returned_bytes, interval),
        "bytes/s",
        -1.0,
        "Bytes moved back soon after.",
    ),
    "monitor_cpu": Measure(
        lambda interval: _per_second(interval.grown.kdamond_cpu_us, interval) / 1e4,
        "%",
        -1.0,
        "CPU time of the kdamonds, of one core.",
    ),
    "free_error": Measure(
        lambda interval: fast_free_percent(interval.telemetry),
        "%",
        -1.0,
        "Distance of the fast tier's free share from the target.",
    ),
    "fast_saved": Measure(
        lambda interval: fast_free_percent(interval.telemetry),
        "%",
        1.0,
        "Free share of the fast tier: memory that need not be bought.",
    ),
}


def reward_config(choice: str | Mapping[str, Any]) -> RewardConfig:
    """Read a choice of ``conf/reward`` for tiering; errors as of `read_reward`.

    Example:
        >>> reward_config("latency").ground_truth
        True
    """
    return read_reward(choice, MEASURES)
