"""Worst-case workloads of a comparison: a column of their own, and no part of any score."""

import csv
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damosrl.cli import main
from damosrl.config import load_choice
from damosrl.experiment.harm import harm_estimate
from damosrl.experiment.mixes import dealt
from damosrl.experiment.plugins import task_metrics
from damosrl.experiment.report import score_markdown
from damosrl.experiment.under_attack import attacked_summary

SMALL = ["tuners=[pi,random]", "workloads=[zipf]", "seeds=2", "steps=12", "report=false", "jobs=1"]
METRICS = task_metrics("damosrl/Tiering-v0")


def _compare(out: Path, *words: str) -> Path:
    assert main(["compare", *SMALL, *words, f"out={out}", "--quiet"]) == 0
    return out


def _summary(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "summary.json").read_text("utf-8"))
    return content


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a comparison with what its task names."""
    return _compare(tmp_path_factory.mktemp("compared") / "run")


def test_scores_are_what_they_are_without_worst_cases(compared: Path, tmp_path: Path) -> None:
    """Every number but those under attack is the same, and so are the files of episodes."""
    without = _compare(tmp_path / "run", "worst_case=[]")
    assert not (without / "worst_case.csv").exists()
    summary = _summary(compared)
    assert summary.pop("under_attack")["workloads"] == list(METRICS.worst_case) == ["adversarial"]
    assert summary == _summary(without)
    for name in ("episodes.csv", "steps.csv", "events.jsonl"):
        assert (compared / name).read_bytes() == (without / name).read_bytes()


def test_every_tuner_is_measured_under_attack_on_the_seeds_of_the_run(compared: Path) -> None:
    """One row per tuner and seed; harm is the tuner's slowdown over no-op's, seed by seed."""
    rows = _rows(compared / "worst_case.csv")
    assert [(row["tuner"], row["seed"]) for row in rows] == [
        (tuner, seed) for tuner in ("noop", "oracle", "pi", "random") for seed in ("0", "1")
    ]
    cost = {name: [float(row["slowdown_mean_ratio"]) for row in rows if row["tuner"] == name]
            for name in ("noop", "pi")}  # fmt: skip
    found = _summary(compared)["under_attack"]["tuners"]
    assert found["pi"]["harm"]["mean"] == pytest.approx(
        np.mean(np.divide(cost["pi"], cost["noop"]) - 1.0)
    )
    assert found["noop"]["harm"] == {"mean": 0.0, "ci95": [0.0, 0.0], "n": 2}
    assert found["pi"]["score"]["n"] == 2


def test_seeds_in_a_row_meet_every_pattern_alike_often() -> None:
    """The members of a mix are dealt to the seeds by turns; a single workload goes to all."""
    members = load_choice("workload", "adversarial")["members"]
    seeds = tuple(range(7, 7 + 2 * len(members)))
    assert Counter(dealt("adversarial", "damosrl/Tiering-v0", seeds)) == dict.fromkeys(members, 2)
    assert dealt("zipf", "damosrl/Tiering-v0", (0, 1)) == ("zipf", "zipf")


def test_an_interrupted_comparison_keeps_what_was_measured_under_attack(
    compared: Path, tmp_path: Path
) -> None:
    """A run that stopped among its worst cases ends with the same summary."""
    run = _compare(tmp_path / "run")
    (run / "summary.json").unlink()
    lines = (run / "worst_case.csv").read_text("utf-8").splitlines(keepends=True)
    (run / "worst_case.csv").write_text("".join(lines[:-2]), "utf-8")
    assert main(["compare", f"resume={run}", "--quiet"]) == 0
    assert _summary(run) == _summary(compared)
    assert (run / "worst_case.csv").read_bytes() == (compared / "worst_case.csv").read_bytes()


def test_tables_show_score_and_harm_under_attack(compared: Path) -> None:
    """The Markdown table has both columns with intervals; without worst cases it has none."""
    heads, _, *lines = score_markdown(compared).splitlines()
    places = [heads.split("|").index(f" {head} ")
              for head in ("under attack (IQM)", "harm under attack (%)")]  # fmt: skip
    by_tuner = {line.split("|")[1].strip(): line.split("|") for line in lines}
    harm = _summary(compared)["under_attack"]["tuners"]["pi"]["harm"]["mean"]
    assert f"{100 * harm:.2f}" in by_tuner["pi"][places[1]].replace("\N{MINUS SIGN}", "-")
    assert "…" in by_tuner["pi"][places[0]]


def test_a_task_without_attacks_has_no_column(tmp_path: Path) -> None:
    """Reclaim names no worst cases: nothing runs, nothing is shown."""
    words = ["task=reclaim", "workloads=[idle_half]", "steps=3", "tuners=[senpai]", "seeds=2"]
    run = tmp_path / "run"
    assert main(["compare", *words, "report=false", "jobs=1", f"out={run}", "--quiet"]) == 0
    assert "under_attack" not in _summary(run)
    assert "attack" not in score_markdown(run)


def test_a_worst_case_that_is_no_workload_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line with the nearest name, and nothing written."""
    out = tmp_path / "run"
    assert main(["compare", *SMALL, "worst_case=adversarail", f"out={out}"]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'adversarial'" in error
    assert error.count("\n") == 1
    assert not out.exists()


def _row(tuner: str, seed: int, cost: float) -> dict[str, Any]:
    return {"tuner": tuner, "workload": "bad", "seed": seed, "slowdown_mean_ratio": cost,
            "score": 0.0, "split": "held-out"}  # fmt: skip


def test_harm_over_one_seed_has_no_interval() -> None:
    """The mean is said, the ends are not."""
    rows = [_row("noop", 0, 1.0), _row("pi", 0, 1.1)]
    found = harm_estimate(rows, "pi", "noop", "slowdown_mean_ratio")
    assert found.value == pytest.approx(0.1)
    assert math.isnan(found.low)
    summary = attacked_summary(rows, METRICS, interval=False, resamples=100)
    assert summary["tuners"]["pi"]["harm"]["ci95"] is None


def test_harm_is_unknown_where_doing_nothing_costs_nothing() -> None:
    """There is no share of zero: the entry is null, the score stays."""
    rows = [_row(name, seed, 0.0) for name in ("noop", "pi") for seed in (0, 1)]
    found = attacked_summary(rows, METRICS, interval=True, resamples=100)["tuners"]["pi"]
    assert found["harm"] is None
    assert found["score"]["iqm"] == 0.0
