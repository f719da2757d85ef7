"""Tuners x workloads x seeds into a run folder; every finished cell is kept, the rest resumes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from damosrl.damon import Document
from damosrl.errors import ConfigError
from damosrl.experiment.columns import (
    EPISODE_COUNTS,
    EPISODE_TEXTS,
    episode_columns,
    step_columns,
)
from damosrl.experiment.folder import RunFolder
from damosrl.experiment.jobs import run_jobs
from damosrl.experiment.mixes import dealt
from damosrl.experiment.plugins import NamedSource, task_workload
from damosrl.experiment.progress import progress_bar
from damosrl.experiment.rollout import Episodes, Rollout, Row, make_environments, run_rollout
from damosrl.experiment.scoring import score_episodes
from damosrl.experiment.settings import NOOP, ORACLE, WorkloadSpec, World
from damosrl.metrics import TaskMetrics
from damosrl.registry import Agent, make_tuner

EPISODES_FILE = "episodes.csv"
STEPS_FILE = "steps.csv"
EVENTS_FILE = "events.jsonl"
HEATMAP_FILE = "heatmap.npz"
TRAIN, HELD_OUT = "train", "held-out"

Cell = tuple[str, str]
"""A tuner's name and a workload's name."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """A tuner that takes part.

    Args:
        name: What tables call it.
        agent: What it is built from.
    """

    name: str
    agent: Agent


def scale_ends(metrics: TaskMetrics) -> tuple[Entrant, Entrant]:
    """Return no-op and oracle as the task has them."""
    return Entrant(NOOP, metrics.noop), Entrant(ORACLE, metrics.oracle)


@dataclass(frozen=True)
class Campaign:
    """What is run.

    Args:
        entrants: In the order of tables; both ends of the scale among them, if scores are wanted.
        workloads: In the order of tables.
        seeds: The same for every tuner.
        steps: Decisions per episode.
        world: What environments are built from.
        train_workload: Its families count as seen in training.
        jobs: Processes.
        heatmap_tuner: Tuner whose monitor is drawn on the first workload and seed.
        heatmap_bins: Address bins of that picture.
        episodes: File of the episodes in the run folder.
        recorded: Whether steps and events of the first seed are kept.
        dealt: Whether the members of a mix are dealt to the seeds by turns, rather than drawn.
    """

    entrants: tuple[Entrant, ...]
    workloads: tuple[WorkloadSpec, ...]
    seeds: tuple[int, ...]
    steps: int
    world: World
    train_workload: WorkloadSpec
    jobs: int = 1
    heatmap_tuner: str | None = None
    heatmap_bins: int = 200
    episodes: str = EPISODES_FILE
    recorded: bool = True
    dealt: bool = False


@dataclass(frozen=True)
class Prepared:
    """A campaign whose parts have all been built once.

    Args:
        campaign: What is run.
        names: Workload names, in the campaign's order.
        splits: ``train`` or ``held-out`` by workload name.
        metrics: What is measured.
        columns: Columns of steps.csv.
        document: What the first machine's kdamonds are told under default knobs; None for a task
            without kdamonds.
        seers: Names of the entrants that see ground truth.
    """

    campaign: Campaign
    names: tuple[str, ...]
    splits: Mapping[str, str]
    metrics: TaskMetrics
    columns: tuple[str, ...]
    document: Document | None
    seers: tuple[str, ...]

    @property
    def cells(self) -> list[Cell]:
        """All cells in the order of tables."""
        return [(one.name, name) for one in self.campaign.entrants for name in self.names]

    def rollout(self, cell: Cell) -> Rollout:
        """Return what has to run for one cell."""
        campaign = self.campaign
        agents = {one.name: one.agent for one in campaign.entrants}
        tuner, workload = cell
        pictured = tuner == campaign.heatmap_tuner and workload == self.names[0]
        pictured = pictured and self.document is not None
        spec = campaign.workloads[self.names.index(workload)]
        environment = campaign.world.environment
        return Rollout(
            name=tuner,
            agent=agents[tuner],
            workload=dealt(spec, environment, campaign.seeds) if campaign.dealt else spec,
            workload_name=workload,
            seeds=campaign.seeds,
            steps=campaign.steps,
            world=campaign.world,
            recorded=campaign.recorded,
            heatmap_bins=campaign.heatmap_bins if pictured else 0,
        )


def prepare(campaign: Campaign) -> Prepared:
    """Build every part once, so that mistakes show before anything is written.

    Raises:
        DamosrlError: A tuner, workload, machine or other choice cannot be used.
    """
    tuners = [make_tuner(one.agent) for one in campaign.entrants]
    environment = campaign.world.environment
    sources = [task_workload(environment, spec) for spec in campaign.workloads]
    names = tuple(source.name for source in sources)
    _require_distinct(names)
    env = make_environments(
        campaign.world, len(sources), campaign.workloads[0], steps=1, autoreset="disabled"
    )
    env.reset(seed=campaign.seeds[0], options={"workloads": list(campaign.workloads)})
    inner: Any = env.unwrapped
    for tuner in tuners:
        tuner.reset(inner.task_spec.framed(tuner.frames), campaign.seeds[0])
    seen = task_workload(environment, campaign.train_workload).families
    metrics: TaskMetrics = inner.metrics
    columns = step_columns(metrics, inner.task_spec.knobs.names)
    document = inner.document
    env.close()
    seers = tuple(
        one.name
        for one, tuner in zip(campaign.entrants, tuners, strict=True)
        if tuner.sees_ground_truth
    )
    return Prepared(campaign, names, _splits(sources, seen), metrics, columns, document, seers)


def run_campaign(
    prepared: Prepared, folder: RunFolder, *, quiet: bool, words: str = "running"
) -> list[Row]:
    """Run what the folder does not hold yet; write after every finished cell.

    Args:
        prepared: What to run.
        folder: Where results go, and where those of an interrupted run are.
        quiet: Print no progress.
        words: What progress calls it.

    Returns:
        All episodes with scores, in the order of tables.

    Raises:
        RunFolderError: The disk is full; finished cells stay readable.
    """
    ledger = Ledger(prepared, folder)
    waiting = [cell for cell in prepared.cells if not ledger.holds(cell)]
    jobs = [prepared.rollout(cell) for cell in waiting]
    total = len(prepared.cells)
    with progress_bar(words, total, quiet=quiet) as advance:
        done = total - len(jobs)
        advance(done, "")
        for job, episodes in run_jobs(run_rollout, jobs, prepared.campaign.jobs):
            ledger.keep((job.name, job.workload_name), episodes)
            done += 1
            advance(done, f"{job.name} on {job.workload_name}")
    return ledger.rows()


class Ledger:
    """The results of a campaign, cell by cell, in memory and in the folder.

    Args:
        prepared: What is run.
        folder: Read for finished cells first.
    """

    def __init__(self, prepared: Prepared, folder: RunFolder) -> None:
        self._prepared, self._folder = prepared, folder
        self._cells: dict[Cell, Episodes] = {}
        episodes = prepared.campaign.episodes
        with folder.intact(episodes):
            for row in folder.read_rows(episodes):
                self._cell(row).rows.append(_numbers(row))
        seeds = len(prepared.campaign.seeds)
        whole = {cell for cell, known in self._cells.items() if len(known.rows) == seeds}
        if not folder.file(HEATMAP_FILE).is_file():
            whole -= {cell for cell in whole if prepared.rollout(cell).heatmap_bins}
        self._cells = {cell: known for cell, known in self._cells.items() if cell in whole}
        if prepared.campaign.recorded:
            self._read_records(whole)

    def _read_records(self, whole: set[Cell]) -> None:
        with self._folder.intact(STEPS_FILE):
            for row in self._folder.read_rows(STEPS_FILE):
                if _key(row) in whole:
                    self._cell(row).steps.append(row)
        with self._folder.intact(EVENTS_FILE):
            for event in self._folder.read_lines(EVENTS_FILE):
                if _key(event) in whole:
                    self._cell(event).events.append(event)

    def holds(self, cell: Cell) -> bool:
        """Tell whether a cell is finished."""
        return cell in self._cells

    def keep(self, cell: Cell, episodes: Episodes) -> None:
        """Take the results of a cell and write all files anew; the episodes come last.

        Raises:
            RunFolderError: The disk is full; the files are as they were before this cell.
        """
        split = self._prepared.splits[cell[1]]
        episodes.rows = [{**row, "split": split} for row in episodes.rows]
        self._cells[cell] = episodes
        if episodes.heatmap:
            self._folder.write_arrays(HEATMAP_FILE, episodes.heatmap)
        if self._prepared.campaign.recorded:
            known = [self._cells[cell] for cell in self._prepared.cells if cell in self._cells]
            steps = [row for one in known for row in one.steps]
            self._folder.write_rows(STEPS_FILE, self._prepared.columns, steps)
            events = [event for one in known for event in one.events]
            self._folder.write_lines(EVENTS_FILE, events)
        columns = episode_columns(self._prepared.metrics)
        self._folder.write_rows(self._prepared.campaign.episodes, columns, self.rows())

    def rows(self) -> list[Row]:
        """Return all episodes so far, scored where both ends of the scale are known."""
        known = [self._cells[cell] for cell in self._prepared.cells if cell in self._cells]
        return score_episodes([row for one in known for row in one.rows], self._prepared.metrics)

    def _cell(self, row: Mapping[str, Any]) -> Episodes:
        return self._cells.setdefault(_key(row), Episodes())


def _key(row: Mapping[str, Any]) -> Cell:
    return row["tuner"], row["workload"]


def _numbers(row: Mapping[str, str]) -> Row:
    """Turn the text of episodes.csv back into what was written."""
    values: Row = {}
    for name, text in row.items():
        if name in EPISODE_TEXTS:
            values[name] = text
        elif name in EPISODE_COUNTS:
            values[name] = int(text)
        else:
            values[name] = float(text) if text else None
    return values


def _splits(sources: Sequence[NamedSource], seen: frozenset[str]) -> dict[str, str]:
    return {one.name: TRAIN if one.families <= seen else HELD_OUT for one in sources}


def _require_distinct(names: tuple[str, ...]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigError(
            "two workloads have the same name", got=twice[0], fix="give one of them another name:"
        )
