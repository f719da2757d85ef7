"""Run folders of made-up numbers, in the exact form in which comparisons write them."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from damosrl.experiment.report import write_report
from damosrl.experiment.statistics import (
    bootstrap,
    interquartile_mean,
    paired_difference,
    probability_of_improvement,
)

GIB = 1 << 30
MIB = 1 << 20
POLICY = "results/test-data/train/artifact"
# Typical score, spread, and GiB moved per episode: invented, in the order of size of real ones.
TUNERS = {
    "noop": (0.0, 0.0, 0.0),
    "oracle": (1.0, 0.0, 9.0),
    "consist": (0.02, 0.03, 0.4),
    "consist_warm": (0.62, 0.25, 5.0),
    "pi": (0.71, 0.16, 30.0),
    "quantile": (0.78, 0.10, 24.0),
    "random": (-0.15, 0.3, 61.0),
    "best_static": (0.88, 0.06, 13.0),
    POLICY: (0.83, 0.08, 8.0),
}
WORKLOADS = {
    "rec_kvzipf": ("recording", "held_out"),
    "rec_graph": ("recording", "held_out"),
    "static_hot": ("static", "train"),
    "zipf": ("zipf", "train"),
    "cyclic_scan": ("scan", "held_out"),
    "uniform": ("uniform", "train"),
}
SEEDS = 5
STEPS = 120

Row = dict[str, Any]
MakeRun = Callable[..., Path]


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write mappings as CSV with a header."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def episode_rows(rng: np.random.Generator, tuners: Sequence[str]) -> list[Row]:
    """Draw one row per tuner x workload x seed, with every column of episodes.csv."""
    rows = []
    for tuner in tuners:
        typical, spread, moved_gib = TUNERS[tuner]
        for workload, (family, split) in WORKLOADS.items():
            still = workload == "uniform"
            hard = {"cyclic_scan": 0.55, "zipf": 0.9}.get(workload, 1.0)
            hard = 1.0 if tuner == "oracle" else hard
            for seed in range(SEEDS):
                score = typical * hard + spread * float(rng.normal())
                moved = moved_gib * float(rng.uniform(0.7, 1.4)) * GIB
                moved = 0.0 if still and tuner == "oracle" else moved
                if still:
                    score = max(1.0 - moved / (16 * GIB), -1.0)
                slowdown = 1.204 if still else 1.42 - 0.38 * score
                rows.append(_episode(tuner, workload, family, split, seed, score, slowdown, moved))
    return rows


def _episode(
    tuner: str,
    workload: str,
    family: str,
    split: str,
    seed: int,
    score: float,
    slowdown: float,
    moved: float,
) -> Row:
    busy = tuner not in ("noop", "oracle")
    return {
        "tuner": tuner,
        "workload": workload,
        "family": family,
        "split": split,
        "seed": seed,
        "score": round(score, 6),
        "score_rule": "movement" if workload == "uniform" else "slowdown",
        "slowdown_mean_ratio": round(slowdown, 6),
        "slowdown_p95_ratio": round(slowdown * 1.1, 6),
        "mean_latency_ns": round(120 * slowdown, 3),
        "p99_latency_ns": round(410 * slowdown, 3),
        "throughput_per_s": round(3.1e8 / slowdown, 1),
        "migrated_up_bytes": int(moved * 0.5),
        "migrated_down_bytes": int(moved * 0.5),
        "returned_bytes": int(moved * 0.12),
        "psi_some_avg_ratio": 0.004 * slowdown,
        "psi_full_avg_ratio": 0.001,
        "kdamond_cpu_ratio": 0.011 if tuner != "noop" else 0.008,
        "fast_share_ratio": round(min(0.2 + 0.7 * max(score, 0), 1), 4),
        "clamp_events_count": 3 * seed if busy else 0,
        "fallback_events_count": int(tuner == "random" and seed == 1),
        "reward_sum": round(-slowdown * STEPS, 3),
        "steps_count": STEPS,
        "monitor": "fast",
        "footprint_bytes": 16 * GIB,
    }


def step_rows(rng: np.random.Generator, tuners: Sequence[str]) -> list[Row]:
    """Draw the steps of one episode per tuner x workload, with every column of steps.csv."""
    return [
        row for tuner in tuners for workload in WORKLOADS for row in _steps_of(tuner, workload, rng)
    ]


def _steps_of(tuner: str, workload: str, rng: np.random.Generator) -> list[Row]:
    typical, _, moved_gib = TUNERS[tuner]
    still = workload == "uniform"
    gain = 0.0 if still else 0.38 * typical * (0.55 if workload == "cyclic_scan" else 1.0)
    rows = []
    quota = 100.0 * MIB
    for step in range(STEPS):
        shift = 0.6 if workload == "zipf" and step >= 70 else 0.0
        since = step - 70 if shift and step >= 70 else step
        settled = 1.0 - float(np.exp(-since / 14.0))
        slowdown = (1.204 if still else 1.42) - gain * settled + 0.008 * float(rng.normal())
        quota = float(np.clip(quota * np.exp(0.2 * rng.normal()), MIB, 1024 * MIB))
        off = tuner in ("noop", "oracle")
        promoted = 0.0 if tuner == "noop" else moved_gib * GIB * np.exp(-since / 14.0) / 28.0
        promoted *= float(rng.uniform(0.5, 1.5))
        rows.append(
            {
                "tuner": tuner,
                "workload": workload,
                "seed": 0,
                "step": step,
                "time_s": float(step + 1),
                "slowdown_ratio": round(max(slowdown, 1.0), 5),
                "fast_free_ratio": round(0.03 - 0.025 * settled * abs(typical), 5),
                "promoted_bytes": int(promoted),
                "demoted_bytes": int(promoted * 1.03),
                "psi_some_ratio": round(0.01 * slowdown * float(rng.uniform(0.4, 1.0)), 6),
                "reward": round(-slowdown, 5),
                "knob_promotion_quota": 1 if off else int(quota),
                "knob_demotion_quota": 1 if off else int(quota * 0.8),
                "knob_hot_threshold": 30.0,
                "knob_cold_age": 5.0,
                "knob_free_target": 1.0,
                "requested_promotion_quota": 1 if off else int(quota * 1.2),
                "fast_share_ratio": 0.4,
                "p99_latency_ns": round(410 * slowdown, 2),
                "node0_used_bytes": int((3.9 - 0.5 * shift) * GIB),
                "node1_used_bytes": int(11.6 * GIB),
                "events_count": int(not off and rng.random() < 0.08),
            }
        )
    return rows


def summary_of(episodes: Sequence[Row], rng: np.random.Generator) -> dict[str, Any]:
    """Summarise episodes with the package's own statistics."""
    names = list(dict.fromkeys(str(row["tuner"]) for row in episodes))
    scores = {
        name: np.array(
            [
                [row["score"] for row in episodes if (row["tuner"], row["workload"]) == (name, w)]
                for w in WORKLOADS
            ]
        )
        for name in names
    }
    splits = {
        split: [place for place, (_, other) in enumerate(WORKLOADS.values()) if other == split]
        for split in ("train", "held_out")
    }
    return {
        "scores": {name: _estimate(scores[name], rng) for name in names},
        "baseline": "noop",
        "oracle": "oracle",
        "by_split": {
            split: {name: _estimate(scores[name][places], rng) for name in names}
            for split, places in splits.items()
        },
        "probability_of_improvement": {
            name: {
                other: probability_of_improvement(scores[name], scores[other])
                for other in names
                if other != name
            }
            for name in names
        },
        "paired_difference": {
            name: {
                other: _paired(scores[name], scores[other], rng) for other in names if other != name
            }
            for name in names
        },
    }


def _estimate(scores: NDArray[np.float64], rng: np.random.Generator) -> dict[str, Any]:
    low_high = bootstrap(scores, rng, resamples=200)
    return {
        "iqm": interquartile_mean(scores),
        "ci95": [low_high.low, low_high.high],
        "n": int(scores.size),
    }


def _paired(
    one: NDArray[np.float64], other: NDArray[np.float64], rng: np.random.Generator
) -> dict[str, Any]:
    estimate = paired_difference(one, other, rng, resamples=200)
    return {"mean": estimate.value, "ci95": [estimate.low, estimate.high]}


def write_heatmap(path: Path, rng: np.random.Generator) -> None:
    """Write a truth with two hot areas that migrate, and a blurred, noisy belief of it."""
    time_s = np.arange(1.0, STEPS + 1)
    bins = 96
    centre = np.arange(bins)
    truth = np.full((STEPS, bins), 0.03)
    truth[:, (centre > 60) & (centre < 76)] = 0.85
    truth[:, centre % 17 == 3] = 0.5
    truth[50:, (centre > 60) & (centre < 76)] = 0.03
    truth[50:, (centre > 8) & (centre < 24)] = 0.85
    kernel = np.ones(7) / 7
    monitor = np.array([np.convolve(row, kernel, mode="same") for row in truth])
    monitor = np.clip(monitor + 0.03 * rng.normal(size=monitor.shape), 0.0, 1.0)
    np.savez_compressed(
        path,
        time_s=time_s,
        address_bytes=np.linspace(0.0, 18.0 * GIB, bins + 1),
        monitor=monitor,
        truth=truth,
    )


def write_events(path: Path, steps: Sequence[Row]) -> None:
    """Write one event for every step that counts one."""
    lines = [
        json.dumps(
            {
                "tuner": row["tuner"],
                "workload": row["workload"],
                "seed": 0,
                "step": row["step"],
                "kind": "slew",
                "knob": "promotion_quota",
                "requested": row["requested_promotion_quota"],
                "applied": row["knob_promotion_quota"],
            }
        )
        for row in steps
        if row["events_count"]
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_provenance(folder: Path, command: str) -> None:
    """Write the files that say how a run was made."""
    config = {
        "seed": 0,
        "steps": STEPS,
        "reward": {"name": "latency", "weights": {"slowdown": 1.0, "migration": 0.1, "psi": 0.2}},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    (folder / "command.txt").write_text(command + "\n", encoding="utf-8")
    versions = {"damosrl": "0.1.0", "python": "3.11.2", "packages": {"numpy": "2.4", "torch": None}}
    (folder / "versions.json").write_text(json.dumps(versions), encoding="utf-8")


def write_compare(folder: Path, seed: int = 0, tuners: Sequence[str] = tuple(TUNERS)) -> Path:
    """Write a comparison's whole folder."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    episodes, steps = episode_rows(rng, tuners), step_rows(rng, tuners)
    write_rows(folder / "episodes.csv", episodes)
    write_rows(folder / "steps.csv", steps)
    summary = json.dumps(summary_of(episodes, rng))
    (folder / "summary.json").write_text(summary, encoding="utf-8")
    write_heatmap(folder / "heatmap.npz", rng)
    write_events(folder / "events.jsonl", steps)
    write_provenance(folder, "damosrl compare tuners=[pi,quantile] seeds=5 steps=120")
    return folder


@pytest.fixture
def make_compare(tmp_path: Path) -> MakeRun:
    """Return a function that writes a comparison's folder of invented numbers."""

    def make(name: str = "compare", seed: int = 0) -> Path:
        return write_compare(tmp_path / name, seed)

    return make


@pytest.fixture
def small_compare(tmp_path: Path) -> Path:
    """Return a comparison's folder with few tuners, quick to draw."""
    return write_compare(tmp_path / "small", tuners=("noop", "oracle", "quantile"))


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a comparison's folder with its report; tests only read it."""
    folder = write_compare(tmp_path_factory.mktemp("reported") / "compare")
    write_report(folder)
    return folder


@pytest.fixture
def make_train(tmp_path: Path) -> MakeRun:
    """Return a function that writes a training's folder of invented numbers."""

    def make(name: str = "train", seed: int = 0, readings: int = 80) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        rng = np.random.default_rng(seed)
        rows = [
            {
                "timesteps_count": 2048 * (place + 1),
                "wall_s": round(2.1 * (place + 1), 2),
                "reward_mean": round(-0.4 + 0.3 * (1 - np.exp(-place / 18)) + wobble, 5),
                "slowdown_mean_ratio": round(1.38 - 0.2 * (1 - np.exp(-place / 18)) - wobble, 5),
            }
            for place, wobble in enumerate(0.02 * rng.normal(size=readings))
        ]
        write_rows(folder / "learning_curve.csv", rows)
        write_provenance(folder, "damosrl train agent=ppo seed=0")
        return folder

    return make


@pytest.fixture
def make_tune(tmp_path: Path) -> MakeRun:
    """Return a function that writes a search's folder of invented numbers."""

    def make(name: str = "tune", seed: int = 0) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        rng = np.random.default_rng(seed)
        rows = [
            {"trial": place, "stage": "search", "state": "complete", "score": round(score, 5)}
            for place, score in enumerate(rng.beta(3, 2, size=60).tolist())
        ]
        best = sorted(rows, key=lambda row: -float(row["score"]))[:4]
        rows += [{**row, "stage": "final", "score": float(row["score"]) - 0.05} for row in best]
        rows.append({"trial": 60, "stage": "search", "state": "fail", "score": 0.0})
        write_rows(folder / "trials.csv", rows)
        write_provenance(folder, "damosrl tune agent=tpe trials=60")
        return folder

    return make
