"""The goal on a machine: what is observed, what may be turned, what is worth how much."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Document
from damosrl.errors import UnknownNameError
from damosrl.knobs import Float32Array, FloatArray, QuantitySet
from damosrl.machine import GroundTruth, Plan, QuotaLoop, Source, Telemetry
from damosrl.nodes import places

ActionKind = Literal["absolute", "relative", "discrete"]
"""Form of an action: knob positions, steps of at most a factor of 2, {down, keep, up} of that."""


@dataclass(frozen=True)
class TaskSpec:
    """What a tuner must know about a task.

    Args:
        task: Name and version of the task.
        observation: Features, in the order of the observation array.
        knobs: Knobs, in the order of the action array.
        decision_interval_s: Time between decisions, seconds.
    """

    task: str
    observation: QuantitySet
    knobs: QuantitySet
    decision_interval_s: float

    def framed(self, frames: int) -> "TaskSpec":
        """Return the spec of the same task under a history of this many readings."""
        return replace(self, observation=self.observation.framed(frames))

    def value(self, observation: Float32Array, name: str) -> float:
        """Return one feature of an observation ``(d,)`` in its physical unit.

        Raises:
            UnknownNameError: A feature of that name does not exist.
        """
        if name not in self.observation.names:
            raise UnknownNameError(f"feature of {self.task}", name, self.observation.names)
        place = self.observation.index(name)
        return float(
            self.observation.items[place].to_physical(np.asarray(observation[place], np.float64))
        )

    def action(self, **knobs: float) -> Float32Array:
        """Build an action ``(k,)`` float32 from physical values; the others are at default.

        NaN keeps a knob as it is: so a tuner answers where it was told nothing.

        A name without a node, such as ``promotion_quota``, means that knob of every node.

        Raises:
            UnknownNameError: A knob of that name does not exist.
        """
        physical = self.knobs.defaults()
        for name, value in knobs.items():
            physical[list(places(self.knobs, name, f"knob of {self.task}"))] = value
        return self.knobs.to_normal(physical).astype(np.float32)


@dataclass(frozen=True)
class StepOutcome:
    """What a task makes of one interval, for N machines.

    Args:
        observation: ``(N, d)`` float32 in [-1, 1].
        reward: ``(N,)``, the sum of the weighted terms.
        terms: Weighted reward terms ``(N,)`` by name.
    """

    observation: Float32Array
    reward: FloatArray
    terms: Mapping[str, FloatArray]


class Task(Protocol):
    """A goal, for batches of N machines; holds the state between two telemetry readings."""

    @property
    def spec(self) -> TaskSpec:
        """What tuners are told."""

    def reset(self, which: NDArray[np.bool_], telemetry: Telemetry) -> Float32Array:
        """Forget the past of the marked machines ``(N,)``; return all observations ``(N, d)``."""

    def plan(self, knobs: FloatArray, loops: NDArray[np.object_] | QuotaLoop) -> Plan:
        """Turn knobs ``(N, k)`` in physical units into what the machine commits."""

    def outcome(
        self, telemetry: Telemetry, applied: FloatArray, truth: GroundTruth | None
    ) -> StepOutcome:
        """Score the interval that just ended.

        Args:
            telemetry: What the machine says now.
            applied: Normalised action in force ``(N, k)``.
            truth: Ground truth; None on a real machine.
        """


class KernelTask(Task, Protocol):
    """A task that works by kdamonds, so that a kernel can be driven by it."""

    @property
    def template(self) -> Document:
        """The structure that every plan has; valid as it stands, and nothing is moved by it."""

    def mask(self, telemetry: Telemetry) -> NDArray[np.bool_]:
        """Tell which features are known, ``(N, d)``; the others hold a fixed value."""

    def sources(self, features: Collection[str]) -> frozenset[Source]:
        """Return the sources of telemetry without which some features are unknown."""


def memcgs_of(task: KernelTask) -> tuple[str, ...]:
    """Return the control groups whose memory a task wants to be told: its ``memcgs``, if any."""
    paths: tuple[str, ...] = getattr(task, "memcgs", ())
    return paths


KernelTaskFactory = Callable[[Mapping[str, Any], int], KernelTask]
"""Settings (a choice of conf/task) and the number of memory nodes in; one machine's task out.

Named by entry points of the group ``damosrl.tasks``, under the task's name in its spec."""
