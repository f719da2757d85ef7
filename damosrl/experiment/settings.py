"""The typed settings of train, tune and compare: what conf/*.yaml may say."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from damosrl.errors import ConfigError, StatisticsError, UnknownNameError

MonitorMode = Literal["fast", "exact"]
WorkloadSpec = str | dict[str, Any]

NOOP = "noop"
ORACLE = "oracle"
"""What tables call the two ends of the scale; a task says which agents they are."""
DEFAULT_ENVIRONMENT = "damosrl/Tiering-v0"
"""Of tasks that name none with ``env:``."""
SUMMARY = "summary.json"
"""A run that has it is finished, whichever command wrote it."""
NOT_KEPT = ("out", "resume")
"""Settings that say where a run lies; leaving them out of config.yaml keeps it movable."""


@dataclass(frozen=True, kw_only=True)
class WorldSettings:
    """What every run says about its environment.

    Args:
        machine: The machine, a choice of conf/machine.
        task: The task, a choice of conf/task.
        reward: Reward terms and weights, a choice of conf/reward.
        safety: Limits on every tuner, a choice of conf/safety.
        monitor: ``exact`` draws every sample, ``fast`` a region's samples in one go.
        steps: Decisions per episode.
        out: Folder to write; None takes a dated one under results/.
        resume: Folder of an interrupted run to continue.
        jobs: Processes to use; results do not depend on it.
        report: Whether figures and report.html are written at the end.
    """

    machine: dict[str, Any]
    task: dict[str, Any]
    reward: dict[str, Any]
    safety: dict[str, Any]
    monitor: MonitorMode = "fast"
    steps: int = 300
    out: str | None = None
    resume: str | None = None
    jobs: int = 2
    report: bool = True

    def __post_init__(self) -> None:
        require_at_least("steps", self.steps, 1)
        require_at_least("jobs", self.jobs, 1)
        if self.machine.get("kind") == "kernel" or self.machine.get("emulated") is False:
            raise ConfigError(
                "runs of this command need emulated machines",
                got=f"machine={self.machine.get('name', 'kernel')}",
                fix="a real machine cannot run the same second twice, and has neither no-op nor "
                "oracle beside it; drive a kernel with examples/kernel_control_loop.py, a guest "
                "with examples/resize_guest.py",
            )


@dataclass(frozen=True, kw_only=True)
class CompareSettings(WorldSettings):
    """What `damosrl compare` is asked for.

    Args:
        tuners: Names of conf/agent, YAML paths or artifacts; no-op and oracle always run too.
        workloads: Names of conf/workload, YAML paths or recordings.
        worst_case: Workloads made to harm tuners: a column of their own, no part of any score;
            None takes what the task names, an empty list none.
        seeds: Runs per tuner and workload.
        seed_base: The first seed; seeds=10 means seed_base .. seed_base + 9.
        interval: Whether scores carry a 95 % interval, which takes two seeds or more.
        resamples: Bootstrap resamples.
        train_workload: Workload whose families count as seen in training; others are held out.
        heatmap_tuner: Tuner whose monitor is drawn beside the truth; None takes the first one.
        heatmap_bins: Address bins of that picture.
    """

    tuners: tuple[str, ...]
    workloads: tuple[WorkloadSpec, ...]
    worst_case: tuple[WorkloadSpec, ...] | None = None
    seeds: int = 10
    seed_base: int = 0
    interval: bool = True
    resamples: int = 2000
    train_workload: WorkloadSpec = "train_mix"
    heatmap_tuner: str | None = None
    heatmap_bins: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_some("tuners", self.tuners)
        _require_some("workloads", self.workloads)
        _require_once("worst_case", self.worst_case or ())
        require_at_least("seeds", self.seeds, 1)
        require_at_least("seed_base", self.seed_base, 0)
        require_at_least("resamples", self.resamples, 100)
        require_at_least("heatmap_bins", self.heatmap_bins, 2)
        if self.interval and self.seeds < 2:
            raise StatisticsError(
                "an interval over one run says nothing",
                got=f"seeds={self.seeds}, interval=true",
                allowed="seeds >= 2 with interval=true",
                fix="give seeds=10, or interval=false for bare scores",
            )
        names = self.all_tuners
        if self.heatmap_tuner is not None and self.heatmap_tuner not in names:
            raise UnknownNameError("heatmap_tuner of this run", self.heatmap_tuner, names)

    @property
    def all_tuners(self) -> tuple[str, ...]:
        """The two ends of the scale first, then the tuners asked for."""
        return tuple(dict.fromkeys((NOOP, ORACLE, *self.tuners)))

    @property
    def seed_list(self) -> tuple[int, ...]:
        """All seeds, ascending."""
        return tuple(range(self.seed_base, self.seed_base + self.seeds))


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How a trained policy is measured before `damosrl train` ends.

    Args:
        workloads: As of compare.
        seeds: Runs per workload.
        seed_base: The first seed; far from the training seeds.
        steps: Decisions per episode.
        resamples: Bootstrap resamples.
    """

    workloads: tuple[WorkloadSpec, ...]
    seeds: int = 3
    seed_base: int = 10_000
    steps: int = 300
    resamples: int = 2000

    def __post_init__(self) -> None:
        _require_some("evaluation.workloads", self.workloads)
        require_at_least("evaluation.seeds", self.seeds, 1)
        require_at_least("evaluation.seed_base", self.seed_base, 0)
        require_at_least("evaluation.steps", self.steps, 1)
        require_at_least("evaluation.resamples", self.resamples, 100)


@dataclass(frozen=True, kw_only=True)
class TrainSettings(WorldSettings):
    """What `damosrl train` is asked for.

    Args:
        agent: The learning algorithm, a choice of conf/agent.
        workload: What it trains on, a choice of conf/workload.
        evaluation: How the policy is measured at the end.
        seed: Of everything random; equal seeds give equal weights.
        num_envs: Machines that train side by side.
        timesteps: Decisions in total over all machines; None takes the agent's own number.
        checkpoint_every: Decisions between checkpoints.
    """

    agent: dict[str, Any]
    workload: dict[str, Any]
    evaluation: EvaluationSettings
    seed: int = 0
    num_envs: int = 32
    timesteps: int | None = None
    checkpoint_every: int = 50_000

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least("seed", self.seed, 0)
        require_at_least("num_envs", self.num_envs, 1)
        require_at_least("checkpoint_every", self.checkpoint_every, 1)
        if self.timesteps is not None:
            require_at_least("timesteps", self.timesteps, 1)


@dataclass(frozen=True, kw_only=True)
class SearchSettings(WorldSettings):
    """How a search goes on.

    Args:
        agent: The search method, a choice of conf/agent.
        trials: Choices to try.
        repeats: Episodes per trial; each has its own seed, the same in every trial.
        finalists: Best trials that are measured again on fresh seeds before one is chosen, since
            the best of many noisy numbers is partly luck.
        final_repeats: Episodes per finalist.
        batch: Trials asked for ahead of their results; part of what makes a search repeatable,
            so it does not follow ``jobs``.
        seed: Of the search and of the episodes.
    """

    agent: dict[str, Any]
    trials: int
    repeats: int
    finalists: int = 4
    final_repeats: int
    batch: int
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("trials", "repeats", "finalists", "final_repeats", "batch"):
            require_at_least(name, getattr(self, name), 1)
        require_at_least("seed", self.seed, 0)


@dataclass(frozen=True, kw_only=True)
class TuneSettings(SearchSettings):
    """What `damosrl tune` is asked for.

    Args:
        workload: What configurations are judged on, a choice of conf/workload.
        candidate: Tuner whose numbers are searched: a name of conf/agent or a YAML path.
    """

    workload: dict[str, Any]
    candidate: str = "static"
    trials: int = 40
    repeats: int = 16
    final_repeats: int = 32
    batch: int = 2


@dataclass(frozen=True)
class World:
    """What environments of a run are built from; plain data, so it travels to processes.

    Args:
        machine: As of `WorldSettings`.
        task: As of `WorldSettings`.
        reward: As of `WorldSettings`.
        safety: As of `WorldSettings`.
        monitor: As of `WorldSettings`.
    """

    machine: Mapping[str, Any] = field(default_factory=dict)
    task: Mapping[str, Any] = field(default_factory=dict)
    reward: Mapping[str, Any] = field(default_factory=dict)
    safety: Mapping[str, Any] = field(default_factory=dict)
    monitor: MonitorMode = "fast"

    @property
    def environment(self) -> str:
        """Gymnasium's id of the environment: the task's ``env``."""
        return str(self.task.get("env", DEFAULT_ENVIRONMENT))


def world_of(settings: WorldSettings) -> World:
    """Return the part of a run's settings that environments are built from."""
    return World(
        settings.machine, settings.task, settings.reward, settings.safety, settings.monitor
    )


def kept(settings: WorldSettings) -> dict[str, Any]:
    """Return the settings as plain data for config.yaml."""
    plain: dict[str, Any] = _plain(asdict(settings))
    return {key: value for key, value in plain.items() if key not in NOT_KEPT}


def require_at_least(name: str, value: float, low: float) -> None:
    """Refuse a number that is too small, or none.

    Raises:
        ConfigError: It is.
    """
    if not (math.isfinite(value) and value >= low):
        raise ConfigError(
            f"{name} is too small", got=value, allowed=f">= {low}", fix=f"give {name}={low} or more"
        )


def _require_some(name: str, values: tuple[Any, ...]) -> None:
    if not values:
        raise ConfigError(f"{name} is empty", allowed="one or more", fix=f"give {name}=[...]")
    _require_once(name, values)


def _require_once(name: str, values: tuple[Any, ...]) -> None:
    texts = [str(value) for value in values]
    twice = [text for text in texts if texts.count(text) > 1]
    if twice:
        raise ConfigError(f"{name} names something twice", got=twice[0], fix="name it once")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
