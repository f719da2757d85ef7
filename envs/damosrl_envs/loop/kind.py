"""What makes a task an environment: its parts and its usual choices."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Document
from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import GroundTruth, QuotaLoop, Telemetry
from damosrl.task import ActionKind, StepOutcome, TaskSpec
from damosrl_envs.loop.settings import LoopSettings
from damosrl_envs.loop.world import World
from damosrl_tasks.reward import Measure, RewardConfig


class LoopTask(Protocol):
    """A `damosrl.task.Task` with what the loop needs beyond it.

    Its plans go to its own kind of world; the loop does not look into them.
    """

    @property
    def spec(self) -> TaskSpec:
        """What tuners are told."""
        ...

    @property
    def template(self) -> Document | None:
        """The structure that every plan has; None for a task without kdamonds."""
        ...

    def mask(self, telemetry: Telemetry) -> NDArray[np.bool_]:
        """Tell which features are known, ``(N, d)``; the others hold a fixed value."""
        ...

    def reset(self, which: NDArray[np.bool_], telemetry: Telemetry) -> Float32Array:
        """Forget the past of the marked machines ``(N,)``; return all observations ``(N, d)``."""
        ...

    def still(self) -> Any:
        """Return a plan that changes nothing."""
        ...

    def plan(self, knobs: FloatArray, loops: NDArray[np.object_] | QuotaLoop) -> Any:
        """Turn knobs ``(N, k)`` in physical units into what the world commits."""
        ...

    def outcome(
        self, telemetry: Telemetry, applied: FloatArray, truth: GroundTruth | None
    ) -> StepOutcome:
        """Score the interval that just ended; ``truth`` is None unless the reward may use it."""
        ...

    def measured(self, telemetry: Telemetry, truth: GroundTruth | None) -> dict[str, FloatArray]:
        """Return what happened in the interval just scored, arrays ``(N,)`` for the info."""
        ...


@dataclass(frozen=True)
class Parts:
    """What a loop is made of.

    Args:
        world: The machines, ready to begin episodes.
        task: The goal.
        action: Form of the action that the task's settings ask for.
        reward: What the task weighs.
        measures: What it can weigh, by name.
    """

    world: World
    task: LoopTask
    action: ActionKind
    reward: RewardConfig
    measures: Mapping[str, Measure[Any]]


@dataclass(frozen=True)
class TaskKind:
    """A task as an environment: everything that the loop does not know.

    Args:
        id: Gymnasium's id.
        usual: Keywords of `LoopSettings` where the caller gives none.
        make: Builds the parts for N machines.
    """

    id: str
    usual: Mapping[str, Any]
    make: Callable[[LoopSettings, int], Parts]

    def settings(self, keywords: Mapping[str, Any]) -> LoopSettings:
        """Return the settings of an environment of this kind.

        Raises:
            ConfigError: A value is wrong.
            TypeError: There is no such keyword.
        """
        return LoopSettings(**{**self.usual, **keywords})
