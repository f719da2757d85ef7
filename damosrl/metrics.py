"""What a task measures, for the tables of a run, and what its scores are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from damosrl.errors import UnknownNameError
from damosrl.wording import Wording


@dataclass(frozen=True)
class EpisodeColumn:
    """A column of episodes.csv, made of a number that every step's info carries.

    Args:
        name: Name of the column; the unit is its end.
        of: Key of the info.
        how: ``mean`` or ``sum`` over steps, their 95th percentile, or the ``last`` one.
    """

    name: str
    of: str
    how: Literal["mean", "sum", "p95", "last"] = "mean"


@dataclass(frozen=True)
class Shown:
    """A column of episodes.csv that score tables show, as its mean over episodes.

    Args:
        column: Name in `TaskMetrics.episodes`.
        head: What tables call it.
        unit: Unit after the factor.
        factor: What the mean is multiplied by.
        digits: Digits after the point.
        better: Whether more or less of it is better. The first of which more is better is drawn
            against the slowdown, as what is gained for it.
    """

    column: str
    head: str
    unit: str
    factor: float = 1.0
    digits: int = 2
    better: Literal["more", "less"] = "more"


@dataclass(frozen=True)
class TaskMetrics:
    """A task's numbers.

    The score of an episode is (cost of no-op - cost) / (cost of no-op - cost of the oracle), on the
    same workload and seed. Where both ends differ by less than ``smallest_gain`` there is nothing
    to win, and what was moved counts instead.

    Args:
        steps: Key of the info by column of steps.csv, beyond those that every task has.
        episodes: Columns of episodes.csv, beyond those that every task has.
        cost: The column of ``episodes`` that scores are made of; less is better.
        cost_words: What texts call it.
        smallest_gain: Smallest difference of both ends, in the unit of the cost.
        moved: Columns of ``episodes`` whose sum is the bytes moved.
        noop: Agent at the lower end of the scale.
        oracle: Agent at the upper end; it may see the truth.
        shown: What score tables show beside slowdown, pressure and bytes moved.
        learning: Column of learning_curve.csv by key of the info, for what training watches.
        wording: What reports call the numbers.
        worst_case: Workloads made to harm tuners, which comparisons run beside those asked for.

    Raises:
        UnknownNameError: ``cost``, ``moved`` or ``shown`` names no column of ``episodes``.

    Example:
        >>> columns = (EpisodeColumn("slowdown_mean_ratio", "slowdown"),)
        >>> TaskMetrics({}, columns, moved=()).cost
        'slowdown_mean_ratio'
    """

    steps: Mapping[str, str]
    episodes: tuple[EpisodeColumn, ...]
    cost: str = "slowdown_mean_ratio"
    cost_words: str = "slowdown"
    smallest_gain: float = 0.02
    moved: tuple[str, ...] = ("migrated_up_bytes", "migrated_down_bytes")
    noop: str = "noop"
    oracle: str = "oracle"
    shown: tuple[Shown, ...] = ()
    learning: Mapping[str, str] = field(default_factory=dict)
    wording: Wording = field(default_factory=Wording)
    worst_case: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        columns = [column.name for column in self.episodes]
        for name in (self.cost, *self.moved, *(one.column for one in self.shown)):
            if name not in columns:
                raise UnknownNameError("column of TaskMetrics.episodes", name, columns)


def number_of(info: Mapping[str, Any], key: str) -> Any:
    """Return what an info holds under a key that a `TaskMetrics` names.

    Raises:
        UnknownNameError: The environment tells no such number; the nearest is named.

    Example:
        >>> number_of({"slowdown": 1.5}, "slowdown")
        1.5
    """
    try:
        return info[key]
    except KeyError:
        names = [name for name in info if not name.startswith("_")]
        raise UnknownNameError("key of the info in TaskMetrics", key, names) from None
