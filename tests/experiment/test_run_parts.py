"""The parts of a run: processes, progress, measuring, summing up."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from damosrl.errors import DamosrlError, StatisticsError, UnknownNameError
from damosrl.experiment.jobs import run_jobs
from damosrl.experiment.launch import prepare_launch
from damosrl.experiment.meter import Meter, row_of
from damosrl.experiment.progress import progress_bar
from damosrl.experiment.scoring import score_episodes
from damosrl.experiment.settings import CompareSettings
from damosrl.experiment.summary import summarise
from damosrl.knobs import FloatArray
from damosrl.metrics import EpisodeColumn, TaskMetrics


def _square(number: int) -> int:
    return number * number


def _process(_: int) -> int:
    return os.getpid()


def _refuse(name: str) -> str:
    raise UnknownNameError("tuner", name, ["consist"])


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_do_not_depend_on_processes(jobs: int) -> None:
    """Every item comes back once, with its own result."""
    assert dict(run_jobs(_square, [3, 1, 2], jobs)) == {1: 1, 2: 4, 3: 9}


def test_one_job_stays_in_this_process() -> None:
    """One process, or one item, needs no other; more do."""
    here = os.getpid()
    assert {pid for _, pid in run_jobs(_process, [1, 2], 1)} == {here}
    assert {pid for _, pid in run_jobs(_process, [1], 2)} == {here}
    assert here not in {pid for _, pid in run_jobs(_process, [1, 2], 2)}


@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_arrive_as_they_were_raised(jobs: int) -> None:
    """An error keeps kind, message and parts on its way between processes."""
    with pytest.raises(UnknownNameError, match="did you mean 'consist'") as caught:
        list(run_jobs(_refuse, ["consit", "consis"], jobs))
    assert isinstance(caught.value, DamosrlError)
    assert caught.value.allowed == "consist"


def test_progress_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed into files and pipes."""
    with progress_bar("running", 2, quiet=False) as advance:
        advance(1, "one")
    assert capsys.readouterr() == ("", "")


GROWTH = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 6), st.integers(1, 4)), elements=st.integers(0, 1000)
)


METRICS = TaskMetrics(
    steps={"moved_bytes": "moved", "slowdown_ratio": "slowdown"},
    episodes=(
        EpisodeColumn("slowdown_mean_ratio", "slowdown"),
        EpisodeColumn("slowdown_p95_ratio", "slowdown", "p95"),
        EpisodeColumn("migrated_up_bytes", "moved", "sum"),
        EpisodeColumn("migrated_down_bytes", "moved", "sum"),
        EpisodeColumn("left_bytes", "moved", "last"),
    ),
)


@given(GROWTH)
def test_episodes_are_sums_and_means_of_steps(growth: FloatArray) -> None:
    """Bytes add up, ratios are means over steps, and each step is kept as it was told."""
    slowdown = 1.0 + growth
    meter = Meter(METRICS)
    for step, moved in enumerate(growth):
        time_s = np.full(len(moved), step + 1.0)
        info = {"time_s": time_s, "moved": moved, "slowdown": slowdown[step], "other": moved}
        meter.read(info, -moved)
    episodes, steps = meter.episodes(), meter.steps()
    assert set(steps) == {"time_s", "moved_bytes", "slowdown_ratio", "reward"}
    assert np.array_equal(steps["moved_bytes"], growth)
    assert np.array_equal(steps["time_s"][:, 0], np.arange(1.0, len(growth) + 1.0))
    assert episodes["migrated_up_bytes"] == pytest.approx(growth.sum(axis=0))
    assert episodes["reward_sum"] == pytest.approx(-growth.sum(axis=0))
    assert episodes["slowdown_mean_ratio"] == pytest.approx(slowdown.mean(axis=0))
    assert np.all(episodes["slowdown_p95_ratio"] <= slowdown.max(axis=0))
    assert row_of(episodes, 0)["left_bytes"] == growth[-1, 0]


def test_metrics_that_name_what_is_not_told_are_refused_by_name() -> None:
    """A wrong key of the info or column of a score gives an error that names the nearest."""
    one = np.ones(1)
    with pytest.raises(UnknownNameError, match="did you mean 'slow_down'"):
        Meter(METRICS).read({"time_s": one, "moved": one, "slow_down": one}, one)
    with pytest.raises(UnknownNameError, match="did you mean 'slowdown_mean_ratio'"):
        replace(METRICS, cost="slowdown_mean")


def _episodes(seeds: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    return score_episodes(
        [
            {
                "tuner": tuner,
                "workload": workload,
                "family": workload,
                "split": split,
                "seed": seed,
                "slowdown_mean_ratio": slowdown + 0.1 * rng.random(),
                "migrated_up_bytes": 2.0**30,
                "migrated_down_bytes": 2.0**30,
                "footprint_bytes": 2**34,
            }
            for tuner, slowdown in (("noop", 2.0), ("oracle", 1.0), ("pi", 1.5), ("aimd", 1.8))
            for workload, split in (("zipf", "train"), ("rec_xz", "held-out"))
            for seed in range(seeds)
        ],
        METRICS,
    )


def test_the_summary_orders_clear_differences() -> None:
    """A tuner that is always better has a higher score, sure improvement, a positive lead."""
    found = summarise(_episodes(6), METRICS, interval=True, resamples=300, monitor="exact")
    scores = found["scores"]
    assert scores["noop"]["iqm"] == 0.0 < scores["aimd"]["iqm"] < scores["pi"]["iqm"] < 1.0
    assert found["probability_of_improvement"]["pi"]["aimd"] == 1.0
    assert found["paired_difference"]["pi"]["aimd"]["ci95"][0] > 0.0
    assert set(found["by_split"]) == {"train", "held-out"}
    assert found["by_split"]["held-out"]["pi"]["n"] == 6
    assert found["migrated_gib_per_episode"]["pi"] == 2.0
    assert found["workloads"]["zipf"] == {
        "family": "zipf", "split": "train", "seeds": 6, "scored_by_movement": 0,
    }  # fmt: skip


def test_the_summary_refuses_an_interval_over_one_run() -> None:
    """One seed gives bare scores, and an error if an interval is wanted."""
    with pytest.raises(StatisticsError, match="one run"):
        summarise(_episodes(1), METRICS, interval=True, resamples=300, monitor="fast")
    found = summarise(_episodes(1), METRICS, interval=False, resamples=300, monitor="fast")
    assert found["scores"]["pi"]["ci95"] is None
    assert found["paired_difference"] == {}


def test_a_run_without_a_name_gets_a_dated_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without out= a run goes to results/, and nothing is written before it starts."""
    monkeypatch.chdir(tmp_path)
    launch = prepare_launch("compare", CompareSettings, ["steps=3"], "summary.json")
    assert launch.path.parent == Path("results")
    assert launch.path.name.startswith("compare-2")
    assert not launch.started
    with launch.folder() as folder:
        assert launch.started
    assert f"out={launch.path}" in folder.file("command.txt").read_text()
