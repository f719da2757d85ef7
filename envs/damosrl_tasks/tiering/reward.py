"""What an interval is worth: named, bounded, weighted terms, the same scalar for every tuner."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from damosrl.config import load_choice, typed
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.knobs import FloatArray
from damosrl.machine import GroundTruth, Telemetry
from damosrl_tasks.tiering.counters import Counters
from damosrl_tasks.tiering.features import fast_free_percent


class Interval(NamedTuple):
    """What is known about the interval that just ended, for N machines."""

    telemetry: Telemetry
    grown: Counters
    slow_share: FloatArray
    """Slower nodes' share of observed accesses, smoothed, ``(N,)``."""
    truth: GroundTruth | None


@dataclass(frozen=True)
class Measure:
    """A quantity that a reward can weigh.

    Args:
        of: Computes it, ``(N,)``.
        unit: Its unit.
        sign: -1 for a cost, 1 for a gain.
        meaning: One sentence.
        needs_truth: Whether only the emulator can tell.
    """

    of: Callable[[Interval], FloatArray]
    unit: str
    sign: float
    meaning: str
    needs_truth: bool = False


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


MEASURES: Mapping[str, Measure] = {
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


@dataclass(frozen=True)
class Term:
    """One weighted term: weight x clip((|measure - target| - limit) / scale, 0, 1).

    Args:
        weight: Bound of the term; costs count negative.
        scale: Amount beyond the limit at which the bound is reached.
        limit: Amount that costs (or gains) nothing.
        target: Value at which the measure is perfect.
        measure: What is measured, when not what the term is called.
    """

    weight: float
    scale: float
    limit: float = 0.0
    target: float = 0.0
    measure: str | None = None


@dataclass(frozen=True)
class RewardConfig:
    """A choice of ``conf/reward``.

    Args:
        name: Name of the choice.
        meaning: What it wants, one sentence.
        terms: By name.
        ground_truth: Whether terms may use what no kernel can tell.

    Example:
        >>> reward_config("latency").ground_truth
        True
    """

    name: str
    meaning: str
    terms: dict[str, Term] = field(default_factory=dict)
    ground_truth: bool = False

    def __post_init__(self) -> None:
        if not self.terms:
            raise ConfigError(f"reward {self.name} has no terms", allowed=", ".join(MEASURES))
        for name, term in self.terms.items():
            self._check(name, term)

    def _check(self, name: str, term: Term) -> None:
        measure = term.measure or name
        if measure not in MEASURES:
            raise UnknownNameError(f"measure of reward {self.name}", measure, MEASURES)
        if MEASURES[measure].needs_truth and not self.ground_truth:
            raise ConfigError(
                f"reward term {name} uses what no kernel can tell",
                got="ground_truth: false",
                fix="say ground_truth: true, or leave the term out",
            )
        if not (math.isfinite(term.weight) and term.weight >= 0.0 and term.scale > 0.0):
            raise ConfigError(
                f"reward term {name} is not bounded",
                got=f"weight={term.weight}, scale={term.scale}",
                allowed="weight >= 0, scale > 0",
            )


def reward_config(choice: str | Mapping[str, Any]) -> RewardConfig:
    """Read a choice of ``conf/reward``, or a mapping of the same keys.

    Raises:
        UnknownNameError: No such choice, key or measure; the nearest is named.
        ConfigError: A value is wrong.
    """
    values = load_choice("reward", choice) if isinstance(choice, str) else choice
    return typed(RewardConfig, values, "reward")


def reward_terms(config: RewardConfig, interval: Interval) -> dict[str, FloatArray]:
    """Weigh an interval; what a machine cannot measure (NaN) counts nothing, either way.

    Returns:
        Weighted terms ``(N,)`` by name; the reward is their sum.
    """
    terms: dict[str, FloatArray] = {}
    for name, term in config.terms.items():
        measure = MEASURES[term.measure or name]
        distance = np.abs(measure.of(interval) - term.target)
        share = np.clip((distance - term.limit) / term.scale, 0.0, 1.0)
        share = np.where(np.isnan(distance), 0.0, share)
        terms[name] = measure.sign * term.weight * share
    return terms
