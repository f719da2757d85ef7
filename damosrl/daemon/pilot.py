"""From telemetry to what may be committed: task, policy, shield. It knows no kernel.

The shield is the one of training and evaluation, so what a policy was allowed there is what it is
allowed here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.artifact import Artifact
from damosrl.daemon.assessment import Assessment
from damosrl.daemon.decision import Veto
from damosrl.daemon.settings import DaemonSettings
from damosrl.errors import DamosrlError
from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import Plan, QuotaLoop, Telemetry
from damosrl.safety import (
    BreakerConfig,
    Projection,
    SafetyConfig,
    Shield,
    event_records,
    safety_config,
)
from damosrl.task import KernelTask
from damosrl.tuner import Tuner

ALL = np.ones(1, dtype=np.bool_)
PERCENT = 100.0


@dataclass(frozen=True)
class Sight:
    """What the policy is shown.

    Args:
        observation: With its history, normalised, ``(d,)``.
        known: Features of this moment that were measured.
        outside_ratio: Share of them outside the training range; None where it is not known.
    """

    observation: Float32Array
    known: NDArray[np.bool_]
    outside_ratio: float | None


@dataclass(frozen=True)
class Choice:
    """What was asked for, and what may be done.

    Args:
        requested: Normalised, ``(1, k)``; NaN where nothing was asked.
        projection: What the shield lets through.
        policy_us: Time of the policy alone.
    """

    requested: FloatArray
    projection: Projection
    policy_us: int


class Pilot:
    """One bundle at the wheel of one machine.

    Args:
        artifact: The bundle.
        task: Its task, for this machine.
        tuner: Its policy.
        settings: Margins of the training range.
        canary_percent: How much of the policy's request counts, 0..100; the rest is the fall-back
            configuration. None: all of it.

    Raises:
        ConfigError: The bundle's limits cannot be used.
    """

    def __init__(
        self,
        artifact: Artifact,
        task: KernelTask,
        tuner: Tuner,
        settings: DaemonSettings,
        canary_percent: float | None = None,
    ) -> None:
        deployment = artifact.deployment
        self.artifact = artifact
        self.task = task
        self._tuner = tuner
        self._share = None if canary_percent is None else canary_percent / PERCENT
        safety = safety_of(deployment.safety)
        self._loop = QuotaLoop(deployment.quota_loop)
        self.shield = Shield(safety, task.spec, 1, self._loop)
        self._frames = deployment.frames
        self._history = np.zeros((self._frames, len(task.spec.observation)), np.float32)
        self.assessment: Assessment | None = None
        if deployment.observed is not None:
            newest = slice(len(task.spec.observation))
            self.assessment = Assessment(
                np.array(deployment.observed.low[newest]),
                np.array(deployment.observed.high[newest]),
                settings.outside_margin,
                settings.outside_time_s,
            )
        self._tuner.reset(artifact.spec, seed=0)
        reads: Collection[str] | None = getattr(tuner, "reads", None)
        self.needs = task.sources(task.spec.observation.names if reads is None else reads)
        """Sources of telemetry that the policy reads."""

    def begin(self, telemetry: Telemetry) -> None:
        """Forget the past; what comes counts from here."""
        self.shield.reset(ALL, telemetry)
        self._history[:] = self.task.reset(ALL, telemetry)

    def take_the_wheel(self, other: "Pilot", telemetry: Telemetry) -> None:
        """Go on from what another pilot has in force; an open breaker stays open."""
        self.begin(telemetry)
        self.shield.continue_from(other.shield.applied)
        self.shield.breaker.trip(other.shield.breaker.open, telemetry.time_s)

    def look(self, telemetry: Telemetry, elapsed_s: float) -> Sight:
        """Take an interval in: observation, breaker, training range."""
        self.shield.watch(telemetry)
        outcome = self.task.outcome(telemetry, self.shield.applied, None)
        self._history = np.roll(self._history, 1, axis=0)
        self._history[0] = outcome.observation[0]
        known = self.task.mask(telemetry)[0]
        ratio = None
        if self.assessment is not None:
            ratio = self.assessment.watch(outcome.observation[0], known, elapsed_s)
        return Sight(self._history.reshape(-1).copy(), known, ratio)

    def decide(self, sight: Sight | None, *, held: bool) -> Choice:
        """Ask the policy, and let the shield answer.

        Args:
            sight: What it is shown; None asks nothing.
            held: Whether the kernel's loop takes over, whatever the policy says.
        """
        requested, policy_us = self._nothing(), 0
        if sight is not None:
            began = perf_counter()
            requested = self._act(sight.observation)[None]
            policy_us = round((perf_counter() - began) * 1e6)
        wanted = requested
        if self._share is not None:
            start = self.shield.fallback
            wanted = start + self._share * (requested - start)
        return Choice(requested, self.shield.project(wanted, np.array([held])), policy_us)

    def keep(self) -> Choice:
        """Ask for nothing, and leave in force what is."""
        bits = np.zeros(self.shield.applied.shape, np.uint8)
        held = self.shield.breaker.open.copy()
        projection = Projection(self.shield.applied.copy(), self._loop, bits, held)
        return Choice(self._nothing(), projection, 0)

    def fallback_plan(self) -> Plan:
        """Return the kernel's own loop under the fall-back configuration."""
        knobs = self.task.spec.knobs.to_physical(self.shield.fallback[None])
        return self.task.plan(knobs, QuotaLoop.CONSIST)

    def plan(self, projection: Projection) -> Plan:
        """Return what to commit."""
        knobs = self.task.spec.knobs.to_physical(projection.applied)
        return self.task.plan(knobs, projection.loops)

    def vetoes(self, choice: Choice, projection: Projection) -> tuple[Veto, ...]:
        """Return why knobs in force are not what was asked for."""
        names = self.task.spec.knobs.names
        events = event_records(
            projection.bits, choice.requested, projection.applied, names, np.zeros(1, np.int64)
        )
        found = [Veto(event["knob"], event["kind"]) for event in events]
        if self._share is not None and not projection.fallback.any():
            found += [Veto(name, "canary") for name in names]
        return tuple(found)

    def _nothing(self) -> FloatArray:
        return np.full((1, len(self.task.spec.knobs)), np.nan)

    def _act(self, observation: Float32Array) -> FloatArray:
        """Ask the policy; one that fails or answers nonsense asks to keep every knob."""
        size = len(self.task.spec.knobs)
        try:
            action = np.asarray(self._tuner.act(observation), np.float64)
        except (DamosrlError, ArithmeticError, ValueError):
            return np.full(size, np.nan)
        return action if action.shape == (size,) else np.full(size, np.nan)


def safety_of(values: Mapping[str, Any]) -> SafetyConfig:
    """Read the limits of a bundle, the default ones if it has none; there always is a breaker."""
    config = safety_config(values or "default")
    return config if config.breaker else replace(config, breaker=BreakerConfig())
