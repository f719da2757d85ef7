"""A policy that observes a history of readings: compared, and exported in every form."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damosrl.artifact import Deployment, load_artifact, save_artifact
from damosrl.cli import main
from damosrl.config import load_choice
from damosrl.experiment.rollout import make_environments
from damosrl.experiment.settings import World
from damosrl.testing.sample_policies import sample_network
from tests.experiment.export.exporting import exported

FRAMES = 3
SMALL = ["--workloads", "zipf", "--seeds", "2", "--steps", "12", "--jobs", "1"]


@pytest.fixture(scope="module")
def framed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network over three readings of memory tiering."""
    chosen = {"task": "tiering", "machine": "dram_cxl", "reward": "latency", "safety": "default"}
    groups: Any = {group: load_choice(group, name) for group, name in chosen.items()}
    env: Any = make_environments(World(**groups), 1, "zipf", steps=1, frames=FRAMES)
    spec = env.unwrapped.task_spec
    return save_artifact(
        tmp_path_factory.mktemp("framed") / "policy",
        sample_network(np.random.default_rng(1), spec, normalised=False),
        spec=spec,
        algorithm="random",
        deployment=Deployment(frames=FRAMES),
    )


def test_a_framed_policy_is_compared_beside_others(framed: Path, tmp_path: Path) -> None:
    """Each tuner is shown as many readings as it asks for."""
    words = [f"tuners=[pi,{framed}]", "workloads=zipf", "seeds=2", "steps=3", "report=false"]
    assert main(["compare", *words, "jobs=1", f"out={tmp_path / 'run'}", "--quiet"]) == 0
    assert f"{framed}" in (tmp_path / "run" / "summary.json").read_text()


def test_a_framed_policy_becomes_a_document(
    framed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its steady state is measured under its own history."""
    nodes = ["--node", "0-4G", "--node", "4G-8G", "--warm-up", "4"]
    text = exported(capsys, framed, "damo", tmp_path / "damo.json", *SMALL, *nodes)
    assert "median of the applied knobs after 4 decisions" in text


def test_a_framed_policy_becomes_a_tree_over_the_same_history(
    framed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tree's bundle has the policy's frames, so that it is deployed in the same way."""
    pytest.importorskip("sklearn")
    exported(capsys, framed, "tree", tmp_path / "tree", *SMALL)
    found = load_artifact(tmp_path / "tree" / "tree.damosrl")
    assert found.deployment.frames == FRAMES
    assert found.spec == load_artifact(framed).spec
