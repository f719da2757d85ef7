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
from damosrl.emulator.presets import MachineConfig
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.kernel.config import KernelConfig
from damosrl.kernel.machine import KernelMachine
from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import Plan, QuotaLoop
from damosrl.safety import Event, Projection, SafetyConfig, Shield, event_records, safety_config
from damosrl.task import TaskSpec
from damosrl_envs.tiering.actions import ActionForm
from damosrl_envs.tiering.compiled_monitor import summarise_compiled
from damosrl_envs.tiering.describe import describe
from damosrl_envs.tiering.emulated import EmulatedWorld
from damosrl_envs.tiering.infos import Info, measured
from damosrl_envs.tiering.real import KernelWorld, kernel_config
from damosrl_envs.tiering.world import World
from damosrl_tasks.tiering.config import TieringConfig, tiering_config
from damosrl_tasks.tiering.monitor import summarise
from damosrl_tasks.tiering.quantities import framed
from damosrl_tasks.tiering.reward import RewardConfig, reward_config
from damosrl_tasks.tiering.task import TieringTask

MachineChoice = str | Path | Mapping[str, Any] | MachineConfig | KernelConfig
WorkloadChoice = str | Path | Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TieringSettings:
    """The keywords of the environment; named choices are files of ``conf``.

    Args:
        machine: Machine of every environment, or a sequence dealt out in turn; ``kernel`` is the
            running one, which `damosrl.kernel.config.KernelConfig` describes.
        workload: What runs, or a sequence of which each episode draws one.
        task: Choice of conf/task.
        reward: Choice of conf/reward; None takes ``latency``, on a kernel ``psi``.
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

    machine: MachineChoice | Sequence[MachineChoice] | EmulatedWorld | KernelWorld = "dram_cxl"
    workload: WorkloadChoice | Sequence[WorkloadChoice] = "static_hot"
    task: str | Mapping[str, Any] = "tiering"
    reward: str | Mapping[str, Any] | None = None
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
    """N machines, one task, one shield.

    Args:
        num_machines: N.
        settings: What to build.

    Raises:
        DamosrlError: A choice does not exist or does not fit; one line says how to fix it.
    """

    def __init__(self, num_machines: int, settings: TieringSettings) -> None:
        self._settings = settings
        self.world: World = _world(settings, num_machines)
        config: TieringConfig = tiering_config(settings.task)
        self._reward: RewardConfig = reward_config(
            settings.reward or ("latency" if self.world.has_truth else "psi")
        )
        if self._reward.ground_truth and not self.world.has_truth:
            raise ConfigError(
                f"reward {self._reward.name} uses what no kernel can tell",
                fix="choose reward=psi or reward=kernel_goal",
            )
        safety: SafetyConfig = safety_config(settings.safety)
        self.task = TieringTask(
            num_machines,
            self.world.num_nodes,
            config,
            self._reward,
            summarise_compiled if self.world.has_truth else summarise,
        )
        if isinstance(self.world, EmulatedWorld):
            self.world.build(self.task.template, settings.monitor, settings.threads)
        self.form = ActionForm(settings.action or config.action, self.task.spec.knobs)
        loop = QuotaLoop(settings.quota_loop)
        self.shield = Shield(safety, self.task.spec, num_machines, loop)
        self._seconds = config.decision_interval_s
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

    @property
    def machines(self) -> EmulatedMachines:
        """The emulated machines.

        Raises:
            ConfigError: This is a real kernel.
        """
        if not isinstance(self.world, EmulatedWorld):
            raise ConfigError("this environment runs on a kernel, not on emulated machines")
        return self.world.machines

    @property
    def kernel(self) -> KernelMachine:
        """The real kernel.

        Raises:
            ConfigError: These are emulated machines.
        """
        if not isinstance(self.world, KernelWorld):
            raise ConfigError("this environment runs on emulated machines, not on a kernel")
        return self.world.machine

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
        still = Plan(self.task.template, {})
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
        telemetry = self.world.run(self._seconds)
        self.shield.watch(telemetry)
        truth = self.world.truth()
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
            "refused": refused,
            "overruns_count": self.world.overruns.copy(),
            "mask": np.tile(self.task.mask(telemetry), (1, self._settings.frames)),
            "reward_terms": dict(outcome.terms),
            **measured(telemetry, self.task.last_growth, truth),
        }
        truncated = self._step >= self._settings.steps
        return StepResult(self._observation(), outcome.reward, truncated, info)

    def document(self) -> Document:
        """Return the kdamonds document of the first machine, loaded once, under default knobs."""
        knobs = self.task.spec.knobs.defaults()
        knobs = np.tile(knobs, (len(self._step), 1))
        plan = self.task.plan(knobs, QuotaLoop(self._settings.quota_loop))
        return self.world.document(plan.document(0))

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


def _world(settings: TieringSettings, num_machines: int) -> World:
    """Take a world as it is, or make a kernel's or emulated machines as the settings say."""
    if isinstance(settings.machine, EmulatedWorld | KernelWorld):
        return settings.machine
    config = kernel_config(settings.machine)
    if config is not None:
        return KernelWorld(config, num_machines)
    return EmulatedWorld(settings.machine, settings.workload, num_machines)
