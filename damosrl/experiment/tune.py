"""`damosrl tune`: the best configuration for a mix of workloads, by ask and tell."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from damosrl.errors import EmulatorLimitError
from damosrl.experiment.campaign import scale_ends
from damosrl.experiment.candidate import Candidate, read_candidate
from damosrl.experiment.folder import SEARCH_JOURNAL, RunFolder
from damosrl.experiment.jobs import run_jobs
from damosrl.experiment.launch import Launch
from damosrl.experiment.plugins import task_metrics, task_workload
from damosrl.experiment.progress import progress_bar
from damosrl.experiment.rollout import Rollout, Row, make_environments, run_rollout
from damosrl.experiment.scoring import score_episodes
from damosrl.experiment.search_loop import FINAL, SEARCH, Choice, SearchLoop
from damosrl.experiment.settings import SUMMARY, TuneSettings, world_of
from damosrl.experiment.statistics import bootstrap, interquartile_mean
from damosrl.experiment.trial_table import TrialTable
from damosrl.registry import Agent, make_search, make_tuner
from damosrl.search import Search, Trial
from damosrl.task import TaskSpec

TRIALS_FILE = "trials.csv"
BEST_FILE = "best.yaml"
FIRST_SEED = {SEARCH: 20_000, FINAL: 30_000}
"""Seeds of the episodes, apart from each other and from those of comparisons."""
SEEDS_PER_RUN = 1_000


def tune(launch: Launch[TuneSettings], *, quiet: bool = False) -> Path:
    """Search, or go on searching; measure the best trials again; write the winner.

    Args:
        launch: Settings, and the folder to write.
        quiet: Print no progress.

    Returns:
        The run folder; its ``best.yaml`` is an agent's configuration.

    Raises:
        DamosrlError: Something asked for cannot be used; nothing has been written then.
        RunFolderError: The folder exists, or the disk is full.
    """
    settings = launch.settings
    search = make_search(settings.agent)
    candidate = read_candidate(settings.candidate)
    spec = candidate.space(_task_spec(settings))
    with launch.folder() as folder:
        search.reset(spec, settings.seed, folder.file(SEARCH_JOURNAL))
        table = TrialTable(folder, TRIALS_FILE, spec.knobs.names)
        total = settings.trials + min(settings.finalists, settings.trials)
        with progress_bar("searching", total, quiet=quiet) as advance:
            loop = SearchLoop(settings, search, table, advance, interquartile_mean, _words)
            loop.run(Judge.of(settings, candidate, SEARCH, settings.repeats).scores)
            finals = loop.finals(
                Judge.of(settings, candidate, FINAL, settings.final_repeats).scores
            )
        _write_best(folder, settings, candidate, search, finals)
        if settings.report:
            from damosrl.experiment.report import write_report  # noqa: PLC0415  loads matplotlib

            write_report(folder.path)
    return folder.path


@dataclass(frozen=True)
class Judge:
    """Scores configurations on the same episodes, between no-op and oracle.

    Args:
        settings: What is searched.
        candidate: Whose numbers.
        seeds: One episode each.
        ends: Episodes of no-op and oracle.
    """

    settings: TuneSettings
    candidate: Candidate
    seeds: tuple[int, ...]
    ends: tuple[Row, ...] = field(repr=False)

    @classmethod
    def of(cls, settings: TuneSettings, candidate: Candidate, stage: str, repeats: int) -> "Judge":
        """Run both ends of the scale on a stage's seeds."""
        first = FIRST_SEED[stage] + SEEDS_PER_RUN * settings.seed
        seeds = tuple(range(first, first + repeats))
        ends = scale_ends(task_metrics(world_of(settings).environment))
        jobs = [_rollout(settings, end.name, end.agent, seeds) for end in ends]
        results = {job.name: done.rows for job, done in run_jobs(run_rollout, jobs, settings.jobs)}
        return cls(
            settings, candidate, seeds, tuple(row for name in results for row in results[name])
        )

    def scores(self, trials: Sequence[Choice]) -> list[list[float] | None]:
        """Return each configuration's scores by seed; None for one that could not be run."""
        jobs = [
            _rollout(self.settings, str(place), self.candidate.agent(knobs), self.seeds)
            for place, knobs in enumerate(trials)
        ]
        found: dict[str, list[float] | None] = {}
        for job, rows in run_jobs(_rows_or_failure, jobs, self.settings.jobs):
            found[job.name] = None if rows is None else self._scored(rows)
        return [found[job.name] for job in jobs]

    def _scored(self, rows: Sequence[Row]) -> list[float]:
        metrics = task_metrics(world_of(self.settings).environment)
        scored = score_episodes([*self.ends, *rows], metrics)
        return [float(row["score"]) for row in scored[len(self.ends) :]]


def _write_best(
    folder: RunFolder,
    settings: TuneSettings,
    candidate: Candidate,
    search: Search,
    finals: Sequence[tuple[Trial, Sequence[float]]],
) -> None:
    best, scores = finals[0]
    agent = candidate.agent(best.knobs)
    command = folder.file("command.txt").read_text("utf-8").strip()
    header = (
        f"# The best single configuration of {len(search.trials())} trials, found by\n"
        f"#   {command}\n"
        f"# Score {best.score:.3f}: interquartile mean over {len(scores)} fresh seeds.\n"
    )
    folder.write_text(BEST_FILE, header + yaml.safe_dump(agent, sort_keys=False))
    summary: dict[str, Any] = {
        "best": {"trial": best.number, "score": best.score, "knobs": dict(best.knobs)},
        "finalists": [
            {"trial": trial.number, "score": trial.score, "n": len(scores)}
            for trial, scores in finals
        ],
        "trials": len(search.trials()),
        "failed": sum(trial.state == "fail" for trial in search.trials()),
        "monitor": settings.monitor,
    }
    if len(scores) > 1:
        found = bootstrap([scores], np.random.default_rng(settings.seed))
        summary["best"]["ci95"] = [found.low, found.high]
    folder.write_json(SUMMARY, summary)


def _rows_or_failure(job: Rollout) -> list[Row] | None:
    """Run a trial; a configuration that breaks the emulator's limits has failed, not the search."""
    try:
        return run_rollout(job).rows
    except EmulatorLimitError:
        return None


def _rollout(settings: TuneSettings, name: str, agent: Agent, seeds: tuple[int, ...]) -> Rollout:
    return Rollout(
        name=name,
        agent=agent,
        workload=settings.workload,
        workload_name=task_workload(world_of(settings).environment, settings.workload).name,
        seeds=seeds,
        steps=settings.steps,
        world=world_of(settings),
        recorded=False,
    )


def _task_spec(settings: TuneSettings) -> TaskSpec:
    """Build everything once, so that mistakes show before anything is written."""
    for end in scale_ends(task_metrics(world_of(settings).environment)):
        make_tuner(end.agent)
    env = make_environments(world_of(settings), 1, settings.workload, steps=1, autoreset="disabled")
    env.reset(seed=settings.seed)
    inner: Any = env.unwrapped
    spec: TaskSpec = inner.task_spec
    return spec


def _words(score: float) -> str:
    return f"best {score:.3f}"
