"""The contract of `damosrl.search.Search`, clause by clause."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from damosrl.errors import ConfigError
from damosrl.search import Search, Trial
from damosrl.task import TaskSpec
from damosrl.testing.contract import ContractError, require

Make = Callable[[], Search]
TRIALS = 14


def check_search(make: Make, spec: TaskSpec, folder: Path, *, seed: int = 0) -> None:
    """Hold a search method to its contract.

    Args:
        make: Builds a fresh search.
        spec: A task whose knobs are searched.
        folder: An empty folder for storage files.
        seed: Of the searches.

    Raises:
        ContractError: A clause is broken; the message names it.
    """
    for clause in CLAUSES:
        place = folder / clause.__name__
        place.mkdir()
        clause(make, spec, place, seed)


def proposals_are_in_range(make: Make, spec: TaskSpec, folder: Path, seed: int) -> None:
    """Every proposal has a value for each knob, within its limits, or 0 where it can be off."""
    del folder
    search = make()
    search.reset(spec, seed)
    for _ in range(TRIALS):
        knobs = search.ask()
        require(tuple(knobs) == spec.knobs.names, "a proposal names every knob in order")
        for item in spec.knobs.items:
            value = knobs[item.name]
            switched_off = value == 0 and item.off_below is not None
            slack = 1e-9 * max(abs(item.low), abs(item.high))
            within = item.low - slack <= value <= item.high + slack
            require(switched_off or within, f"{item.name} is in range, got {value}")
        search.tell(knobs, worth(spec, knobs))


def equal_seeds_search_alike(make: Make, spec: TaskSpec, folder: Path, seed: int) -> None:
    """Equal seeds give equal trials, in memory and in a file; another seed differs."""
    in_memory = _run(make(), spec, seed, None, TRIALS)
    in_file = _run(make(), spec, seed, folder / "search.journal", TRIALS)
    require(in_memory == in_file, "a storage file changes nothing")
    require(_run(make(), spec, seed + 1, None, TRIALS) != in_memory, "another seed differs")


def resumed_equals_uninterrupted(make: Make, spec: TaskSpec, folder: Path, seed: int) -> None:
    """A search stopped between ask and tell goes on, trial by trial, as if never stopped."""
    whole = _run(make(), spec, seed, None, TRIALS)
    storage = folder / "search.journal"
    _run(make(), spec, seed, storage, TRIALS // 2)
    stopped = make()
    stopped.reset(spec, seed, storage)
    stopped.ask()
    resumed = _run(make(), spec, seed, storage, TRIALS)
    require(resumed == whole, "a resumed search equals an uninterrupted one")


def foreign_storage_is_refused(make: Make, spec: TaskSpec, folder: Path, seed: int) -> None:
    """A storage file of another seed is refused, not mixed in."""
    storage = folder / "search.journal"
    _run(make(), spec, seed, storage, 1)
    _require_refusal(lambda: make().reset(spec, seed + 1, storage), "another seed's file")


def only_asked_is_told(make: Make, spec: TaskSpec, folder: Path, seed: int) -> None:
    """Telling what was not asked, telling twice, and telling NaN are refused."""
    del folder
    search = make()
    search.reset(spec, seed)
    knobs = search.ask()
    other = {name: value + 0.5 for name, value in knobs.items()}
    _require_refusal(lambda: search.tell(other, 0.0), "telling what was not asked")
    _require_refusal(lambda: search.tell(knobs, float("nan")), "telling NaN")
    search.tell(knobs, 0.0)
    _require_refusal(lambda: search.tell(knobs, 0.0), "telling twice")


def best_is_the_highest(make: Make, spec: TaskSpec, folder: Path, seed: int) -> None:
    """The best trial is the complete one of the highest score; failed ones do not count."""
    del folder
    search = make()
    search.reset(spec, seed)
    _require_refusal(search.best, "the best of nothing")
    asked = [search.ask() for _ in range(4)]
    search.tell(asked[2], 3.0)
    search.tell(asked[0], 1.0)
    search.tell(asked[1], 99.0, state="fail")
    best = search.best()
    require(dict(best.knobs) == asked[2], "best() is the highest complete trial")
    require(best.score == 3.0, "best() carries its score")
    states = [trial.state for trial in search.trials()]
    require(states == ["complete", "fail", "complete", "running"], f"states are kept, got {states}")


CLAUSES = (
    proposals_are_in_range,
    equal_seeds_search_alike,
    resumed_equals_uninterrupted,
    foreign_storage_is_refused,
    only_asked_is_told,
    best_is_the_highest,
)
"""Every clause is a check of its own: parametrise a test over them for one result each."""


def worth(spec: TaskSpec, knobs: Mapping[str, float]) -> float:
    """Score a configuration: 0 in the middle of every range, less elsewhere."""
    return -sum(
        float(item.to_normal(np.asarray(knobs[item.name]))) ** 2 for item in spec.knobs.items
    )


def _run(
    search: Search, spec: TaskSpec, seed: int, storage: Path | None, trials: int
) -> list[Trial]:
    search.reset(spec, seed, storage)
    while sum(trial.state == "complete" for trial in search.trials()) < trials:
        knobs = search.ask()
        search.tell(knobs, worth(spec, knobs))
    return search.trials()


def _require_refusal(action: Callable[[], object], what: str) -> None:
    try:
        action()
    except ConfigError:
        return
    raise ContractError(f"{what} is refused with a ConfigError")
