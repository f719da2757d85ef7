"""Random machines: engine and reference do the same, whatever the rules that meet in one."""

import json
from pathlib import Path
from typing import Any

import pytest

from damosrl.cli import main
from damosrl.emulator.conformance import check, differential, print_case
from damosrl.emulator.conformance.case import CaseRunner, run_case
from damosrl.emulator.conformance.dice import Dice
from damosrl.emulator.conformance.differential import Tally, chunks, compare_machines
from damosrl.emulator.conformance.random_case import random_case
from damosrl.emulator.conformance.reference import run_case as reference_run
from damosrl.emulator.conformance.shrink import shrink, simpler_cases

Json = dict[str, Any]
FOLLOWED_RULES = {
    "charge cursor cuts",
    "charge cursor skips",
    "filter cuts in the walk",
    "filter excludes",
    "intervals tuned",
    "max_nr_snapshots reached",
    "merge threshold raised",
    "minimum score above 0",
    "new quota window",
    "quota cuts",
    "quota exceeded",
    "regions joined again",
    "score too low",
    "split halves",
    "split none",
    "split some",
    "split thirds",
    "two draws",
    "watermarks deactivate",
    "watermarks put to sleep",
}


@pytest.fixture(scope="module")
def tally() -> Tally:
    """Compare 2,000 machines, once."""
    total = Tally()
    for chunk in chunks(2000, seed=4):
        total.add(compare_machines(chunk))
    return total


def test_two_thousand_machines_agree(tally: Tally) -> None:
    """2,000 random machines give equal traces in every number."""
    assert tally.machines == 2000
    assert tally.differing == []


def test_machines_go_through_every_rule(tally: Tally) -> None:
    """Each rule is followed by at least ten of the machines, and all of them do something."""
    assert {rule for rule, count in tally.rules.items() if count >= 10} >= FOLLOWED_RULES
    assert tally.aggregations > 3 * tally.machines
    assert tally.applied > tally.machines


def test_machines_follow_from_seed_and_place() -> None:
    """A machine is the same in every run, and another one at another place or seed."""
    assert random_case(5, 17) == random_case(5, 17)
    assert random_case(5, 17)["targets"] != random_case(5, 18)["targets"]
    assert random_case(5, 17)["seed"] != random_case(6, 17)["seed"]


def test_dice_stay_in_range() -> None:
    """Choices keep their limits and reach them."""
    dice = Dice(3)
    throws = [dice.between(1, 6) for _ in range(600)]
    assert set(throws) == {1, 2, 3, 4, 5, 6}
    assert not any(dice.happens(0) for _ in range(100))
    assert all(dice.happens(100) for _ in range(100))


def test_memory_of_earlier_cases_leaves_no_trace() -> None:
    """A case run after others in the same memory gives what it gives alone."""
    runner = CaseRunner()
    for index in range(40):
        case = random_case(8, index)
        assert runner.run(case) == run_case(case)


def _break_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine count one tried region too many where a filter rejects by address."""

    class Broken(CaseRunner):
        def run(self, case: Any) -> Json:
            expect = super().run(case)
            for scheme, stats in zip(case["schemes"], expect["stats"], strict=True):
                kinds = [(item["type"], item["allow"]) for item in scheme["core_filters"]]
                stats["nr_tried"] += ("addr", False) in kinds
            return expect

    runner = Broken()
    monkeypatch.setattr(differential, "_runner", lambda: runner)


def test_difference_is_found_and_written_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken rule ends with status 1 and a case that holds little else than its cause."""
    _break_engine(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert main(["conformance", "--random", "200", "--seed", "3"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("200 machines, ")
    assert not lines[0].endswith(" 0 differing")
    path = tmp_path / lines[-1]
    case = json.loads(path.read_text())
    assert case["note"].startswith("stats[0].nr_tried: got ")
    assert [item["type"] for item in case["schemes"][0]["core_filters"]] == ["addr"]
    assert len(case["schemes"]) == len(case["targets"]) == len(case["targets"][0]) == 1
    assert case["access"] == case["free_mem_rate"] == []
    assert case["duration_ms"] == 1
    monkeypatch.undo()
    (result,) = check([path])  # the engine itself is not broken
    assert result.difference is None
    assert print_case(path) == 0
    assert json.loads(capsys.readouterr().out) == case["expect"]


def test_agreement_ends_with_status_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a difference the counts are printed and nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert main(["conformance", "--random", "30", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("30 machines, ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--random", "0"], ["--random", "5", "--jobs", "0"]])
def test_senseless_numbers_are_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A number below its least is a user's error that names it."""
    assert main(["conformance", *words]) == 2
    assert f"error: {words[-2]} is too small: got 0; allowed: >= 1" in capsys.readouterr().err


def test_every_simplification_is_a_case() -> None:
    """What shrinking tries can be run, and is smaller or plainer than before."""
    case = next(case for case in (random_case(1, i) for i in range(50)) if case["schemes"])
    tried = 0
    for simpler in simpler_cases(case):
        assert reference_run(simpler)["end_us"] >= simpler["duration_ms"] * 1000
        assert simpler != case
        tried += 1
    assert tried > 5


def test_shrinking_stops_at_what_fails() -> None:
    """Shrinking keeps the failure and leaves out all that it does not need."""
    case = next(case for case in (random_case(2, i) for i in range(50)) if len(case["schemes"]) > 1)
    small = shrink(case, lambda one: len(one["schemes"]) > 0 and one["duration_ms"] >= 7)
    assert len(small["schemes"]) == 1
    assert small["duration_ms"] == 7
    assert small["schemes"][0]["core_filters"] == []
