"""The goal: a small cache that misses little."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Document
from damosrl.knobs import Float32Array, FloatArray, Quantity, QuantitySet
from damosrl.machine import GroundTruth, QuotaLoop, Telemetry
from damosrl.task import StepOutcome, TaskSpec
from damosrl_tasks.reward import Measure, RewardConfig, weigh
from damosrl_toy.world import CacheTelemetry, slowdown_of

SIZE = Quantity("cache_size", "GiB", 0.5, 8.0, "Memory that the cache may take.", default=4.0)
SPEC = TaskSpec(
    "toy-v0",
    QuantitySet(
        (
            Quantity("demand", "GiB", 0.0, 8.0, "What was asked of the cache in the last second."),
            Quantity("size", "GiB", 0.0, 8.0, "Its size."),
        )
    ),
    QuantitySet((SIZE,)),
    decision_interval_s=1.0,
)
GIB_PRICE = 0.05
"""Of a GiB held, in slowdown."""


@dataclass(frozen=True)
class Second:
    """The interval that just ended, ``(N,)`` each."""

    size_gib: FloatArray
    slowdown: FloatArray


MEASURES = {
    "missed": Measure[Second](lambda one: one.slowdown - 1.0, "ratio", -1.0, "Accesses missed."),
    "held": Measure[Second](lambda one: one.size_gib, "GiB", -1.0, "Memory that is taken."),
}


class CacheTask:
    """Observation, knob and reward for N caches.

    Args:
        num_machines: N.
        reward: What a second is worth.
    """

    template: Document | None = None
    spec = SPEC

    def __init__(self, num_machines: int, reward: RewardConfig) -> None:
        self._size, self._reward = num_machines, reward

    def mask(self, telemetry: Telemetry) -> NDArray[np.bool_]:
        """Tell which features are known, ``(N, d)``: all."""
        return np.ones((len(telemetry.time_s), len(SPEC.observation)), np.bool_)

    def reset(self, which: NDArray[np.bool_], telemetry: Telemetry) -> Float32Array:
        """Return all observations ``(N, d)``; there is no past to forget."""
        del which
        return _observe(_cache(telemetry))

    def still(self) -> FloatArray:
        """Return a plan that changes nothing."""
        return np.full(self._size, np.nan)

    def plan(self, knobs: FloatArray, loops: NDArray[np.object_] | QuotaLoop) -> FloatArray:
        """Return sizes ``(N,)`` to commit; NaN, hence nothing, where the loop is off."""
        return np.where(np.asarray(loops) == QuotaLoop.OFF, np.nan, knobs[:, 0])

    def outcome(
        self, telemetry: Telemetry, applied: FloatArray, truth: GroundTruth | None
    ) -> StepOutcome:
        """Score the second that just ended."""
        del applied, truth
        told = _cache(telemetry)
        second = Second(told.size_gib, slowdown_of(told.size_gib, told.demand_gib))
        terms = weigh(self._reward, MEASURES, second)
        return StepOutcome(_observe(told), np.sum(list(terms.values()), axis=0), terms)

    def measured(self, telemetry: Telemetry, truth: GroundTruth | None) -> dict[str, FloatArray]:
        """Return what happened in the second just scored, arrays ``(N,)`` for the info."""
        del truth
        told = _cache(telemetry)
        slowdown = slowdown_of(told.size_gib, told.demand_gib)
        return {
            "time_s": told.time_s.copy(),
            "slowdown": slowdown,
            "size_gib": told.size_gib,
            "cost": slowdown + GIB_PRICE * told.size_gib,
        }


def _cache(telemetry: Telemetry) -> CacheTelemetry:
    if not isinstance(telemetry, CacheTelemetry):
        raise TypeError(f"the toy task needs the telemetry of caches, got {type(telemetry)}")
    return telemetry


def _observe(told: CacheTelemetry) -> Float32Array:
    physical = np.stack([told.demand_gib, told.size_gib], axis=1)
    return SPEC.observation.to_normal(physical).astype(np.float32)
