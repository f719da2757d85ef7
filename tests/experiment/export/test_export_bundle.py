"""Bundles: every policy becomes one, and acts as before."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from damosrl.artifact import load_artifact
from damosrl.cli import main
from damosrl.experiment.export.bundle import export_bundle
from damosrl.experiment.export.reference import Reference
from damosrl.experiment.export.source import read_source
from damosrl.export.parity import ParityError
from damosrl.policy import ControllerPolicy, PolicyNetwork
from damosrl.registry import agent_names, make_tuner
from tests.experiment.export.exporting import exported, largest_difference, refused


def test_a_run_becomes_a_folder_or_a_file(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both forms hold the run's policy, held to its last checkpoint, and say what it scored."""
    for name in ("bundle", "policy.damosrl"):
        text = exported(capsys, trained, "bundle", tmp_path / name)
        assert "the PPO model of the last checkpoint" in text
        assert 0.0 <= largest_difference(text) <= 1e-4
        found = load_artifact(tmp_path / name)
        assert found.content_sha256 in text
        assert found.provenance["scores"]["ppo"]["n"] == 2
        assert found.provenance["exported"]["parity"]["observations"] == 10_000
    assert (tmp_path / "bundle").is_dir()
    assert (tmp_path / "policy.damosrl").is_file()


def test_a_run_without_checkpoints_is_held_to_its_artifact(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The artifact's own path gives the same policy, compared with itself."""
    text = exported(capsys, trained / "artifact", "bundle", tmp_path / "b")
    assert "parity with the artifact" in text
    ours, theirs = (load_artifact(path).policy for path in (tmp_path / "b", trained / "artifact"))
    assert isinstance(ours, PolicyNetwork)
    assert isinstance(theirs, PolicyNetwork)
    seen = np.zeros((1, ours.observation_size), np.float32)
    np.testing.assert_array_equal(ours.act(seen), theirs.act(seen))


def test_a_search_becomes_its_best_configuration(
    tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The best knobs of a tune run are a bundle that names the static tuner."""
    exported(capsys, tuned, "bundle", tmp_path / "best.damosrl")
    found = load_artifact(tmp_path / "best.damosrl")
    assert isinstance(found.policy, ControllerPolicy)
    assert found.policy.name == "static"
    assert set(found.policy.parameters["knobs"]) == set(found.spec.knobs.names)


@pytest.mark.parametrize("name", ["pi", "consist", "quantile", "random"])
def test_a_tuner_becomes_a_bundle_with_all_its_parameters(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name of conf/agent is exported with its parameters and loop, and can be exported again."""
    text = exported(capsys, name, "bundle", tmp_path / "b.damosrl")
    assert largest_difference(text) == 0.0
    found = load_artifact(tmp_path / "b.damosrl")
    assert isinstance(found.policy, ControllerPolicy)
    assert found.deployment.quota_loop == make_tuner(name).quota_loop
    assert found.deployment.safety["name"] == "default"
    exported(capsys, tmp_path / "b.damosrl", "bundle", tmp_path / "again")
    again = load_artifact(tmp_path / "again")
    assert again.policy == found.policy
    assert again.deployment == found.deployment


def test_a_configuration_of_a_tuner_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A YAML that changes one parameter is found again under its choice's name."""
    yaml = tmp_path / "mine.yaml"
    yaml.write_text("_target_: damosrl_agents.controllers.pi.PI\nfree_target_percent: 3.5\n")
    exported(capsys, yaml, "bundle", tmp_path / "b")
    policy = load_artifact(tmp_path / "b").policy
    assert isinstance(policy, ControllerPolicy)
    assert policy.name == "pi"
    assert policy.parameters["free_target_percent"] == 3.5
    assert policy.parameters["proportional_gain"] == 1.0


def test_a_policy_that_acts_otherwise_is_not_written(
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Above the limit the exit status is 1, the difference is told, and nothing is there."""
    source = read_source(str(trained))
    shifted = Reference("a shifted policy", lambda seen: source.reference.act(seen) * 0.99)
    other = replace(source, reference=shifted)
    with pytest.raises(ParityError, match="a shifted policy"):
        export_bundle(other, tmp_path / "b", "damosrl export")
    monkeypatch.setattr("damosrl.experiment.export.command.read_source", lambda *_: other)
    words = ["export", str(trained), "--format", "bundle", "--out", str(tmp_path / "b")]
    assert main(words) == 1
    assert "nothing has been written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path that exists is refused in every format, and stays as it was."""
    out = tmp_path / "kept"
    out.write_text("mine")
    for form in ("bundle", "onnx", "damo", "tree"):
        assert "exists; nothing is overwritten" in refused(capsys, "pi", form, out)
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("source", "form", "words"),
    [
        ("no/such/run", "bundle", "there is nothing to export"),
        ("pii", "bundle", "did you mean 'pi'?"),
        ("pi", "onxn", "did you mean 'onnx'?"),
        ("ppo", "bundle", "ppo is no tuner"),
        ("oracle", "bundle", "oracle cannot be deployed"),
        ("pi", "onnx", "only a network becomes an ONNX graph"),
        ("pi", "tree", "only a network is distilled into a tree"),
    ],
)
def test_bad_input_is_one_line(
    source: str, form: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be exported is said with what to do, and nothing is written."""
    assert words in refused(capsys, source, form, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_policy_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A comparison, or a training that was interrupted, has nothing to export."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("tuners: [pi]\n")
    line = refused(capsys, run, "bundle", tmp_path / "b")
    assert "the run holds no policy" in line
    assert "resume=DIR" in line


def test_numbers_of_episodes_must_be_positive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No seed, no step and no process are refused."""
    for name in ("seeds", "steps", "jobs"):
        line = refused(capsys, "pi", "damo", tmp_path / "d", f"--{name}", "0")
        assert f"{name} is too small" in line


def test_every_tuner_that_may_be_deployed_can_be_read() -> None:
    """All names of conf/agent are a source, a learner or search, or the oracle."""
    deployable = {"aimd", "best_static", "consist", "consist_warm", "hysteresis", "noop", "pi",
                  "quantile", "random", "static", "tabular_q", "temporal"}  # fmt: skip
    assert deployable <= set(agent_names())
    for name in sorted(deployable):
        assert read_source(name).artifact.spec.task
