"""`damosrl compare`: the same workloads and seeds for every tuner, and honest numbers."""

from pathlib import Path

from damosrl.damon.documents import to_json
from damosrl.experiment.campaign import Campaign, Entrant, prepare, run_campaign, scale_ends
from damosrl.experiment.folder import DOCUMENT
from damosrl.experiment.launch import Launch
from damosrl.experiment.plugins import task_metrics
from damosrl.experiment.settings import (
    NOOP,
    ORACLE,
    SUMMARY,
    CompareSettings,
    world_of,
)
from damosrl.experiment.summary import summarise
from damosrl.experiment.under_attack import attacked_campaign, attacked_summary, worst_cases


def compare(launch: Launch[CompareSettings], *, quiet: bool = False) -> Path:
    """Run a comparison, or what is missing of one.

    Args:
        launch: Settings, and the folder to write.
        quiet: Print no progress.

    Returns:
        The run folder.

    Raises:
        DamosrlError: Something asked for cannot be used; nothing has been written then.
        RunFolderError: The folder exists, or the disk is full.
    """
    settings = launch.settings
    prepared = prepare(_campaign(settings))
    bad_days = worst_cases(settings, prepared.metrics)
    attacked = prepare(attacked_campaign(prepared.campaign, bad_days)) if bad_days else None
    with launch.folder() as folder:
        if prepared.document is not None:
            folder.write_text(DOCUMENT, to_json(prepared.document))
        rows = run_campaign(prepared, folder, quiet=quiet)
        summary = summarise(
            rows,
            prepared.metrics,
            interval=settings.interval,
            resamples=settings.resamples,
            monitor=settings.monitor,
            seers=prepared.seers,
        )
        if attacked is not None:
            rows = run_campaign(attacked, folder, quiet=quiet, words="under attack")
            summary["under_attack"] = attacked_summary(
                rows, attacked.metrics, interval=settings.interval, resamples=settings.resamples
            )
        folder.write_json(SUMMARY, summary)
        if settings.report:
            from damosrl.experiment.report import write_report  # noqa: PLC0415  loads matplotlib

            write_report(folder.path)
    return folder.path


def _campaign(settings: CompareSettings) -> Campaign:
    world = world_of(settings)
    ends = scale_ends(task_metrics(world.environment))
    others = (Entrant(name, name) for name in settings.all_tuners if name not in (NOOP, ORACLE))
    return Campaign(
        entrants=(*ends, *others),
        workloads=settings.workloads,
        seeds=settings.seed_list,
        steps=settings.steps,
        world=world,
        train_workload=settings.train_workload,
        jobs=settings.jobs,
        heatmap_tuner=settings.heatmap_tuner or settings.tuners[0],
        heatmap_bins=settings.heatmap_bins,
    )
