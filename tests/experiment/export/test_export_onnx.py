"""Runs as ONNX models, beside the model that was trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from damosrl.artifact import load_artifact
from damosrl.experiment.export.onnx import export_onnx
from damosrl.experiment.export.reference import Reference
from damosrl.experiment.export.source import read_source
from damosrl.export.observations import probe_observations
from damosrl.export.onnx_graph import OnnxPolicy
from damosrl.export.parity import LIMIT, ParityError, largest_difference
from damosrl.registry import artifact_tuner
from tests.experiment.export import exporting


@pytest.mark.parametrize("run", ["trained", "discrete"])
def test_a_run_becomes_a_model_that_decides_alike(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    """The file alone gives the knobs that the tuner of the run asks for, in physical units."""
    folder: Path = request.getfixturevalue(run)
    text = exporting.exported(capsys, folder, "onnx", tmp_path / "policy.onnx")
    assert "the PPO model of the last checkpoint" in text
    assert exporting.largest_difference(text) <= LIMIT
    artifact = load_artifact(folder / "artifact")
    policy = OnnxPolicy((tmp_path / "policy.onnx").read_bytes())
    assert policy.metadata["content_sha256"] == artifact.content_sha256
    assert policy.metadata["knob_names"].split(",") == list(artifact.spec.knobs.names)
    seen = probe_observations(len(artifact.spec.observation), np.random.default_rng(9), 500)
    tuner = artifact_tuner(artifact)
    tuner.reset(artifact.spec, 0)
    wanted = artifact.spec.knobs.to_physical(
        np.stack([tuner.act(row) for row in seen]).astype(float)
    )
    to_normal = artifact.spec.knobs.to_normal
    assert largest_difference(to_normal(policy(seen)[1]), to_normal(wanted)) <= LIMIT


def test_a_graph_that_acts_otherwise_is_not_written(trained: Path, tmp_path: Path) -> None:
    """Held to another policy than its own, a graph fails and leaves nothing behind."""
    source = read_source(str(trained))
    shifted = Reference("a shifted policy", lambda seen: source.reference.act(seen) - 0.001)
    with pytest.raises(ParityError, match="a shifted policy"):
        export_onnx(replace(source, reference=shifted), tmp_path / "p.onnx", "damosrl export")
    assert list(tmp_path.iterdir()) == []
