"""`damosrl train`: learn a policy on emulated machines, keep it, and say what it is worth."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from damosrl.artifact import MANIFEST, Artifact, load_artifact
from damosrl.errors import RunFolderError
from damosrl.experiment.campaign import (
    Campaign,
    Entrant,
    Prepared,
    prepare,
    run_campaign,
    scale_ends,
)
from damosrl.experiment.columns import learning_columns
from damosrl.experiment.folder import RunFolder
from damosrl.experiment.launch import Launch
from damosrl.experiment.plugins import task_metrics
from damosrl.experiment.progress import progress_bar
from damosrl.experiment.rollout import Row, make_environments
from damosrl.experiment.settings import SUMMARY, TrainSettings, world_of
from damosrl.experiment.summary import summarise
from damosrl.experiment.trained import keep_artifact, trained_artifact
from damosrl.learner import Learner, TrainingProgress, TrainingRequest
from damosrl.metrics import TaskMetrics
from damosrl.registry import make_learner

ARTIFACT = "artifact"
CHECKPOINTS = "checkpoints"
LEARNING_FILE = "learning_curve.csv"


def train(launch: Launch[TrainSettings], *, quiet: bool = False) -> Path:
    """Train, or go on training; then evaluate the policy between no-op and oracle.

    Args:
        launch: Settings, and the folder to write.
        quiet: Print no progress.

    Returns:
        The run folder; its ``artifact/`` is the policy.

    Raises:
        DamosrlError: Something asked for cannot be used; nothing has been written then.
        RunFolderError: The folder exists, or the disk is full.
    """
    settings = launch.settings
    learner = make_learner(settings.agent)
    prepared = prepare(_evaluation(settings))
    with launch.folder() as folder:
        path = folder.file(ARTIFACT)
        finished = (path / MANIFEST).is_file()
        artifact = (
            load_artifact(path)
            if finished
            else _learn(settings, learner, folder, launch, quiet=quiet)
        )
        policy = Entrant(learner.algorithm.lower(), artifact)
        summary = _evaluate(settings, prepared, policy, folder, quiet=quiet)
        if not finished:
            keep_artifact(path, artifact, settings, summary)
        folder.write_json(SUMMARY, summary)
        if settings.report:
            from damosrl.experiment.report import write_report  # noqa: PLC0415  loads matplotlib

            write_report(folder.path)
    return folder.path


def _learn(
    settings: TrainSettings,
    learner: Learner,
    folder: RunFolder,
    launch: Launch[TrainSettings],
    *,
    quiet: bool,
) -> Artifact:
    """Train; the last checkpoint keeps the result until the artifact is written."""
    env: Any = make_environments(
        world_of(settings), settings.num_envs, settings.workload, steps=settings.steps
    ).unwrapped
    timesteps = settings.timesteps or learner.timesteps
    action_kind = settings.task.get("action", "absolute")
    watched = tuple(env.metrics.learning)
    with progress_bar("training", timesteps, quiet=quiet) as advance:
        curve = LearningCurve(folder, env.metrics, resumed=launch.resumed)

        def report(progress: TrainingProgress) -> None:
            curve.add(progress)
            advance(progress.timesteps, f"reward {progress.reward_mean:.3f}")

        network = learner.train(
            env.sb3(watched),
            TrainingRequest(
                seed=settings.seed,
                timesteps=timesteps,
                progress=report,
                info_keys=watched,
                checkpoint_dir=folder.file(CHECKPOINTS),
                checkpoint_every=settings.checkpoint_every,
                resume=launch.resumed,
                spec=env.task_spec if action_kind == "absolute" else None,
            ),
        )
    return trained_artifact(settings, learner.algorithm, network, env.task_spec)


def _evaluate(
    settings: TrainSettings, prepared: Prepared, policy: Entrant, folder: RunFolder, *, quiet: bool
) -> dict[str, Any]:
    """Run policy, no-op and oracle on the evaluation's workloads; return the scores."""
    campaign = prepared.campaign
    complete = replace(campaign, entrants=(*campaign.entrants, policy), heatmap_tuner=policy.name)
    rows = run_campaign(replace(prepared, campaign=complete), folder, quiet=quiet)
    return summarise(
        rows,
        prepared.metrics,
        interval=settings.evaluation.seeds > 1,
        resamples=settings.evaluation.resamples,
        monitor=settings.monitor,
    )


def _evaluation(settings: TrainSettings) -> Campaign:
    """Return what is evaluated, as far as it is known before there is a policy."""
    evaluation = settings.evaluation
    world = world_of(settings)
    return Campaign(
        entrants=scale_ends(task_metrics(world.environment)),
        workloads=evaluation.workloads,
        seeds=tuple(range(evaluation.seed_base, evaluation.seed_base + evaluation.seeds)),
        steps=evaluation.steps,
        world=world,
        train_workload=settings.workload,
        jobs=settings.jobs,
    )


class LearningCurve:
    """learning_curve.csv, written anew with every report.

    Args:
        folder: Where it lies.
        metrics: What training watches.
        resumed: Whether to go on from the rows that are there.
    """

    def __init__(self, folder: RunFolder, metrics: TaskMetrics, *, resumed: bool) -> None:
        self._folder, self._metrics = folder, metrics
        self._rows: list[Row] = list(folder.read_rows(LEARNING_FILE)) if resumed else []
        self._wall_s: float | None = None

    def add(self, progress: TrainingProgress) -> None:
        """Add a report.

        What an interrupted run reported after its last checkpoint is learnt again, so those
        rows give way to the new ones; the wall time goes on from the last row that stays.

        Raises:
            RunFolderError: The disk is full.
        """
        if self._wall_s is None:
            self._rows = [
                row for row in self._rows if int(row["timesteps_count"]) < progress.timesteps
            ]
            self._wall_s = float(self._rows[-1]["wall_s"]) if self._rows else 0.0
        self._rows.append(
            {
                "timesteps_count": progress.timesteps,
                "wall_s": round(self._wall_s + progress.wall_s, 3),
                "reward_mean": progress.reward_mean,
                **{
                    column: progress.info_means.get(key)
                    for key, column in self._metrics.learning.items()
                },
            }
        )
        try:
            columns = learning_columns(self._metrics)
            self._folder.write_rows(LEARNING_FILE, columns, self._rows)
        except RunFolderError as error:
            raise RunFolderError(
                "the learning curve cannot be written; checkpoints so far are kept",
                got=error.got,
                fix=error.fix,
            ) from error
