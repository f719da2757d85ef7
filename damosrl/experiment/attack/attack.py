"""`damosrl attack`: search patterns, measure the worst again, and say what it does to the tuner."""

from pathlib import Path

from damosrl.experiment.attack.budget import Budget, read_budget
from damosrl.experiment.attack.judge import VERDICT, Judge, Workload, mean_harm, seeds_of
from damosrl.experiment.attack.settings import TRIALS_FILE, AttackSettings
from damosrl.experiment.attack.verdict import verdict_summary, worst_pattern_yaml
from damosrl.experiment.campaign import Campaign, Entrant, prepare, run_campaign, scale_ends
from damosrl.experiment.folder import SEARCH_JOURNAL, RunFolder
from damosrl.experiment.launch import Launch
from damosrl.experiment.plugins import task_metrics
from damosrl.experiment.progress import progress_bar
from damosrl.experiment.search_loop import FINAL, SEARCH, Measure, SearchLoop
from damosrl.experiment.settings import SUMMARY, world_of
from damosrl.experiment.trial_table import TrialTable
from damosrl.registry import make_search, make_tuner
from damosrl.task import TaskSpec

PATTERN_FILE = "pattern.yaml"


def attack(launch: Launch[AttackSettings], *, quiet: bool = False) -> Path:
    """Search the pattern that harms a tuner most, or go on searching.

    Args:
        launch: Settings, and the folder to write.
        quiet: Print no progress.

    Returns:
        The run folder; its ``pattern.yaml`` is a workload for `damosrl compare`.

    Raises:
        DamosrlError: Something asked for cannot be used; nothing has been written then.
        RunFolderError: The folder exists, or the disk is full.
    """
    settings = launch.settings
    budget = read_budget(settings.budget)
    search = make_search(settings.agent)
    make_tuner(settings.target)
    label = settings.pattern_name
    first = budget.pattern({item.name: item.default for item in budget.choices.items}, label)
    prepare(_verdict_campaign(settings, first))
    with launch.folder() as folder:
        search.reset(_search_spec(budget), settings.seed, folder.file(SEARCH_JOURNAL))
        table = TrialTable(folder, TRIALS_FILE, budget.choices.names, "harm_ratio")
        total = settings.trials + min(settings.finalists, settings.trials) + 1
        with progress_bar("attacking", total, quiet=quiet) as advance:
            loop = SearchLoop(settings, search, table, advance, mean_harm, _words)
            loop.run(_measure(settings, budget, SEARCH, settings.repeats))
            worst, _ = loop.finals(_measure(settings, budget, FINAL, settings.final_repeats))[0]
            _verdict(settings, budget.pattern(worst.knobs, label), len(search.trials()), folder)
        if settings.report:
            from damosrl.experiment.attack.figures import write_figures  # noqa: PLC0415  matplotlib
            from damosrl.experiment.report import write_report  # noqa: PLC0415  loads matplotlib

            write_report(folder.path)
            write_figures(folder, settings.target)
    return folder.path


def _search_spec(budget: Budget) -> TaskSpec:
    """Put the budget's choices where a search looks for knobs."""
    return TaskSpec("attack", budget.choices, budget.choices, 1.0)


def _verdict(settings: AttackSettings, pattern: Workload, trials: int, folder: RunFolder) -> None:
    """Run tuner, no-op and oracle on the chosen pattern with fresh seeds; write what they say."""
    prepared = prepare(_verdict_campaign(settings, pattern))
    rows = run_campaign(prepared, folder, quiet=True)
    summary = verdict_summary(rows, prepared.metrics, settings, pattern, trials)
    command = folder.file("command.txt").read_text("utf-8").strip()
    folder.write_text(PATTERN_FILE, worst_pattern_yaml(pattern, summary["attack"], command))
    folder.write_json(SUMMARY, summary)


def _verdict_campaign(settings: AttackSettings, pattern: Workload) -> Campaign:
    world = world_of(settings)
    return Campaign(
        entrants=(
            *scale_ends(task_metrics(world.environment)),
            Entrant(settings.target, settings.target),
        ),
        workloads=(pattern,),
        seeds=seeds_of(VERDICT, settings.seed, settings.verdict_seeds),
        steps=settings.steps,
        world=world,
        train_workload="train_mix",
        jobs=settings.jobs,
        heatmap_tuner=settings.target,
    )


def _measure(settings: AttackSettings, budget: Budget, stage: str, episodes: int) -> Measure:
    """Return what measures the harm of choices on a stage's seeds."""
    judge = Judge(settings, seeds_of(stage, settings.seed, episodes))
    return lambda chosen: judge.harms([budget.pattern(one, "pattern") for one in chosen])


def _words(harm: float) -> str:
    return f"harm {100 * harm:.1f} %"
