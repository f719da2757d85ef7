"""The loop: action -> safety -> task -> machine -> task, for a batch of machines.

Both environments, one machine or many, are thin shells around this one. What the task is, and what
kind of world it runs in, is told by a `damosrl_envs.loop.kind.TaskKind`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Document
from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import QuotaLoop
from damosrl.safety import Event, Projection, Shield, event_records, safety_config
from damosrl.task import TaskSpec
from damosrl_envs.loop.actions import ActionForm
from damosrl_envs.loop.describe import describe
from damosrl_envs.loop.infos import Info
from damosrl_envs.loop.kind import Parts, TaskKind
from damosrl_envs.loop.settings import LoopSettings
from damosrl_envs.loop.world import World


class StepResult(NamedTuple):
    """What a step gives, for N machines."""

    observation: Float32Array
    reward: FloatArray
    truncated: NDArray[np.bool_]
    info: Info


class TaskLoop:
    """N machines, one task, one shield.

    Args:
        num_machines: N.
        kind: The task, and how its parts are built.
        settings: What to build.

    Raises:
        DamosrlError: A choice does not exist or does not fit; one line says how to fix it.
    """

    def __init__(self, num_machines: int, kind: TaskKind, settings: LoopSettings) -> None:
        self.settings = settings
        self._parts: Parts = kind.make(settings, num_machines)
        self.world: World = self._parts.world
        self.task = self._parts.task
        self.form = ActionForm(settings.action or self._parts.action, self.task.spec.knobs)
        loop = QuotaLoop(settings.quota_loop)
        self.shield = Shield(safety_config(settings.safety), self.task.spec, num_machines, loop)
        self._step = np.zeros(num_machines, dtype=np.int64)
        width = len(self.task.spec.observation)
        self._history = np.zeros((num_machines, settings.frames, width), dtype=np.float32)
        self._projection: Projection | None = None
        self._requested = self.shield.applied
        self._episode: Info = {
            "workload": np.full(num_machines, "", dtype=object),
            "family": np.full(num_machines, "", dtype=object),
            "footprint_bytes": np.zeros(num_machines, dtype=np.int64),
        }

    @property
    def task_spec(self) -> TaskSpec:
        """What tuners are told, frame history included."""
        return self.task.spec.framed(self.settings.frames)

    @property
    def observation_space(self) -> gymnasium.Space[Float32Array]:
        """Box of [-1, 1] with a name for every place, see `task_spec`."""
        width = self._history.shape[1] * self._history.shape[2]
        return gymnasium.spaces.Box(-1.0, 1.0, (width,), np.float32)

    def reset(
        self,
        which: NDArray[np.bool_],
        generators: Sequence[np.random.Generator],
        quota_feedback: Sequence[Any] | None = None,
    ) -> tuple[Float32Array, Info]:
        """Begin new episodes on the marked machines.

        Args:
            which: ``(N,)``.
            generators: One per machine; only those of marked machines are drawn from.
            quota_feedback: State of the kernel's quota loops to start from, per machine.

        Returns:
            All observations ``(N, d)`` and the info of the episodes.
        """
        still = self.task.still()
        for index in np.flatnonzero(which).tolist():
            episode = self.world.begin(index, generators[index], still)
            for name, value in episode._asdict().items():
                self._episode[name][index] = value
            if quota_feedback is not None and quota_feedback[index] is not None:
                self.world.set_quota_feedback(index, quota_feedback[index])
        telemetry = self.world.telemetry()
        self.shield.reset(which, telemetry)
        observation = self.task.reset(which, telemetry)
        self._step[which] = 0
        self._history[which] = observation[which, None]
        return self._observation(), {name: row.copy() for name, row in self._episode.items()}

    def step(self, actions: NDArray[Any]) -> StepResult:
        """Decide, let time pass, look.

        Raises:
            ValueError: The actions have a wrong shape.
        """
        self._requested, bits = self.form.decode(actions, self.shield.applied)
        projection = self.shield.project(self._requested)
        projection.bits[~projection.fallback] |= bits[~projection.fallback]
        knobs = self.task.spec.knobs.to_physical(projection.applied)
        refused = self.world.commit(self.task.plan(knobs, projection.loops))
        if refused.any():
            projection = self.shield.hold(refused, projection)
            knobs = self.task.spec.knobs.to_physical(projection.applied)
        self._projection = projection
        telemetry = self.world.run(self.task.spec.decision_interval_s)
        self.shield.watch(telemetry)
        truth = self.world.truth()
        outcome = self.task.outcome(
            telemetry, projection.applied, truth if self._parts.reward.ground_truth else None
        )
        self._step += 1
        self._history = np.roll(self._history, 1, axis=1)
        self._history[:, 0] = outcome.observation
        info: Info = {
            "requested_action": self._requested,
            "applied_action": projection.applied,
            "knobs": knobs,
            "event_bits": projection.bits,
            "events_count": np.bitwise_count(projection.bits).sum(axis=1).astype(np.int64),
            "fallback": projection.fallback,
            "refused": refused,
            "overruns_count": self.world.overruns.copy(),
            "mask": np.tile(self.task.mask(telemetry), (1, self.settings.frames)),
            "reward_terms": dict(outcome.terms),
            **self.task.measured(telemetry, truth),
        }
        truncated = self._step >= self.settings.steps
        return StepResult(self._observation(), outcome.reward, truncated, info)

    def document(self) -> Document | None:
        """Return the kdamonds document of the first machine, loaded once, under default knobs.

        None for a task without kdamonds.
        """
        if self.task.template is None:
            return None
        knobs = self.task.spec.knobs.defaults()
        knobs = np.tile(knobs, (len(self._step), 1))
        plan = self.task.plan(knobs, QuotaLoop(self.settings.quota_loop))
        document: Document = self.world.document(plan.document(0))
        return document

    def describe(self) -> str:
        """Return knobs, observation and reward in words, as text tables."""
        return describe(self.task_spec, self._parts.reward, self._parts.measures)

    def events(self) -> list[Event]:
        """Return the events of the last step as records; machines by their index."""
        projection = self._projection
        if projection is None:
            return []
        names = self.task.spec.knobs.names
        return event_records(
            projection.bits, self._requested, projection.applied, names, self._step
        )

    def _observation(self) -> Float32Array:
        return self._history.reshape(len(self._history), -1).copy()
