"""The loop: action -> safety -> task -> machine -> task, for a batch of machines.

Both environments, one machine or many, are thin shells around this one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Document
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.presets import MachineConfig, machine_config
from damosrl.emulator.workload.source import WorkloadSource, workload_source
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import QuotaLoop
from damosrl.safety import Event, Projection, SafetyConfig, Shield, event_records, safety_config
from damosrl.task import TaskSpec
from damosrl_envs.tiering.actions import ActionForm
from damosrl_envs.tiering.config import TieringConfig, tiering_config
from damosrl_envs.tiering.describe import describe
from damosrl_envs.tiering.infos import Info, measured
from damosrl_envs.tiering.quantities import framed
from damosrl_envs.tiering.reward import RewardConfig, reward_config
from damosrl_envs.tiering.task import TieringTask

MachineChoice = str | Path | Mapping[str, Any] | MachineConfig
WorkloadChoice = str | Path | Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TieringSettings:
    """The keywords of the environment; named choices are files of ``conf``.

    Args:
        machine: Machine of every environment, or a sequence dealt out in turn.
        workload: What runs, or a sequence of which each episode draws one.
        task: Choice of conf/task.
        reward: Choice of conf/reward.
        safety: Choice of conf/safety.
        steps: Decisions per episode.
        monitor: ``fast`` or ``exact``.
        quota_loop: Loop that sets effective quotas: direct, consist, temporal or off.
        action: absolute, relative or discrete; None takes the task's own.
        frames: Observations of this many decisions, newest first.
        threads: Threads of the emulator.

    Example:
        >>> TieringSettings(workload="zipf", steps=60).quota_loop
        'direct'
    """

    machine: MachineChoice | Sequence[MachineChoice] = "dram_cxl"
    workload: WorkloadChoice | Sequence[WorkloadChoice] = "static_hot"
    task: str | Mapping[str, Any] = "tiering"
    reward: str | Mapping[str, Any] = "latency"
    safety: str | Mapping[str, Any] = "default"
    steps: int = 300
    monitor: Literal["fast", "exact"] = "fast"
    quota_loop: str = "direct"
    action: str | None = None
    frames: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "frames", "threads"):
            value = getattr(self, name)
            if not (isinstance(value, int) and value >= 1):
                raise ConfigError(f"{name} is wrong", got=value, allowed="whole numbers >= 1")
        if self.quota_loop not in list(QuotaLoop):
            raise UnknownNameError("quota_loop", str(self.quota_loop), list(QuotaLoop))


class StepResult(NamedTuple):
    """What a step gives, for N machines."""

    observation: Float32Array
    reward: FloatArray
    truncated: NDArray[np.bool_]
    info: Info


class TieringLoop:
    """N emulated machines, one task, one shield.

    Args:
        num_machines: N.
        settings: What to build.

    Raises:
        DamosrlError: A choice does not exist or does not fit; one line says how to fix it.
    """

    def __init__(self, num_machines: int, settings: TieringSettings) -> None:
        self._settings = settings
        machines = _machines(settings.machine, num_machines)
        config: TieringConfig = tiering_config(settings.task)
        self._reward: RewardConfig = reward_config(settings.reward)
        safety: SafetyConfig = safety_config(settings.safety)
        self._sources: dict[str, WorkloadSource] = {}
        self._choices = _as_list(settings.workload)
        for choice in self._choices:
            self._source(choice)
        self.task = TieringTask(num_machines, len(machines[0].memory_tiers), config, self._reward)
        self.machine = EmulatedMachines(
            machines, num_machines, self.task.template, settings.monitor, settings.threads
        )
        self.form = ActionForm(settings.action or config.action, self.task.spec.knobs)
        loop = QuotaLoop(settings.quota_loop)
        self.shield = Shield(safety, self.task.spec, num_machines, loop)
        self._seconds = config.decision_interval_s
        self._pinned: list[WorkloadChoice | None] = [None] * num_machines
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
        spec = self.task.spec
        return replace(spec, observation=framed(spec.observation, self._settings.frames))

    @property
    def observation_space(self) -> gymnasium.Space[Float32Array]:
        """Box of [-1, 1] with a name for every place, see `task_spec`."""
        width = self._history.shape[1] * self._history.shape[2]
        return gymnasium.spaces.Box(-1.0, 1.0, (width,), np.float32)

    def pin(self, workloads: WorkloadChoice | Sequence[WorkloadChoice] | None) -> None:
        """Fix the workload of every machine until the next call; None draws again.

        Raises:
            ConfigError: There are not as many workloads as machines.
        """
        count = len(self._pinned)
        if workloads is None:
            self._pinned = [None] * count
            return
        pinned = _as_list(workloads)
        if _is_one(workloads):
            pinned *= count
        if len(pinned) != count:
            raise ConfigError(
                "reset option workloads does not fit",
                got=f"{len(pinned)} workloads",
                allowed=f"{count}, one per environment",
            )
        self._pinned = pinned

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
        for index in np.flatnonzero(which).tolist():
            self._load(index, generators[index])
            if quota_feedback is not None and quota_feedback[index] is not None:
                self.machine.set_quota_feedback(index, quota_feedback[index])
        telemetry = self.machine.telemetry()
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
        self._projection = projection
        knobs = self.task.spec.knobs.to_physical(projection.applied)
        self.machine.commit(self.task.plan(knobs, projection.loops))
        telemetry = self.machine.run(self._seconds)
        self.shield.watch(telemetry)
        truth = self.machine.truth()
        outcome = self.task.outcome(
            telemetry, projection.applied, truth if self._reward.ground_truth else None
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
            "reward_terms": dict(outcome.terms),
            **measured(telemetry, self.task.last_growth, truth),
        }
        truncated = self._step >= self._settings.steps
        return StepResult(self._observation(), outcome.reward, truncated, info)

    def document(self) -> Document:
        """Return the kdamonds document of the first machine, loaded once, under default knobs."""
        knobs = self.task.spec.knobs.defaults()
        knobs = np.tile(knobs, (self.machine.num_machines, 1))
        plan = self.task.plan(knobs, QuotaLoop(self._settings.quota_loop))
        return self.machine.with_addresses(0, plan.document(0))

    def describe(self) -> str:
        """Return knobs, observation and reward in words, as text tables."""
        return describe(self.task_spec, self._reward)

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

    def _load(self, index: int, generator: np.random.Generator) -> None:
        seed = int(generator.integers(2**63))
        choice = self._pinned[index]
        if choice is None:
            choice = self._choices[int(generator.integers(len(self._choices)))]
        workload = self._source(choice).draw(generator)
        self.machine.load(index, workload, seed)
        self._episode["workload"][index] = workload.name
        self._episode["family"][index] = workload.family
        self._episode["footprint_bytes"][index] = workload.access.footprint_bytes

    def _source(self, choice: WorkloadChoice) -> WorkloadSource:
        """Read a workload once, however many episodes it is drawn for."""
        key = repr(choice)
        if key not in self._sources:
            self._sources[key] = workload_source(choice)
        return self._sources[key]


def _is_one(choice: Any) -> bool:
    return isinstance(choice, str | Path | Mapping | MachineConfig)


def _as_list(choice: Any) -> list[Any]:
    choices = [choice] if _is_one(choice) else list(choice)
    if not choices:
        raise ConfigError("nothing is chosen", got="an empty list", allowed="at least one name")
    return choices


def _machines(choice: Any, num_machines: int) -> list[MachineConfig]:
    configs = [machine_config(one) for one in _as_list(choice)]
    return [configs[place % len(configs)] for place in range(num_machines)]
