"""Projects what a tuner asks for onto what may be done to a machine."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from damosrl.errors import ConfigError
from damosrl.knobs import FloatArray, Quantity, QuantitySet
from damosrl.machine import QuotaLoop, Telemetry
from damosrl.nodes import places
from damosrl.safety.breaker import Breaker
from damosrl.safety.config import SafetyConfig
from damosrl.safety.events import EventBits, EventKind, mark
from damosrl.task import TaskSpec

ROUNDING = 1e-6
"""Differences below this come from 32-bit actions and are no events."""


@dataclass(frozen=True)
class Projection:
    """What may be done, for N machines.

    Args:
        applied: Normalised action to put into force, ``(N, k)``.
        loops: Quota loop of all machines, or of each, ``(N,)``.
        bits: `EventKind` bits, ``(N, k)`` uint8.
        fallback: Machines in the kernel's hands, ``(N,)``.
    """

    applied: FloatArray
    loops: QuotaLoop | NDArray[np.object_]
    bits: EventBits
    fallback: NDArray[np.bool_]


class Shield:
    """Limits, slew, dead-band and outcome breaker of a batch of machines.

    Switching a quota off takes effect at once. Behind it the level at which the quota would be
    on moves no faster than the slew allows, so a short "off" costs little and a long one has to
    be climbed out of. The breaker judges only tuners that set quotas directly: a kernel loop is
    what it would fall back to.

    Args:
        config: A choice of ``conf/safety``.
        spec: The task whose knobs are guarded.
        num_machines: N.
        loop: The loop that runs while no breaker is open.

    Raises:
        UnknownNameError: The configuration names a knob that the task has not.
        ConfigError: A slew is asked for a knob that is not on a log scale.

    Example:
        >>> def one_second(shield: Shield, requested, telemetry):
        ...     shield.watch(telemetry)
        ...     return shield.project(requested).applied
    """

    def __init__(
        self,
        config: SafetyConfig,
        spec: TaskSpec,
        num_machines: int,
        loop: QuotaLoop = QuotaLoop.DIRECT,
    ) -> None:
        knobs = spec.knobs
        self._loop = loop
        self._dead_band = config.dead_band
        self._floor = np.array(
            [-1.0 if knob.off_below is None else knob.off_below for knob in knobs.items]
        )
        self._low, self._high = _normal_limits(config, knobs)
        self._step = _normal_slew(config, knobs)
        self.fallback: FloatArray = np.clip(
            knobs.to_normal(_fallback(config, knobs)), self._low, self._high
        )
        """Normalised fall-back configuration, within the limits too, ``(k,)``."""
        self._start = np.clip(knobs.to_normal(knobs.defaults()), self._low, self._high)
        self.breaker = Breaker(config.breaker, num_machines, judges=loop is QuotaLoop.DIRECT)
        self.applied: FloatArray = np.tile(self._start, (num_machines, 1))
        """Normalised action in force, ``(N, k)``."""
        self._level = np.maximum(self.applied, self._floor)
        self._before = (self.applied, self._level)
        self._held = np.zeros(num_machines, dtype=np.bool_)

    def reset(self, which: NDArray[np.bool_], telemetry: Telemetry) -> None:
        """Put the defaults into force on the marked machines ``(N,)`` and forget their past."""
        self.applied[which] = self._start
        self._level[which] = np.maximum(self._start, self._floor)
        self._held[which] = False
        self.breaker.reset(which, telemetry)

    def watch(self, telemetry: Telemetry) -> None:
        """Let the breaker judge the interval that just ended."""
        self.breaker.watch(telemetry)

    def project(self, requested: FloatArray, held: NDArray[np.bool_] | None = None) -> Projection:
        """Project requests onto what may be done and put that into force.

        Args:
            requested: Normalised, any values including NaN and infinities, ``(N, k)``.
            held: Machines ``(N,)`` that go to the kernel's loop, whatever their breakers say.

        Raises:
            ValueError: The shape is not ``(N, k)``.
        """
        self._before = (self.applied.copy(), self._level.copy())
        wanted = np.asarray(requested, dtype=np.float64)
        if wanted.shape != self.applied.shape:
            raise ValueError(
                f"actions have shape {wanted.shape}, expected {self.applied.shape}: "
                "one row per machine, one column per knob"
            )
        bits = np.zeros(wanted.shape, dtype=np.uint8)
        missing = np.isnan(wanted)
        mark(bits, missing, EventKind.NOT_A_NUMBER)
        target = np.where(missing, self.applied, wanted)
        beyond = (target < self._low - ROUNDING) | (target > self._high + ROUNDING)
        mark(bits, beyond, EventKind.LIMIT)
        target = np.clip(target, self._low, self._high)
        self._turn(target, bits)
        open_ = self.breaker.open
        return self._finish(bits, open_ if held is None else open_ | held)

    def continue_from(self, applied: FloatArray) -> None:
        """Go on from an action in force ``(N, k)``, within the limits of this shield."""
        self.applied = np.clip(applied, self._low, self._high)
        self._level = np.maximum(self.applied, self._floor)

    def hold(self, refused: NDArray[np.bool_], projection: Projection) -> Projection:
        """Take a projection back where the machine did not take it.

        Args:
            refused: Machines on which the action before is still in force, ``(N,)``.
            projection: The last one.

        Returns:
            What is in force, with an event per knob that differs from the request.
        """
        applied, level = self._before
        bits = projection.bits.copy()
        changed = refused[:, None] & (np.abs(projection.applied - applied) > ROUNDING)
        bits[refused] = 0
        mark(bits, changed, EventKind.REFUSED)
        self.applied[refused], self._level[refused] = applied[refused], level[refused]
        return replace(projection, applied=self.applied.copy(), bits=bits)

    def _turn(self, target: FloatArray, bits: EventBits) -> None:
        """Move levels towards the targets; switch off and on."""
        off = target < self._floor
        goal = np.maximum(target, self._floor)
        level = np.clip(goal, self._level - self._step, self._level + self._step)
        mark(bits, ~off & (np.abs(level - goal) > ROUNDING), EventKind.SLEW)
        was_on = self.applied >= self._floor
        change = np.abs(level - self.applied)
        kept = was_on & ~off & (change < self._dead_band)
        mark(bits, kept & (change > ROUNDING), EventKind.DEAD_BAND)
        self._level = np.where(kept, self.applied, level)
        self.applied = np.where(off, -1.0, self._level)

    def _finish(self, bits: EventBits, held: NDArray[np.bool_]) -> Projection:
        """Give held machines to the kernel's loop."""
        begins, self._held = held & ~self._held, held.copy()
        if not held.any():
            return Projection(self.applied.copy(), self._loop, bits, held.copy())
        self.applied[held] = self.fallback
        self._level[held] = np.maximum(self.fallback, self._floor)
        bits[held] = 0
        mark(bits, begins, EventKind.FALLBACK)
        loops = np.full(len(held), self._loop, dtype=object)
        loops[held] = QuotaLoop.CONSIST
        return Projection(self.applied.copy(), loops, bits, held.copy())


def _normal_limits(config: SafetyConfig, knobs: QuantitySet) -> tuple[FloatArray, FloatArray]:
    low, high = np.full(len(knobs), -1.0), np.full(len(knobs), 1.0)
    for name, limits in config.limits.items():
        for place in places(knobs, name):
            low[place], high[place] = knobs.items[place].to_normal(np.array(limits))
    return low, high


def _normal_slew(config: SafetyConfig, knobs: QuantitySet) -> FloatArray:
    steps = np.full(len(knobs), np.inf)
    for name, factor in config.slew.items():
        for place in places(knobs, name):
            steps[place] = normal_step(knobs.items[place], factor)
    return steps


def normal_step(knob: Quantity, factor: float) -> float:
    """Return the normalised distance of a physical factor on a knob's log scale.

    Raises:
        ConfigError: The knob is not on a log scale, so no distance stands for a factor.
    """
    if knob.scale != "log":
        raise ConfigError(
            f"{knob.name} cannot have a factor as its slew",
            got=f"a knob on a {knob.scale} scale",
            allowed="knobs on a log scale",
            fix="remove it from safety.slew",
        )
    floor = -1.0 if knob.off_below is None else knob.off_below
    return (1.0 - floor) * math.log(factor) / math.log(knob.high / knob.low)


def _fallback(config: SafetyConfig, knobs: QuantitySet) -> FloatArray:
    physical = knobs.defaults()
    for name, value in config.fallback.items():
        physical[list(places(knobs, name))] = value
    return physical
