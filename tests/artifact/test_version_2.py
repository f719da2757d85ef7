"""Bundles of schema version 2, as they were first written, stay what they are."""

from pathlib import Path

import numpy as np

from damosrl.artifact import Deployment, ObservedRange, load_artifact, save_artifact
from damosrl.policy import PolicyTree
from damosrl.testing.sample_policies import SAMPLE_SPEC

OLD = Path(__file__).parent / "version_2.damosrl"
"""Written once; a Python or NumPy that packs otherwise would refuse it, or change the hash."""
DIGEST = "d88cd6773ce765acdd6e1d9ea0a26f25796fbd1c868f1b53ae21b3c4c390a63a"


def test_a_version_2_file_is_read() -> None:
    """Policy, conditions and hash are what was written."""
    artifact = load_artifact(OLD)
    assert (artifact.schema_version, artifact.content_sha256) == (2, DIGEST)
    assert artifact.spec == SAMPLE_SPEC
    assert artifact.deployment == Deployment(
        safety={"slew": {"quota": 2.0}}, observed=ObservedRange((-0.5,) * 3, (0.5,) * 3)
    )
    assert isinstance(artifact.policy, PolicyTree)
    shown = np.array([[0.0, 0.25, 0.0], [0.0, 0.5, 0.0]], np.float32)
    assert artifact.policy.act(shown).tolist() == [[-1.0, 0.5], [1.0, -0.5]]


def test_a_version_2_file_is_written_again_to_the_same_bytes(tmp_path: Path) -> None:
    """The form of a bundle depends on its content alone."""
    artifact = load_artifact(OLD)
    again = save_artifact(
        tmp_path / "again.damosrl",
        artifact.policy,
        spec=artifact.spec,
        algorithm=artifact.algorithm,
        deployment=artifact.deployment,
        provenance=artifact.provenance,
    )
    assert again.read_bytes() == OLD.read_bytes()
