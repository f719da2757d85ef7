"""Bundles of schema version 1, as damosrl 0.1.0 first wrote them, are still read."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from damosrl.artifact import ObservedRange, load_artifact
from damosrl.errors import ArtifactError
from damosrl.machine import QuotaLoop
from damosrl.policy import PolicyNetwork
from damosrl.registry import artifact_tuner
from damosrl.testing.sample_policies import SAMPLE_SPEC

OLD = Path(__file__).parent / "version_1"
"""Written once by the code of schema version 1."""


def test_a_version_1_bundle_is_read() -> None:
    """Spec, safety settings, provenance and hash are found; what it does not say stays open."""
    artifact = load_artifact(OLD)
    assert (artifact.schema_version, artifact.algorithm) == (1, "PPO")
    assert artifact.spec == SAMPLE_SPEC
    assert artifact.deployment.safety["limits"] == {"quota": [0.0, 1e8], "age": [0.0, 20.0]}
    assert artifact.deployment.quota_loop is QuotaLoop.DIRECT
    assert artifact.deployment.task_settings == {}
    observed: ObservedRange | None = artifact.deployment.observed
    assert observed is None
    assert artifact.provenance == {
        "command": "damosrl train", "seed": 3, "workloads": ["zipf"]
    }  # fmt: skip
    assert artifact.content_sha256 in (OLD / "manifest.json").read_text()


def test_a_version_1_policy_acts_as_it_did() -> None:
    """Its network gives what its arrays, read by NumPy, give by the formula."""
    artifact = load_artifact(OLD)
    assert isinstance(artifact.policy, PolicyNetwork)
    with np.load(OLD / "weights.npz") as stored:
        arrays = dict(stored)
    shown = np.random.default_rng(0).uniform(-1, 1, (50, 3)).astype(np.float32)
    seen = np.clip((shown - arrays["normaliser_mean"]) / arrays["normaliser_scale"], -10, 10)
    hidden = np.tanh(seen @ arrays["weight_0"].T + arrays["bias_0"])
    wanted = np.clip(hidden @ arrays["weight_1"].T + arrays["bias_1"], -1, 1)
    tuner = artifact_tuner(artifact)
    tuner.reset(SAMPLE_SPEC, seed=0)
    assert artifact.policy.act(shown) == pytest.approx(wanted, abs=1e-6)
    assert np.array_equal(tuner.act(shown[0]), artifact.policy.act(shown[0]))


def test_a_flipped_bit_of_a_version_1_bundle_is_refused(tmp_path: Path) -> None:
    """In the manifest as in the weights, in every byte."""
    for name in ("manifest.json", "weights.npz"):
        folder = tmp_path / name.split(".")[0]
        shutil.copytree(OLD, folder)
        content = (OLD / name).read_bytes()
        bits = np.random.default_rng(0).integers(8, size=len(content)).tolist()
        for place, bit in enumerate(bits):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            (folder / name).write_bytes(changed)
            with pytest.raises(ArtifactError):
                load_artifact(folder)
