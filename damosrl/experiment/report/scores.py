"""One row per tuner: score with its interval, and what the score cost."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from damosrl.experiment.report.cast import Cast
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.table import Table
from damosrl.experiment.statistics import interquartile_mean
from damosrl.knobs import FloatArray
from damosrl.metrics import Shown

GIB = float(1 << 30)
NAN = math.nan


@dataclass(frozen=True)
class Interval:
    """A score with its 95 % interval; the ends are NaN where none could be computed.

    Args:
        value: Interquartile mean.
        low: Lower end.
        high: Upper end.
        runs: Number of episodes behind it.
    """

    value: float
    low: float = NAN
    high: float = NAN
    runs: int = 0

    @property
    def text(self) -> str:
        """The value alone, as tables print it."""
        return number(self.value)

    @property
    def range_text(self) -> str:
        """Both ends, as tables print them."""
        if math.isnan(self.low):
            return "-"
        return f"{number(self.low)} … {number(self.high)}"


@dataclass(frozen=True)
class ShownValue:
    """A number that a task has shown in score tables, see `damosrl.metrics.Shown`.

    Args:
        head: What it is.
        unit: Its unit.
        text: As tables print it.
        value: The number behind it.
        better: ``more`` or ``less`` of it.
    """

    head: str
    unit: str
    text: str
    value: float
    better: str = "more"


@dataclass(frozen=True)
class ScoreRow:
    """A tuner's line in the score table; means are over its episodes.

    Args:
        name: The tuner's name in the files.
        label: Short label.
        score: Score over all episodes.
        by_split: Score by split name.
        sees_truth: Whether the tuner was shown ground truth.
        is_baseline: Whether its score is 0 by definition.
        slowdown: Mean slowdown; against what says the task's wording.
        p99_latency_ns: Mean of the episodes' 99th percentile latencies.
        moved_gib: GiB moved per episode.
        returned_gib: GiB moved and moved back soon after, per episode.
        psi_some: Share of time in which some task stalled on memory.
        monitor_cpu: Share of one CPU that kdamond used.
        worse_share: Share of episodes that scored below doing nothing.
        clamps: Actions changed by the limits, over all episodes.
        fallbacks: Falls back to the kernel's own loop, over all episodes.
        shown: What the run's task has shown beside these.
        worst: Mean score on the workload of the run where that is lowest.
        worst_workload: That workload.
        attacked: Score on the run's worst-case workloads, which are no part of ``score``.
        harm: There, cost above that of doing nothing, in %.
    """

    name: str
    label: str
    score: Interval
    by_split: Mapping[str, Interval] = field(default_factory=dict)
    sees_truth: bool = False
    is_baseline: bool = False
    slowdown: float = NAN
    p99_latency_ns: float = NAN
    moved_gib: float = NAN
    returned_gib: float = NAN
    psi_some: float = NAN
    monitor_cpu: float = NAN
    worse_share: float = NAN
    clamps: float = NAN
    fallbacks: float = NAN
    shown: tuple[ShownValue, ...] = ()
    worst: float = NAN
    worst_workload: str = ""
    attacked: Interval = Interval(NAN)
    harm: Interval = Interval(NAN)

    @property
    def ranked(self) -> bool:
        """Whether the tuner competes, rather than marking an end of the scale."""
        return not (self.sees_truth or self.is_baseline)


def number(value: float, digits: int = 2, unit: str = "") -> str:
    """Print a number for a table; a dash where there is none, a true minus sign.

    Example:
        >>> number(0.5, 1, " %"), number(math.nan)
        ('0.5 %', '-')
    """
    if not math.isfinite(value):
        return "-"
    text = f"{value:,.{digits}f}{unit}"
    return text.replace("-", "\N{MINUS SIGN}")


def moved_bytes(run: Run, episodes: Table) -> FloatArray:
    """Return bytes moved per episode ``(rows,)``, all of the task's columns together."""
    return np.asarray(np.sum([column(episodes, name) for name in run.moved], axis=0))


def column(table: Table, name: str) -> FloatArray:
    """Return a numeric column ``(rows,)``, or NaN where the file lacks it."""
    return table.numbers(name) if table.has(name) else np.full(len(table), NAN)


def mean_of(values: FloatArray) -> float:
    """Return the mean of what is a number, or NaN if nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else NAN


def score_of(values: FloatArray) -> Interval:
    """Return the interquartile mean of scores ``(n,)`` without an interval."""
    known = values[np.isfinite(values)]
    if not known.size:
        return Interval(NAN)
    return Interval(interquartile_mean(known), runs=int(known.size))


def score_rows(run: Run, cast: Cast) -> list[ScoreRow]:
    """Build the score table, best first; a run without a summary gets scores without intervals."""
    rows = [_row(run, name, text) for name, text in cast.labels.items()]
    return sorted(rows, key=_rank)


def _rank(row: ScoreRow) -> tuple[bool, float, float]:
    known = math.isfinite(row.score.value)
    slowdown = row.slowdown if math.isfinite(row.slowdown) else math.inf
    return (not known, -row.score.value if known else 0.0, slowdown)


def _row(run: Run, name: str, text: str) -> ScoreRow:
    episodes = _episodes_of(run, name)
    entry = run.summary.get("scores", {}).get(name)
    score = _interval(entry)
    if episodes is None:
        return ScoreRow(
            name, text, score, sees_truth=name in run.seers, is_baseline=name == run.baseline
        )
    scores = column(episodes, "score")
    known = scores[np.isfinite(scores)]
    worst, worst_workload = _worst(episodes, scores)
    return ScoreRow(
        name=name,
        label=text,
        score=score if entry else score_of(scores),
        by_split=_by_split(run, name, episodes),
        sees_truth=name in run.seers,
        is_baseline=name == run.baseline,
        slowdown=mean_of(column(episodes, "slowdown_mean_ratio")),
        p99_latency_ns=mean_of(column(episodes, "p99_latency_ns")),
        moved_gib=mean_of(moved_bytes(run, episodes)) / GIB,
        returned_gib=mean_of(column(episodes, "returned_bytes")) / GIB,
        psi_some=mean_of(column(episodes, "psi_some_avg_ratio")),
        monitor_cpu=mean_of(column(episodes, "kdamond_cpu_ratio")),
        worse_share=mean_of((known < 0.0).astype(np.float64)),
        clamps=float(np.nansum(column(episodes, "clamp_events_count"))),
        fallbacks=float(np.nansum(column(episodes, "fallback_events_count"))),
        shown=tuple(_shown(entry, episodes) for entry in run.shown),
        worst=worst,
        worst_workload=worst_workload,
        attacked=_interval(_under_attack(run, name, "score")),
        harm=_percent(_under_attack(run, name, "harm")),
    )


def _worst(episodes: Table, scores: FloatArray) -> tuple[float, str]:
    """Return the lowest mean score of a workload, and its name; NaN without any."""
    if not episodes.has("workload") or not np.isfinite(scores).any():
        return NAN, ""
    workload = episodes.text("workload")
    means = {name: mean_of(scores[workload == name]) for name in episodes.names("workload")}
    name = min(means, key=lambda name: means[name] if math.isfinite(means[name]) else math.inf)
    return means[name], name


def _shown(entry: Shown, episodes: Table) -> ShownValue:
    mean = mean_of(column(episodes, entry.column)) * entry.factor
    return ShownValue(entry.head, entry.unit, number(mean, entry.digits), mean, entry.better)


def _episodes_of(run: Run, name: str) -> Table | None:
    if run.episodes is None or not run.episodes.has("tuner"):
        return None
    rows = run.episodes.where(run.episodes.text("tuner") == name)
    return rows if len(rows) else None


def _by_split(run: Run, name: str, episodes: Table) -> dict[str, Interval]:
    if not episodes.has("split"):
        return {}
    given = run.summary.get("by_split")
    given = given if isinstance(given, dict) else {}
    splits = {}
    for split in episodes.names("split"):
        entry = given.get(split, {}).get(name)
        rows = episodes.where(episodes.text("split") == split)
        splits[split] = _interval(entry) if entry else score_of(column(rows, "score"))
    return splits


def _under_attack(run: Run, name: str, what: str) -> Any:
    return run.summary.get("under_attack", {}).get("tuners", {}).get(name, {}).get(what)


def _percent(entry: Any) -> Interval:
    found = _interval(entry, "mean")
    return Interval(100.0 * found.value, 100.0 * found.low, 100.0 * found.high, found.runs)


def _interval(entry: Any, measure: str = "iqm") -> Interval:
    if not isinstance(entry, dict) or entry.get(measure) is None:
        return Interval(NAN)
    low, high = entry.get("ci95") or (NAN, NAN)
    low = NAN if low is None else float(low)
    high = NAN if high is None else float(high)
    return Interval(float(entry[measure]), low, high, int(entry.get("n", 0)))
