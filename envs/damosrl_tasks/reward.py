"""What an interval is worth: named, bounded, weighted terms, the same scalar for every tuner.

A task brings its measures; which of them count, and how much, is a choice of ``conf/reward``.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from damosrl.config import read_choice
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.knobs import FloatArray
from damosrl_tasks.bound import Bound, Multiplier

IntervalT = TypeVar("IntervalT")
"""What a task knows about the interval that just ended, for N machines."""


@dataclass(frozen=True)
class Measure(Generic[IntervalT]):
    """A quantity that a reward can weigh.

    Args:
        of: Computes it, ``(N,)``.
        unit: Its unit.
        sign: -1 for a cost, 1 for a gain.
        meaning: One sentence.
        needs_truth: Whether only the emulator can tell.
    """

    of: Callable[[IntervalT], FloatArray]
    unit: str
    sign: float
    meaning: str
    needs_truth: bool = False


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
        bound: A measure held under a limit by a multiplier.
    """

    name: str
    meaning: str
    terms: dict[str, Term] = field(default_factory=dict)
    ground_truth: bool = False
    bound: Bound | None = None

    def __post_init__(self) -> None:
        for name, term in self.terms.items():
            if not (math.isfinite(term.weight) and term.weight >= 0.0 and term.scale > 0.0):
                raise ConfigError(
                    f"reward term {name} is not bounded",
                    got=f"weight={term.weight}, scale={term.scale}",
                    allowed="weight >= 0, scale > 0",
                )


def read_reward(
    choice: str | Mapping[str, Any], measures: Mapping[str, Measure[Any]]
) -> RewardConfig:
    """Read a choice of ``conf/reward``, a YAML or a mapping of the same keys, for a task.

    Raises:
        UnknownNameError: No such choice, key or measure; the nearest is named.
        ConfigError: A value is wrong.
    """
    config = read_choice(RewardConfig, "reward", choice)
    if not config.terms:
        raise ConfigError(f"reward {config.name} has no terms", allowed=", ".join(measures))
    for name, term in config.terms.items():
        _check(config, name, term.measure or name, measures)
    if config.bound is not None:
        _check(config, "bound", config.bound.measure, measures)
    return config


def _check(
    config: RewardConfig, name: str, measure: str, measures: Mapping[str, Measure[Any]]
) -> None:
    if measure not in measures:
        raise UnknownNameError(f"measure of reward {config.name}", measure, measures)
    if measures[measure].needs_truth and not config.ground_truth:
        raise ConfigError(
            f"reward term {name} uses what no kernel can tell",
            got="ground_truth: false",
            fix="say ground_truth: true, or leave the term out",
        )


def weigh(
    config: RewardConfig, measures: Mapping[str, Measure[IntervalT]], interval: IntervalT
) -> dict[str, FloatArray]:
    """Weigh an interval; what a machine cannot measure (NaN) counts nothing, either way.

    Returns:
        Weighted terms ``(N,)`` by name; the reward is their sum.
    """
    terms: dict[str, FloatArray] = {}
    for name, term in config.terms.items():
        measure = measures[term.measure or name]
        distance = np.abs(measure.of(interval) - term.target)
        share = np.clip((distance - term.limit) / term.scale, 0.0, 1.0)
        share = np.where(np.isnan(distance), 0.0, share)
        terms[name] = measure.sign * term.weight * share
    return terms


class Weigher(Generic[IntervalT]):
    """Weighs the intervals of N machines by one configuration, its bound included.

    Args:
        config: What counts.
        measures: What can be measured.
        num_machines: N.
    """

    def __init__(
        self,
        config: RewardConfig,
        measures: Mapping[str, Measure[IntervalT]],
        num_machines: int,
    ) -> None:
        self._config, self._measures = config, measures
        self.multiplier = Multiplier(config.bound, num_machines)

    def terms(self, interval: IntervalT, elapsed_s: FloatArray) -> dict[str, FloatArray]:
        """Return the weighted terms ``(N,)`` of an interval of that length ``(N,)``."""
        terms = weigh(self._config, self._measures, interval)
        bound = self._config.bound
        if bound is not None:
            terms["bound"] = self.multiplier.charge(
                self._measures[bound.measure].of(interval), elapsed_s
            )
        return terms
