"""Small runs whose policies are exported."""

from pathlib import Path

import pytest

from damosrl.cli import main

TRAIN = [
    "num_envs=4", "timesteps=256", "steps=20", "agent.kwargs.n_steps=16",
    "agent.report_every_timesteps=64", "evaluation.workloads=[zipf]", "evaluation.seeds=2",
    "evaluation.steps=5", "report=false", "jobs=1", "seed=3",
]  # fmt: skip
TUNE = ["agent=random_search", "trials=2", "repeats=2", "finalists=1", "final_repeats=2",
        "steps=5", "report=false", "jobs=1"]  # fmt: skip


def _run(command: str, out: Path, *words: str) -> Path:
    assert main([command, *words, f"out={out}", "--quiet"]) == 0
    return out


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training run of a few hundred decisions, with its checkpoint."""
    return _run("train", tmp_path_factory.mktemp("export") / "train", *TRAIN)


@pytest.fixture(scope="session")
def discrete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training run on {down, keep, up} with normalised observations."""
    more = ["task=tiering_discrete", "agent.normalise_observation=true"]
    return _run("train", tmp_path_factory.mktemp("export") / "discrete", *TRAIN, *more)


@pytest.fixture(scope="session")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of two trials."""
    return _run("tune", tmp_path_factory.mktemp("export") / "tune", *TUNE)
