"""Searches under the shipped contract suite, and against each other on a known optimum."""

from collections.abc import Callable
from pathlib import Path

import pytest

from damosrl.errors import ConfigError, UnknownNameError
from damosrl.registry import make_search
from damosrl.search import Search
from damosrl.task import TaskSpec
from damosrl.testing import check_search
from damosrl.testing.search_contract import CLAUSES, worth

SEARCHES = ("random_search", "tpe", "cma_es")
Clause = Callable[[Callable[[], Search], TaskSpec, Path, int], None]


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", SEARCHES)
def test_every_search_keeps_the_contract(
    name: str, clause: Clause, tiering_spec: TaskSpec, tmp_path: Path
) -> None:
    """A search of conf/agent holds each clause of the contract."""
    clause(lambda: make_search(name), tiering_spec, tmp_path, 5)


def test_the_whole_suite_runs_at_once(tiering_spec: TaskSpec, tmp_path: Path) -> None:
    """A third party checks a search in one call."""
    check_search(lambda: make_search("random_search"), tiering_spec, tmp_path)


def _best_score(name: str, spec: TaskSpec, seed: int) -> float:
    search = make_search(name)
    search.reset(spec, seed)
    for _ in range(40):
        knobs = search.ask()
        search.tell(knobs, worth(spec, knobs))
    score = search.best().score
    assert score is not None
    return score


def test_model_based_search_beats_random_on_a_smooth_score(tiering_spec: TaskSpec) -> None:
    """At equal budget on a smooth bowl, TPE's best is better than random's in most seeds."""
    seeds = range(6)
    wins = [
        _best_score("tpe", tiering_spec, seed) > _best_score("random_search", tiering_spec, seed)
        for seed in seeds
    ]
    assert sum(wins) >= 4


def test_another_method_cannot_continue_a_file(tiering_spec: TaskSpec, tmp_path: Path) -> None:
    """A storage file of random search is refused by TPE, with the reason."""
    storage = tmp_path / "search.journal"
    make_search("random_search").reset(tiering_spec, 0, storage)
    with pytest.raises(ConfigError, match="another search: method differs"):
        make_search("tpe").reset(tiering_spec, 0, storage)


def test_a_file_that_is_no_journal_is_refused(tiering_spec: TaskSpec, tmp_path: Path) -> None:
    """Somebody else's file is neither used nor harmed."""
    storage = tmp_path / "notes.txt"
    storage.write_text("shopping list\nmilk\n")
    with pytest.raises(ConfigError, match="cannot use search storage"):
        make_search("tpe").reset(tiering_spec, 0, storage)
    assert storage.read_text() == "shopping list\nmilk\n"


def test_searches_can_be_asked_ahead(tiering_spec: TaskSpec) -> None:
    """Several configurations can wait for their scores at once, told in any order."""
    search = make_search("tpe", startup_trials=2)
    search.reset(tiering_spec, 0)
    asked = [search.ask() for _ in range(5)]
    for score, knobs in enumerate(reversed(asked)):
        search.tell(knobs, float(score))
    assert dict(search.best().knobs) == asked[0]
    assert len({tuple(knobs.values()) for knobs in asked}) == 5


def test_a_search_tries_first_where_it_is_told_to_start(
    tiering_spec: TaskSpec, tmp_path: Path
) -> None:
    """Starts are the first trials, also of a search that stopped among them; then it searches."""
    starts: tuple[dict[str, float], ...] = (
        {"hot_threshold": 40.0},
        {"cold_age": 3.0, "promotion_quota": 1e8},
        {},
    )
    storage = tmp_path / "search.journal"
    asked = []
    for _ in range(5):
        search = make_search("tpe", starts=starts)
        search.reset(tiering_spec, 0, storage)
        asked.append(search.ask())
        search.tell(asked[-1], worth(tiering_spec, asked[-1]))
    defaults = {item.name: item.default for item in tiering_spec.knobs.items}
    for start, found in zip(starts, asked, strict=False):
        assert found == pytest.approx({**defaults, **start})
    assert [trial.knobs for trial in search.trials()] == asked
    assert asked[3] != asked[4] != asked[2]


def test_a_start_with_an_unknown_knob_is_refused(tiering_spec: TaskSpec, tmp_path: Path) -> None:
    """A wrong name among the starts names the nearest knob, and no file is written."""
    storage = tmp_path / "search.journal"
    with pytest.raises(UnknownNameError, match="hot_threshold"):
        make_search("tpe", starts=[{"hot_treshold": 1.0}]).reset(tiering_spec, 0, storage)
    assert not storage.exists()


def test_a_file_begun_elsewhere_is_refused(tiering_spec: TaskSpec, tmp_path: Path) -> None:
    """A storage file of a search with other starts is not continued."""
    storage = tmp_path / "search.journal"
    make_search("tpe").reset(tiering_spec, 0, storage)
    with pytest.raises(ConfigError, match="another search: starts differs"):
        make_search("tpe", starts=[{"cold_age": 3.0}]).reset(tiering_spec, 0, storage)
