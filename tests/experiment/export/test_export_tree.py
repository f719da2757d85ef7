"""A run distilled into rules and a bundle."""

from pathlib import Path

import pytest
from msgspec import structs

from damosrl.artifact import load_artifact
from damosrl.config import choices
from damosrl.experiment.mixes import taken_apart
from damosrl.export.tree_rules import depth_of, leaves_of
from damosrl.policy import PolicyTree
from damosrl.registry import make_tuner
from tests.experiment.export.exporting import exported, refused

TIERING = "damosrl/Tiering-v0"
SMALL = ["--workloads", "zipf,uniform", "--seeds", "2", "--steps", "30", "--jobs", "1",
         "--depth", "3", "--leaves", "5"]  # fmt: skip


def test_a_run_becomes_rules_and_a_bundle(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder holds readable rules and a tree within its bounds; what it costs is told twice."""
    text = exported(capsys, trained, "tree", tmp_path / "tree", *SMALL)
    assert {path.name for path in (tmp_path / "tree").iterdir()} == {"rules.md", "tree.damosrl"}
    found = load_artifact(tmp_path / "tree/tree.damosrl")
    assert isinstance(found.policy, PolicyTree)
    assert depth_of(found.policy) <= 3
    assert leaves_of(found.policy) <= 5
    deployment = load_artifact(trained / "artifact").deployment
    assert structs.replace(found.deployment, observed=deployment.observed) == deployment
    assert found.deployment.observed is not None
    assert len(found.deployment.observed.low) == len(found.spec.observation)
    assert "scores" not in found.provenance
    told = found.provenance["exported"]
    assert told["observations"] == 2 * (2 * 2 * 30)
    assert told["agreement_on_policy_episodes"]["observations"] == 2 * 2 * 30
    assert 0.0 <= told["agreement_on_tree_episodes"]["all_knobs_close_share"] <= 1.0
    assert told["scores"]["policy"]["n"] == told["scores"]["tree"]["n"] == 4
    low, high = told["loss"]["ci95"]
    assert low <= told["loss"]["mean"] <= high
    assert f"loss {told['loss']['mean']:.3f}" in text
    page = (tmp_path / "tree/rules.md").read_text()
    assert "MiB/s, hot_threshold = " in page
    assert page.count("of decisions)") == leaves_of(found.policy)
    assert make_tuner(tmp_path / "tree/tree.damosrl").quota_loop == found.deployment.quota_loop


def test_equal_commands_give_equal_trees(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A distillation repeats."""
    words = [*SMALL[:1], "zipf", *SMALL[2:]]
    first, second = (
        exported(capsys, trained, "tree", tmp_path / name, *words) for name in ("a", "b")
    )
    assert first.splitlines()[:-1] == second.splitlines()[:-1]


def test_bounds_and_names_are_checked_first(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tree of one leaf and an unknown workload are refused; nothing is written."""
    assert "leaves is out of range" in refused(
        capsys, trained, "tree", tmp_path / "t", "--leaves", "1"
    )
    assert "did you mean 'zipf'?" in refused(
        capsys, trained, "tree", tmp_path / "t", "--workloads", "zipff"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_mix_is_taken_apart_into_its_members() -> None:
    """Each member is drawn as the mix draws it; a workload that is no mix stays."""
    assert taken_apart("acma_train", "damosrl/Acma-v0")[0] in choices("workload")
    members = taken_apart("train_mix", TIERING)
    assert [member["name"] for member in members if isinstance(member, dict)] == [
        "static_hot", "zipf", "zipf_scattered", "shifting_hot", "cyclic_scan", "uniform"
    ]  # fmt: skip
    assert all(member["randomize"] for member in members if isinstance(member, dict))
    assert taken_apart("zipf", TIERING) == ("zipf",)
