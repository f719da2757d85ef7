"""Episodes of one tuner on one workload, all seeds side by side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np

from damosrl.experiment.meter import Meter, row_of
from damosrl.experiment.plugins import task_metrics
from damosrl.experiment.settings import WorkloadSpec, World
from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import QuotaLoop
from damosrl.metrics import TaskMetrics
from damosrl.registry import Agent, make_tuner
from damosrl.task import TaskSpec
from damosrl.tuner import Tuner

NO_CLAMP = ("dead_band", "fallback")
"""Kinds of events that are no clamp: nothing was taken from the tuner, or all of it."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Rollout:
    """What to run.

    Args:
        name: What tables call the tuner.
        agent: What it is built from.
        workload: What runs: one for all seeds, or one per seed.
        workload_name: What tables call it.
        seeds: One episode each; they are paired across tuners.
        steps: Decisions per episode.
        world: What the environment is built from.
        recorded: Whether the first seed's steps and events are kept.
        heatmap_bins: Address bins of the first seed's heatmap; 0 draws none.
        observed: Whether observations and knobs of all seeds are kept.
    """

    name: str
    agent: Agent
    workload: WorkloadSpec | tuple[WorkloadSpec, ...]
    workload_name: str
    seeds: tuple[int, ...]
    steps: int
    world: World
    recorded: bool = True
    heatmap_bins: int = 0
    observed: bool = False


@dataclass
class Episodes:
    """What happened.

    Args:
        rows: One row per seed, columns of episodes.csv but for scores and split.
        steps: One row per step of the first seed, columns of steps.csv.
        events: Events of the first seed.
        heatmap: Arrays of heatmap.npz; empty if none was asked for.
        observations: What the tuner saw, an array ``(seeds, d)`` for each step, if asked for.
        knobs: Physical knobs in force after it, an array ``(seeds, k)`` for each step.
    """

    rows: list[Row] = field(default_factory=list)
    steps: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    heatmap: dict[str, FloatArray] = field(default_factory=dict)
    observations: list[Float32Array] = field(default_factory=list)
    knobs: list[FloatArray] = field(default_factory=list)


def make_environments(
    world: World,
    num_envs: int,
    workload: WorkloadSpec | tuple[WorkloadSpec, ...],
    *,
    steps: int,
    quota_loop: QuotaLoop = QuotaLoop.DIRECT,
    **more: Any,
) -> gymnasium.vector.VectorEnv[Any, Any, Any]:
    """Build the vector environment of a run.

    Args:
        world: Machine, task, reward, safety, monitor.
        num_envs: Machines side by side.
        workload: What episodes are drawn from, or several.
        steps: Decisions per episode.
        quota_loop: Loop under the tuner's numbers.
        **more: Further keywords of the environment.

    Raises:
        DamosrlError: A choice does not fit; one line says how to fix it.
    """
    task_metrics(world.environment)  # refuses what is no environment of ours
    return gymnasium.make_vec(
        world.environment,
        num_envs=num_envs,
        machine=world.machine,
        workload=workload,
        task=world.task,
        reward=world.reward,
        safety=world.safety,
        monitor=world.monitor,
        quota_loop=str(quota_loop),
        steps=steps,
        **more,
    )


def run_rollout(job: Rollout) -> Episodes:
    """Run all episodes of a job; equal jobs give equal results.

    Example:
        >>> world = World()  # doctest: +SKIP
        >>> job = Rollout("pi", "pi", "zipf", "zipf", (0, 1), 60, world)  # doctest: +SKIP
        >>> len(run_rollout(job).rows)  # doctest: +SKIP
        2
    """
    return _Run(job).episodes()


class _Run:
    """The state of one rollout: environment, one tuner per seed, observations."""

    def __init__(self, job: Rollout) -> None:
        self.job = job
        self.tuners: list[Tuner] = [make_tuner(job.agent) for _ in job.seeds]
        self.env = make_environments(
            job.world,
            len(job.seeds),
            job.workload,
            steps=job.steps,
            quota_loop=self.tuners[0].quota_loop,
            frames=self.tuners[0].frames,
            action="absolute",
            autoreset="disabled",
        )
        inner: Any = self.env.unwrapped
        self.inner = inner
        self.spec: TaskSpec = inner.task_spec
        self.metrics: TaskMetrics = inner.metrics

    def episodes(self) -> Episodes:
        """Warm up if the tuner asks for it, run, and tell."""
        feedback = self._warm_up()
        observations, info = self._reset(feedback)
        meter = Meter(self.metrics)
        counts = {"clamp_events_count": self._zeros(), "fallback_events_count": self._zeros()}
        result = Episodes()
        heat: list[tuple[FloatArray, FloatArray]] = []
        fallen = np.zeros(len(self.job.seeds), dtype=np.bool_)
        for step in range(self.job.steps):
            seen = observations
            observations, reward, now = self._step(seen)
            if self.job.observed:
                result.observations.append(seen)
                result.knobs.append(now["knobs"])
            meter.read(now, reward)
            events = self.inner.events()
            for event in events:
                if event["kind"] not in NO_CLAMP:
                    counts["clamp_events_count"][event["machine"]] += 1
            counts["fallback_events_count"] += now["fallback"] & ~fallen
            fallen = now["fallback"].copy()
            if self.job.recorded:
                result.steps.append(self._step_row(step, now))
                result.events.extend(self._event_rows(events))
            if self.job.heatmap_bins:
                heat.append(self._heat())
        result.rows = self._episode_rows(meter, counts, info)
        self._finish(result, meter, heat)
        self.env.close()
        return result

    def _warm_up(self) -> list[Any] | None:
        """Let the kernel's loop run first, if the tuner asks; return the quotas it arrives at."""
        seconds = max(tuner.warm_up_s for tuner in self.tuners)
        if seconds <= 0.0:
            return None
        observations, _ = self._reset(None)
        for _ in range(math.ceil(seconds / self.spec.decision_interval_s)):
            observations, _, _ = self._step(observations)
        return [self.inner.machine.quota_feedback(index) for index in range(len(self.tuners))]

    def _reset(self, feedback: list[Any] | None) -> tuple[Float32Array, Row]:
        workload = self.job.workload
        each = workload if isinstance(workload, tuple) else [workload] * len(self.tuners)
        options: Row = {"workloads": list(each)}
        if feedback is not None:
            options["quota_feedback"] = feedback
        for tuner, seed in zip(self.tuners, self.job.seeds, strict=True):
            tuner.reset(self.spec, seed)
        observations, info = self.inner.reset(seed=list(self.job.seeds), options=options)
        return observations, info

    def _step(self, observations: Float32Array) -> tuple[Float32Array, FloatArray, Row]:
        for index, tuner in enumerate(self.tuners):
            if tuner.sees_ground_truth:
                tuner.guide(self.inner.machine, index)  # type: ignore[attr-defined]
        actions = np.stack(
            [tuner.act(row) for tuner, row in zip(self.tuners, observations, strict=True)]
        )
        observations, reward, _, _, info = self.env.step(actions)
        return observations, np.asarray(reward, dtype=np.float64), info

    def _zeros(self) -> FloatArray:
        return np.zeros(len(self.job.seeds))

    def _step_row(self, step: int, info: Row) -> Row:
        requested = self.spec.knobs.to_physical(info["requested_action"])
        row: Row = {"step": step, "events_count": int(info["events_count"][0])}
        for place, name in enumerate(self.spec.knobs.names):
            row[f"knob_{name}"] = float(info["knobs"][0, place])
            row[f"requested_{name}"] = float(requested[0, place])
        return row

    def _event_rows(self, events: Sequence[Row]) -> list[Row]:
        names = {"tuner": self.job.name, "workload": self.job.workload_name}
        mine = (dict(event) for event in events if event["machine"] == 0)
        return [{**names, "seed": self.job.seeds[0], **event} for event in mine]

    def _heat(self) -> tuple[FloatArray, FloatArray]:
        machine, bins = self.inner.machine, self.job.heatmap_bins
        return machine.monitor_heat(0, bins), machine.heat_truth(0, bins)

    def _episode_rows(self, meter: Meter, counts: dict[str, FloatArray], info: Row) -> list[Row]:
        columns = meter.episodes()
        return [
            {
                "tuner": self.job.name,
                "workload": self.job.workload_name,
                "family": str(info["family"][index]),
                "seed": seed,
                **row_of(columns, index),
                **{name: int(values[index]) for name, values in counts.items()},
                "steps_count": self.job.steps,
                "monitor": self.job.world.monitor,
                "footprint_bytes": int(info["footprint_bytes"][index]),
            }
            for index, seed in enumerate(self.job.seeds)
        ]

    def _finish(
        self,
        result: Episodes,
        meter: Meter,
        heat: list[tuple[FloatArray, FloatArray]],
    ) -> None:
        columns = meter.steps()
        names = {"tuner": self.job.name, "workload": self.job.workload_name}
        result.steps = [
            {**names, "seed": self.job.seeds[0], **row, **row_of(columns, (row["step"], 0))}
            for row in result.steps
        ]
        if heat:
            total = self.inner.machine.telemetry().node_total_bytes[0].sum()
            result.heatmap = {
                "time_s": columns["time_s"][:, 0].copy(),
                "address_bytes": np.linspace(0.0, float(total), self.job.heatmap_bins + 1),
                "monitor": np.stack([monitor for monitor, _ in heat]),
                "truth": np.stack([truth for _, truth in heat]),
            }
