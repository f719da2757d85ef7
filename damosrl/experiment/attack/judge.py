"""How much patterns harm a tuner: the search's measure, on the same episodes for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from damosrl.errors import EmulatorLimitError
from damosrl.experiment.attack.settings import AttackSettings
from damosrl.experiment.harm import harm_of
from damosrl.experiment.jobs import run_jobs
from damosrl.experiment.plugins import task_metrics
from damosrl.experiment.rollout import Rollout, Row, run_rollout
from damosrl.experiment.search_loop import FINAL, SEARCH
from damosrl.experiment.settings import NOOP, world_of
from damosrl.knobs import FloatArray
from damosrl.registry import Agent

VERDICT = "verdict"
FIRST_SEED = {SEARCH: 40_000, FINAL: 50_000, VERDICT: 60_000}
"""Seeds of the episodes, apart from each other and from those of tuning and comparisons."""
SEEDS_PER_RUN = 1_000

Workload = dict[str, Any]


def seeds_of(stage: str, seed: int, count: int) -> tuple[int, ...]:
    """Return the seeds of a stage of the run with a seed."""
    first = FIRST_SEED[stage] + SEEDS_PER_RUN * seed
    return tuple(range(first, first + count))


def mean_harm(harms: Sequence[float]) -> float:
    """Return what a search maximises: the mean over seeds."""
    return float(np.mean(harms))


@dataclass(frozen=True)
class Judge:
    """Measures patterns on the same seeds, all patterns of a call side by side.

    Args:
        settings: Who is attacked, on what.
        seeds: One episode of each pattern each.
    """

    settings: AttackSettings
    seeds: tuple[int, ...]

    def harms(self, patterns: Sequence[Workload]) -> list[list[float] | None]:
        """Return each pattern's harm by seed; None for one that could not be run."""
        try:
            return [*self._measured(patterns).tolist()]
        except EmulatorLimitError:
            if len(patterns) == 1:
                return [None]
            return [self.harms([pattern])[0] for pattern in patterns]

    def _measured(self, patterns: Sequence[Workload]) -> FloatArray:
        metrics = task_metrics(world_of(self.settings).environment)
        agents: Mapping[str, Agent] = {
            NOOP: metrics.noop,
            self.settings.target: self.settings.target,
        }
        jobs = [self._rollout(name, agent, patterns) for name, agent in agents.items()]
        rows: dict[str, list[Row]] = {
            job.name: done.rows for job, done in run_jobs(run_rollout, jobs, self.settings.jobs)
        }
        shape = len(patterns), len(self.seeds)
        cost, noop = (
            np.array([row[metrics.cost] for row in rows[name]]).reshape(shape)
            for name in (self.settings.target, NOOP)
        )
        return harm_of(cost, noop)

    def _rollout(self, name: str, agent: Agent, patterns: Sequence[Workload]) -> Rollout:
        return Rollout(
            name=name,
            agent=agent,
            workload=tuple(pattern for pattern in patterns for _ in self.seeds),
            workload_name="pattern",
            seeds=self.seeds * len(patterns),
            steps=self.settings.steps,
            world=world_of(self.settings),
            recorded=False,
        )
