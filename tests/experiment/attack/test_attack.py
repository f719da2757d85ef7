"""`damosrl attack` from the command line: what it writes, that it resumes, what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from damosrl.cli import main
from damosrl.config import load_choice, typed
from damosrl.experiment.attack.budget import read_budget
from damosrl.experiment.attack.judge import Judge, seeds_of
from damosrl.experiment.attack.settings import AttackSettings
from damosrl.experiment.compose import compose
from damosrl.experiment.harm import harm_of
from damosrl.experiment.report.table import read_table

SMALL = ("trials=4", "batch=2", "repeats=1", "finalists=2", "final_repeats=1")
SHORT = ("verdict_seeds=2", "steps=6", "jobs=1", "agent=random_search")


def _attack(out: Path, *more: str) -> int:
    return main(["attack", "pi", *SMALL, *SHORT, f"out={out}", "--quiet", *more])


def test_harm_is_the_cost_above_doing_nothing() -> None:
    """Equal cost is no harm; a fifth more is 0.2; less is negative."""
    harm = harm_of(np.array([1.2, 1.5, 0.9]), np.array([1.0, 1.5, 1.0]))
    np.testing.assert_allclose(harm, [0.2, 0.0, -0.1])


def test_stages_never_share_seeds() -> None:
    """What a pattern is chosen by is not what it is judged by, whatever the run's seed."""
    used = [
        seeds_of(stage, seed, 500) for stage in ("search", "final", "verdict") for seed in (0, 3)
    ]
    together = [seed for seeds in used for seed in seeds]
    assert len(set(together)) == len(together)


def test_an_attack_writes_pattern_trials_verdict_and_pictures(tmp_path: Path) -> None:
    """The run folder holds a workload that compare takes, every trial, scores and figures."""
    run = tmp_path / "run"
    assert _attack(run) == 0
    trials = read_table(run / "attack_trials.csv")
    assert trials is not None
    assert trials.text("stage").tolist() == ["search"] * 4 + ["final"] * 2
    summary = json.loads((run / "summary.json").read_text())
    found = summary["attack"]
    assert found["harm"]["n"] == found["score"]["n"] == 2
    assert found["harm"]["ci95"][0] <= found["harm"]["mean"] <= found["harm"]["ci95"][1]
    assert set(summary["scores"]) == {"noop", "oracle", "pi"}
    assert yaml.safe_load((run / "pattern.yaml").read_text()) == found["pattern"]
    assert {"pattern.png", "search.png"} <= {path.name for path in (run / "figures").iterdir()}
    again = tmp_path / "again"
    words = [f"workloads=[{run / 'pattern.yaml'}]", "tuners=[pi]", "seeds=2", "seed_base=60000"]
    assert main(["compare", *words, "steps=6", "report=false", f"out={again}", "--quiet"]) == 0
    scores = json.loads((again / "summary.json").read_text())
    assert scores["scores"]["pi"]["iqm"] == pytest.approx(found["score"]["iqm"])
    assert scores["worst"]["pi"]["workload"] == "adversarial_pi"


def test_a_tuner_that_needs_a_warm_start_gets_it_under_attack(tmp_path: Path) -> None:
    """The kernel's loop moves next to nothing in twenty seconds cold; with its warm-up it does."""
    warm = tmp_path / "warm.yaml"
    target = "damosrl_agents.controllers.consist_warm.ConsistWarm"
    warm.write_text(f"_target_: {target}\nwarm_up_s: 600.0\n", encoding="utf-8")
    budget = read_budget(load_choice("budget", "default"))
    nominal = {item.name: item.default for item in budget.choices.items}
    pattern = budget.pattern({**nominal, "access.home_place": 0.5}, "far")
    harms = {}
    for tuner in ("consist", str(warm)):
        words = [f"tuner={tuner}", "steps=20", "jobs=1"]
        settings = typed(AttackSettings, compose("attack", words), "attack")
        (found,) = Judge(settings, (40_000,)).harms([pattern])
        assert found is not None
        harms[tuner] = float(found[0])
    assert abs(harms["consist"]) < 1e-4
    assert abs(harms[str(warm)]) > 1e-3


def test_an_interrupted_attack_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    """A run without its summary is resumed to the same pattern and verdict."""
    run = tmp_path / "run"
    assert _attack(run, "report=false") == 0
    summary = (run / "summary.json").read_text()
    for name in ("summary.json", "pattern.yaml"):
        (run / name).unlink()
    assert main(["attack", f"resume={run}", "--quiet"]) == 0
    assert (run / "summary.json").read_text() == summary


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nobody to attack"),
        (["consit"], "did you mean 'consist'"),
        (["pi", "budget=0"], "unknown budget: got '0'"),
        (["pi", "trials=0"], "trials is too small"),
        (["pi", "budget.access.mean_rate_hz=0"], "the attack's budget is zero"),
        (["pi", "budget.access.kind=zipf"], "unknown key"),
        (["consist", "task=tiering_tenants"], "adversarial_consist has no tenants"),
    ],
)
def test_an_attack_that_cannot_be_is_refused_in_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Exit status 2, one line, nothing written."""
    out = tmp_path / "run"
    assert main(["attack", *words, f"out={out}"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()
