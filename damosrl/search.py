"""What searches: ask/tell over static configurations, resumable from one storage file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from damosrl.knobs import QuantitySet
from damosrl.task import TaskSpec

TrialState = Literal["complete", "fail", "running"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration that was asked for.

    Args:
        number: Place in the order of asking, from 0.
        knobs: Physical value by knob name.
        score: What it was told to be worth (higher is better); None unless complete.
        state: Whether it has been told.
    """

    number: int
    knobs: Mapping[str, float]
    score: float | None
    state: TrialState


@runtime_checkable
class Searchable(Protocol):
    """A tuner with numbers that can be searched, such as the knobs of a static configuration."""

    def choices(self, spec: TaskSpec) -> QuantitySet:
        """Return what may be chosen in a task; defaults are where a search starts."""

    def chosen(self, values: Mapping[str, float]) -> dict[str, Any]:
        """Return the arguments of the tuner's class that mean a choice."""


@runtime_checkable
class Search(Protocol):
    """Looks for the best static configuration by trying some.

    Example:
        >>> def tune(search: Search, spec: TaskSpec, score, trials: int) -> Trial:
        ...     search.reset(spec, seed=0)
        ...     for _ in range(trials):
        ...         knobs = search.ask()
        ...         search.tell(knobs, score(knobs))
        ...     return search.best()
    """

    def reset(self, spec: TaskSpec, seed: int, storage: Path | None = None) -> None:
        """Begin, or continue what the storage file holds.

        A continued search goes on as if it had never stopped: trials asked for but never told
        are asked for again first.

        Raises:
            ConfigError: The file belongs to another search, spec or seed.
        """

    def ask(self) -> dict[str, float]:
        """Propose a configuration: physical value by knob name. May be called ahead of tells."""

    def tell(
        self,
        knobs: Mapping[str, float],
        score: float,
        state: Literal["complete", "fail"] = "complete",
    ) -> None:
        """Report what a proposed configuration is worth (higher is better), or that it failed.

        Raises:
            ConfigError: The configuration was not asked for, or is told already.
        """

    def trials(self) -> list[Trial]:
        """All trials in the order of asking."""

    def best(self) -> Trial:
        """Return the complete trial of the highest score, the earliest of equals.

        Raises:
            ConfigError: No trial is complete.
        """
