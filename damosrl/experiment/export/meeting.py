"""What a policy meets and does on emulated machines, over the workloads of its training."""

from dataclasses import dataclass

import numpy as np

from damosrl.experiment.jobs import run_jobs
from damosrl.experiment.plugins import task_workload
from damosrl.experiment.progress import progress_bar
from damosrl.experiment.rollout import Rollout, run_rollout
from damosrl.experiment.settings import WorkloadSpec, World
from damosrl.knobs import Float32Array, FloatArray
from damosrl.registry import Agent


@dataclass(frozen=True)
class Plays:
    """What is played.

    Args:
        world: What environments are built from.
        workloads: One after the other.
        seeds: Episodes per workload.
        seed_base: The first seed.
        steps: Decisions per episode.
        jobs: Processes; results do not depend on it.
        quiet: Print no progress.
    """

    world: World
    workloads: tuple[WorkloadSpec, ...]
    seeds: int
    seed_base: int
    steps: int
    jobs: int
    quiet: bool


@dataclass(frozen=True)
class Met:
    """What happened, by workload.

    Args:
        workloads: Names.
        observations: ``(workloads, steps, seeds, d)``.
        knobs: Physical knobs in force after each, ``(workloads, steps, seeds, k)``.
    """

    workloads: tuple[str, ...]
    observations: Float32Array
    knobs: FloatArray


def meet(agent: Agent, plays: Plays, title: str) -> Met:
    """Play episodes and keep what was seen and done; equal plays give equal results.

    Args:
        agent: Who decides.
        plays: What is played.
        title: What the progress bar says.

    Raises:
        DamosrlError: A workload or machine cannot be used.
    """
    environment = plays.world.environment
    names = tuple(task_workload(environment, spec).name for spec in plays.workloads)
    jobs = [
        Rollout(
            name=name,
            agent=agent,
            workload=spec,
            workload_name=name,
            seeds=tuple(range(plays.seed_base, plays.seed_base + plays.seeds)),
            steps=plays.steps,
            world=plays.world,
            recorded=False,
            observed=True,
        )
        for name, spec in zip(names, plays.workloads, strict=True)
    ]
    done = {}
    with progress_bar(title, len(jobs), quiet=plays.quiet) as advance:
        for job, episodes in run_jobs(run_rollout, jobs, plays.jobs):
            done[job.name] = episodes
            advance(len(done), job.name)
    return Met(
        names,
        np.stack([np.stack(done[name].observations) for name in names]),
        np.stack([np.stack(done[name].knobs) for name in names]),
    )
