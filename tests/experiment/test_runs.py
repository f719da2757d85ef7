"""Whole runs on emulated machines: what they write, that they repeat, and that they resume."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from damosrl.artifact import load_artifact
from damosrl.cli import main
from damosrl.experiment.campaign import Campaign, Entrant, Prepared, prepare
from damosrl.experiment.columns import episode_columns, step_columns
from damosrl.experiment.folder import RunFolder
from damosrl.experiment.plugins import task_metrics
from damosrl.experiment.tune import Judge

COMPARE = ["tuners=[consist,random]", "workloads=[zipf,uniform]", "seeds=2", "steps=6",
           "report=false", "jobs=1"]  # fmt: skip
TRAIN = [
    "num_envs=4", "timesteps=256", "steps=20", "agent.kwargs.n_steps=16",
    "agent.report_every_timesteps=64", "evaluation.workloads=[zipf]", "evaluation.seeds=2",
    "evaluation.steps=5", "report=false", "jobs=1",
]  # fmt: skip
TUNE = ["agent=random_search", "trials=4", "repeats=2", "finalists=2", "final_repeats=2",
        "steps=5", "report=false", "jobs=1"]  # fmt: skip
RESULTS = (
    "episodes.csv",
    "steps.csv",
    "events.jsonl",
    "summary.json",
    "heatmap.npz",
    "document.json",
)

METRICS = task_metrics("damosrl/Tiering-v0")
EPISODE, STEP = episode_columns(METRICS), step_columns(METRICS, ())


def _run(command: str, out: Path, *words: str) -> Path:
    assert main([command, *words, f"out={out}", "--quiet"]) == 0
    return out


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished comparison of two tuners on two workloads."""
    return _run("compare", tmp_path_factory.mktemp("runs") / "compare", *COMPARE)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished training run of a few hundred decisions."""
    return _run("train", tmp_path_factory.mktemp("runs") / "train", *TRAIN, "seed=3")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search of four trials."""
    return _run("tune", tmp_path_factory.mktemp("runs") / "tune", *TUNE)


def test_a_comparison_ends_with_its_report_and_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line is the folder, which holds an offline report and figures."""
    out = tmp_path / "run"
    words = ["tuners=random", "workloads=zipf", "seeds=2", "steps=3", "jobs=1"]
    assert main(["compare", *words, f"out={out}"]) == 0
    streams = capsys.readouterr()
    assert streams.out.splitlines()[-1] == str(out)
    assert "oracle" in streams.err
    assert (out / "report.html").stat().st_size > 10_000
    assert list((out / "figures").glob("*.png"))


def test_a_comparison_writes_the_agreed_files(compared: Path) -> None:
    """Summary, rows per episode and step, events, heatmap, report and provenance are there."""
    files = {path.name for path in compared.iterdir()}
    others = {"config.yaml", "overrides.yaml", "command.txt", "versions.json", "worst_case.csv"}
    assert files == {*RESULTS, *others}


def test_a_refused_training_run_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What only the learner can refuse is refused after the folder was made, which goes again."""
    words = [*TRAIN, "agent.start_knobs.nope=1", f"out={tmp_path / 'deep' / 'run'}"]
    assert main(["train", *words, "--quiet"]) == 2
    assert "nope" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["episodes.csv", "steps.csv", "events.jsonl"])
@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\xff\xfe"])
def test_a_damaged_run_is_not_resumed(
    compared: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
) -> None:
    """A results file that something else wrote over is named in one line; nothing is changed."""
    shutil.copytree(compared, tmp_path / "run")
    (tmp_path / "run" / "summary.json").unlink()
    (tmp_path / "run" / name).write_bytes(content)
    assert main(["compare", f"resume={tmp_path / 'run'}", "--quiet"]) == 2
    assert f"{name} is damaged" in capsys.readouterr().err
    assert (tmp_path / "run" / name).read_bytes() == content


def test_the_summary_has_the_agreed_form(compared: Path) -> None:
    """Every tuner has interquartile mean, interval and number of runs; both ends are named."""
    summary = _json(compared / "summary.json")
    assert list(summary["scores"]) == ["noop", "oracle", "consist", "random"]
    for entry in summary["scores"].values():
        assert set(entry) == {"iqm", "ci95", "n"}
        assert entry["ci95"][0] <= entry["ci95"][1]
        assert entry["n"] == 4
    assert (summary["baseline"], summary["oracle"]) == ("noop", "oracle")
    assert set(summary["by_split"]) == {"train"}
    assert summary["probability_of_improvement"]["noop"]["random"] == pytest.approx(
        1 - summary["probability_of_improvement"]["random"]["noop"]
    )


def test_every_episode_has_its_row(compared: Path) -> None:
    """One row per tuner, workload and seed, with every column and both ends scored."""
    rows = _rows(compared / "episodes.csv")
    assert tuple(rows[0]) == EPISODE
    places = [(row["tuner"], row["workload"], row["seed"]) for row in rows]
    assert len(places) == len(set(places)) == 4 * 2 * 2
    assert all(cell for row in rows for cell in row.values())
    for row in rows:
        if row["score_rule"] == "slowdown" and row["tuner"] in ("noop", "oracle"):
            assert float(row["score"]) == {"noop": 0.0, "oracle": 1.0}[row["tuner"]]


def test_doing_nothing_moves_nothing(compared: Path) -> None:
    """The no-op migrates no byte in any episode."""
    rows = [row for row in _rows(compared / "episodes.csv") if row["tuner"] == "noop"]
    assert {float(row["migrated_up_bytes"]) for row in rows} == {0.0}
    assert {float(row["migrated_down_bytes"]) for row in rows} == {0.0}


def test_steps_of_the_first_seed_are_recorded(compared: Path) -> None:
    """Each tuner and workload has one step series, which adds up to its episode."""
    steps = _rows(compared / "steps.csv")
    assert tuple(steps[0])[:5] == STEP[:5]
    assert {*STEP, "node0_used_bytes", "node1_used_bytes"} <= set(steps[0])
    assert {"knob_promotion_quota", "requested_cold_age"} <= set(steps[0])
    assert len(steps) == 4 * 2 * 6
    for episode in _rows(compared / "episodes.csv"):
        if episode["seed"] != "0":
            continue
        mine = [
            row
            for row in steps
            if (row["tuner"], row["workload"]) == (episode["tuner"], episode["workload"])
        ]
        assert [int(row["step"]) for row in mine] == list(range(6))
        moved = sum(float(row["promoted_bytes"]) for row in mine)
        assert moved == pytest.approx(float(episode["migrated_up_bytes"]))
        slowdown = np.mean([float(row["slowdown_ratio"]) for row in mine])
        assert slowdown == pytest.approx(float(episode["slowdown_mean_ratio"]))
        assert sum(float(row["reward"]) for row in mine) == pytest.approx(
            float(episode["reward_sum"])
        )


def test_the_heatmap_is_a_picture_of_shares(compared: Path) -> None:
    """Monitor and truth share one grid of time and address, all values 0..1."""
    with np.load(compared / "heatmap.npz", allow_pickle=False) as arrays:
        assert arrays["monitor"].shape == arrays["truth"].shape == (6, 200)
        assert len(arrays["address_bytes"]) == 201
        assert np.all(np.diff(arrays["time_s"]) > 0)
        for name in ("monitor", "truth"):
            assert arrays[name].min() >= 0.0
            assert arrays[name].max() <= 1.0


def test_settings_are_kept_and_repeat_the_run(compared: Path, tmp_path: Path) -> None:
    """The stored command, run again elsewhere on two processes, gives the same bytes."""
    words = (compared / "command.txt").read_text().split()[2:]
    again = [word.strip("'") for word in words if not word.startswith(("out=", "jobs="))]
    other = _run("compare", tmp_path / "again", *again, "jobs=2")
    for name in RESULTS:
        assert (other / name).read_bytes() == (compared / name).read_bytes(), name
    mine, theirs = (
        yaml.safe_load((path / "config.yaml").read_text()) for path in (compared, other)
    )
    assert {**mine, "jobs": 2} == theirs


def _interrupted(source: Path, target: Path, cells: int) -> Path:
    """Copy a run as an interruption after some cells leaves it, under another name."""
    shutil.copytree(source, target)
    (target / "summary.json").unlink()
    rows = _rows(target / "episodes.csv")[: 2 * cells]
    RunFolder(target).write_rows("episodes.csv", EPISODE, rows)
    return target


@pytest.mark.parametrize("cells", [1, 5])
def test_an_interrupted_comparison_resumes_to_the_same_bytes(
    compared: Path, tmp_path: Path, cells: int
) -> None:
    """Wherever it stopped, and moved since, the rest gives what one go gives."""
    target = _interrupted(compared, tmp_path / "moved", cells)
    assert main(["compare", f"resume={target}", "--quiet"]) == 0
    for name in RESULTS:
        assert (target / name).read_bytes() == (compared / name).read_bytes(), name


def test_a_finished_comparison_does_not_resume(
    compared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Resuming what is finished is a mistake, and changes nothing."""
    before = {path.name: path.stat().st_mtime_ns for path in compared.iterdir()}
    assert main(["compare", f"resume={compared}"]) == 2
    assert "finished" in capsys.readouterr().err
    assert {path.name: path.stat().st_mtime_ns for path in compared.iterdir()} == before


def test_a_full_disk_keeps_finished_cells(
    compared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """When the disk fills up, one line says so; finished cells are readable and resume."""
    written = 0
    write = os.fsync

    def until_full(handle: int) -> None:
        nonlocal written
        written += 1
        if written > 12:
            raise OSError(28, "No space left on device")
        write(handle)

    monkeypatch.setattr(os, "fsync", until_full)
    out = tmp_path / "full"
    assert main(["compare", *COMPARE, f"out={out}", "--quiet"]) == 2
    error = capsys.readouterr().err
    assert "disk is full" in error
    assert len(error.splitlines()) == 1
    monkeypatch.undo()
    rows = _rows(out / "episodes.csv")
    assert len(rows) % 2 == 0
    assert 0 < len(rows) < 16
    assert main(["report", str(out), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["compare", f"resume={out}", "--quiet"]) == 0
    for name in RESULTS:
        assert (out / name).read_bytes() == (compared / name).read_bytes(), name


def test_ctrl_c_leaves_a_run_that_resumes(compared: Path, tmp_path: Path) -> None:
    """Interrupted between cells, with two worker processes, the run says how to go on."""
    out = tmp_path / "stopped"
    process = subprocess.Popen(
        [sys.executable, "-m", "damosrl.cli", "compare", *COMPARE[:-1], "jobs=2", f"out={out}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (out / "episodes.csv").exists() and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert printed == ""
    assert errors.splitlines()[-1].endswith(f"`damosrl compare resume={out}`"), errors
    assert "Traceback" not in errors
    assert main(["compare", f"resume={out}", "--quiet"]) == 0
    for name in RESULTS:
        assert (out / name).read_bytes() == (compared / name).read_bytes(), name


def test_bare_scores_of_one_seed(tmp_path: Path) -> None:
    """Without an interval one seed is enough, and no interval is claimed."""
    out = _run("compare", tmp_path / "bare", "tuners=[random]", "workloads=[zipf]", "seeds=1",
               "steps=2", "interval=false", "report=false", "jobs=1")  # fmt: skip
    scores = _json(out / "summary.json")["scores"]
    assert {entry["ci95"] for entry in scores.values()} == {None}


def test_a_mistake_of_a_worker_reaches_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What goes wrong on another process is still one line."""

    def unchecked(asked: Campaign) -> Prepared:
        bad = Entrant("random", {"_target_": "nowhere.Tuner"})
        broken = replace(asked, entrants=(*asked.entrants[:2], bad))
        return replace(prepare(asked), campaign=broken)

    monkeypatch.setattr("damosrl.experiment.compare.prepare", unchecked)
    words = ["tuners=[random]", "workloads=[zipf]", "seeds=2", "steps=2", "jobs=2"]
    assert main(["compare", *words, f"out={tmp_path / 'run'}", "--quiet"]) == 2
    assert "_target_ lies outside" in capsys.readouterr().err


def test_training_writes_a_policy_and_what_it_is_worth(trained: Path) -> None:
    """The artifact loads, its evaluation lies between no-op and oracle, the curve is written."""
    artifact = load_artifact(trained / "artifact")
    assert artifact.algorithm == "PPO"
    summary = _json(trained / "summary.json")
    assert list(summary["scores"]) == ["noop", "oracle", "ppo"]
    provenance = artifact.provenance
    assert provenance["scores"] == summary["scores"]
    assert provenance["seeds"] == {"training": 3, "evaluation": [10_000, 10_001]}
    assert provenance["workloads"] == ["zipf"]
    assert provenance["config"]["workload"]["name"] == "train_mix"
    assert provenance["overrides"] == [*TRAIN, "seed=3"]
    assert provenance["command"] == (trained / "command.txt").read_text().strip()
    curve = _rows(trained / "learning_curve.csv")
    assert [int(row["timesteps_count"]) for row in curve] == [64, 128, 192, 256]
    assert all(float(row["slowdown_mean_ratio"]) >= 1.0 for row in curve)


def test_a_trained_bundle_tells_a_daemon_its_conditions(trained: Path) -> None:
    """Task and safety settings are those of the run, and the range was met by the policy."""
    deployment = load_artifact(trained / "artifact").deployment
    config = yaml.safe_load((trained / "config.yaml").read_text())
    assert deployment.task_settings == config["task"]
    assert deployment.safety == config["safety"]
    observed = deployment.observed
    assert observed is not None
    assert all(
        -1 <= low <= high <= 1 for low, high in zip(observed.low, observed.high, strict=True)
    )
    assert any(low > -1 and high < 1 for low, high in zip(observed.low, observed.high, strict=True))


def test_training_repeats_bit_for_bit(trained: Path, tmp_path: Path) -> None:
    """The same seed gives identical steps and weights, another seed other ones."""
    same = _run("train", tmp_path / "same", *TRAIN, "seed=3")
    other = _run("train", tmp_path / "other", *TRAIN, "seed=4")
    for name in ("steps.csv", "artifact/weights.npz"):
        assert (same / name).read_bytes() == (trained / name).read_bytes()
        assert (other / name).read_bytes() != (trained / name).read_bytes()


def test_a_trained_policy_is_a_tuner(trained: Path, tmp_path: Path) -> None:
    """The path of a run or of its artifact takes part in comparisons."""
    out = _run("compare", tmp_path / "run", f"tuners=['{trained}/artifact']", "workloads=[zipf]",
               "seeds=2", "seed_base=10000", "steps=5", "report=false", "jobs=1")  # fmt: skip
    mine = [row for row in _rows(out / "episodes.csv") if row["tuner"].endswith("artifact")]
    theirs = [row for row in _rows(trained / "episodes.csv") if row["tuner"] == "ppo"]
    assert [{**row, "tuner": ""} for row in mine] == [{**row, "tuner": ""} for row in theirs]


def test_interrupted_training_resumes(trained: Path, tmp_path: Path) -> None:
    """Without its artifact a run goes on from its checkpoint; with it, only the rest is done."""
    target = tmp_path / "moved"
    shutil.copytree(trained, target)
    for name in ("summary.json", "episodes.csv", "heatmap.npz"):
        (target / name).unlink()
    assert main(["train", f"resume={target}", "--quiet"]) == 0
    assert (target / "steps.csv").read_bytes() == (trained / "steps.csv").read_bytes()
    (target / "summary.json").unlink()
    shutil.rmtree(target / "artifact")
    assert main(["train", f"resume={target}", "--quiet"]) == 0
    weights = "artifact/weights.npz"
    assert (target / weights).read_bytes() == (trained / weights).read_bytes()
    assert len(_rows(target / "learning_curve.csv")) == 4


def test_a_search_writes_its_winner(tuned: Path) -> None:
    """best.yaml is an agent's configuration, the best finalist on fresh seeds."""
    best = yaml.safe_load((tuned / "best.yaml").read_text())
    trials = _rows(tuned / "trials.csv")
    assert [row["stage"] for row in trials] == ["search"] * 4 + ["final"] * 2
    finals = [row for row in trials if row["stage"] == "final"]
    winner = max(finals, key=lambda row: float(row["score"]))
    assert best["knobs"] == {name: float(winner[name]) for name in best["knobs"]}
    assert (tuned / "best.yaml").read_text().startswith("# The best single configuration")


def test_a_search_over_a_candidate_turns_its_own_numbers(tmp_path: Path) -> None:
    """An attacker of two settings by turns is searched over both and their turns, as a tuner."""
    words = ["task=attack", "task.tuner=noop", "agent=random_search", "trials=2", "repeats=2",
             "finalists=1", "final_repeats=2", "steps=3", "report=false", "jobs=1"]  # fmt: skip
    out = _run("tune", tmp_path / "run", *words)
    best = yaml.safe_load((out / "best.yaml").read_text())
    assert best["_target_"].endswith("Alternating")
    trial = next(row for row in _rows(out / "trials.csv") if row["stage"] == "final")
    assert best["second"]["heat_place"] == float(trial["second.heat_place"])
    assert best["hold_decisions"] == round(float(trial["hold_decisions"]))


def test_a_tuner_without_numbers_to_search_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names the tuner, and nothing written."""
    out = tmp_path / "run"
    assert main(["tune", *TUNE, "candidate=pi", f"out={out}"]) == 2
    error = capsys.readouterr().err
    assert "pi has no numbers that could be searched" in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_the_winner_is_a_tuner(tuned: Path, tmp_path: Path) -> None:
    """The path of best.yaml takes part in comparisons."""
    out = _run("compare", tmp_path / "run", f"tuners=['{tuned}/best.yaml']", "workloads=[zipf]",
               "seeds=2", "steps=3", "report=false", "jobs=1")  # fmt: skip
    assert len(_json(out / "summary.json")["scores"]) == 3


def test_an_interrupted_search_goes_on_unchanged(tuned: Path, tmp_path: Path) -> None:
    """A search stopped by Ctrl-C in its second batch ends with the same trials and winner."""
    out = tmp_path / "stopped"
    with pytest.MonkeyPatch.context() as patch:
        _interrupt_after(patch, batches=1)
        assert main(["tune", *TUNE, f"out={out}", "--quiet"]) == 1
    assert main(["tune", f"resume={out}", "--quiet"]) == 0
    assert (out / "trials.csv").read_bytes() == (tuned / "trials.csv").read_bytes()
    mine, theirs = (yaml.safe_load((path / "best.yaml").read_text()) for path in (out, tuned))
    assert mine == theirs


def _interrupt_after(patch: pytest.MonkeyPatch, batches: int) -> None:
    scores, done = Judge.scores, 0

    def interrupted(judge: Judge, trials: Any) -> Any:
        nonlocal done
        if done == batches:
            raise KeyboardInterrupt
        done += 1
        return scores(judge, trials)

    patch.setattr(Judge, "scores", interrupted)
