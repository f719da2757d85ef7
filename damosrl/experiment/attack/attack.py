"""`damosrl attack`: search patterns, measure the worst again, and say what it does to the tuner."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from damosrl.errors import ConfigError
from damosrl.experiment.attack.budget import Budget, Pattern, read_budget
from damosrl.experiment.attack.judge import FINAL, SEARCH, VERDICT, Judge, Workload, seeds_of
from damosrl.experiment.attack.settings import TRIALS_FILE, AttackSettings
from damosrl.experiment.attack.verdict import verdict_summary, worst_pattern_yaml
from damosrl.experiment.campaign import Campaign, Entrant, prepare, run_campaign, scale_ends
from damosrl.experiment.folder import SEARCH_JOURNAL, RunFolder
from damosrl.experiment.launch import Launch
from damosrl.experiment.plugins import task_metrics
from damosrl.experiment.progress import Advance, progress_bar
from damosrl.experiment.settings import SUMMARY, world_of
from damosrl.experiment.trial_table import TrialTable
from damosrl.registry import make_search, make_tuner
from damosrl.search import Search, Trial
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
            _search(settings, budget, search, table, advance)
            worst = _worst(settings, budget, search, table)
            advance(total - 1, "worst pattern measured on fresh seeds")
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


def _search(
    settings: AttackSettings,
    budget: Budget,
    search: Search,
    table: TrialTable,
    advance: Advance,
) -> None:
    """Ask and tell until there are enough trials; a search that stopped goes on unchanged."""
    judge = Judge(settings, seeds_of(SEARCH, settings.seed, settings.repeats))
    while True:
        trials = search.trials()
        table.show(SEARCH, trials, settings.repeats)
        told = sum(trial.state != "running" for trial in trials)
        advance(told, _worst_words(trials))
        if told >= settings.trials:
            return
        # An interrupted batch is told first, alone: later trials then know what they knew before.
        size = len(trials) - told or min(settings.batch, settings.trials - told)
        asked = [search.ask() for _ in range(size)]
        for chosen, harms in zip(asked, judge.harms(_patterns(budget, asked)), strict=True):
            if harms is None:
                search.tell(chosen, 0.0, state="fail")
            else:
                search.tell(chosen, float(harms.mean()))


def _worst(settings: AttackSettings, budget: Budget, search: Search, table: TrialTable) -> Trial:
    """Measure the worst trials again on other seeds and return the worst of them."""
    complete = [trial for trial in search.trials() if trial.score is not None]
    if not complete:
        raise ConfigError("no pattern could be run", fix="see the machine's limits")
    ranked = sorted(complete, key=lambda trial: (-(trial.score or 0.0), trial.number))
    ranked = ranked[: settings.finalists]
    judge = Judge(settings, seeds_of(FINAL, settings.seed, settings.final_repeats))
    measured = judge.harms(_patterns(budget, [trial.knobs for trial in ranked]))
    finals = [
        Trial(trial.number, trial.knobs, float(harms.mean()), "complete")
        for trial, harms in zip(ranked, measured, strict=True)
        if harms is not None
    ]
    table.show(FINAL, finals, settings.final_repeats)
    if not finals:
        raise ConfigError("no finalist could be run again", fix="see the machine's limits")
    return max(finals, key=lambda trial: (trial.score or 0.0, -trial.number))


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


def _patterns(budget: Budget, chosen: Sequence[Pattern]) -> list[Workload]:
    return [budget.pattern(one, "pattern") for one in chosen]


def _worst_words(trials: Sequence[Trial]) -> str:
    harms = [trial.score for trial in trials if trial.score is not None]
    return f"harm {100 * np.max(harms):.1f} %" if harms else ""
