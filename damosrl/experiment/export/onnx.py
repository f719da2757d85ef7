"""`--format onnx`: the whole policy as one graph."""

from pathlib import Path

import numpy as np

from damosrl.artifact import Artifact
from damosrl.errors import ExportError
from damosrl.experiment.export.reference import SEED, played
from damosrl.experiment.export.source import Source
from damosrl.export.new_file import require_new, write_new
from damosrl.export.observations import probe_observations
from damosrl.export.onnx_graph import OPSET, OnnxPolicy, onnx_model
from damosrl.export.parity import Parity, largest_difference
from damosrl.policy import PolicyNetwork


def export_onnx(source: Source, out: Path, command: str) -> list[str]:
    """Write a policy network as an ONNX model, run by onnxruntime before it is written.

    Args:
        source: The policy; a network.
        out: Where to; must not exist.
        command: The command line, for the metadata.

    Returns:
        Lines that say what was written and how near it is.

    Raises:
        ExportError: The policy is no network, a library is missing, or the path exists.
        ParityError: The graph acts otherwise; nothing is written.
    """
    require_new(out)
    artifact = source.artifact
    if not isinstance(artifact.policy, PolicyNetwork):
        raise ExportError(
            "only a network becomes an ONNX graph",
            got=type(artifact.policy).__name__,
            fix="use --format bundle, which takes every policy",
        )
    metadata = {
        "algorithm": artifact.algorithm,
        "content_sha256": artifact.content_sha256,
        "exported_by": command,
    }
    content = onnx_model(artifact.policy, artifact.spec, artifact.action_kind, metadata)
    policy = OnnxPolicy(content)
    parity = source.reference.parity(artifact, lambda seen: policy(seen)[0]).require()
    knobs = _knob_parity(artifact, policy).require()
    write_new(out, content)
    features, count = len(artifact.spec.observation), len(artifact.spec.knobs)
    return [
        f"opset {OPSET}: observation (N, {features}) -> action (N, {count}), knobs (N, {count})",
        str(parity),
        f"knobs: {knobs}",
        f"content hash of the policy: {artifact.content_sha256}",
    ]


def _knob_parity(artifact: Artifact, policy: OnnxPolicy) -> Parity:
    """Compare physical knobs with those of the tuner that acts by the artifact."""
    knobs = artifact.spec.knobs
    generator = np.random.default_rng(SEED)
    seen = probe_observations(len(artifact.spec.observation), generator)
    wanted = knobs.to_physical(played(artifact, artifact.spec)(seen).astype(np.float64))
    found = policy(seen)[1]
    largest = largest_difference(knobs.to_normal(found), knobs.to_normal(wanted))
    return Parity("the tuner that acts by the artifact", len(seen), largest)
