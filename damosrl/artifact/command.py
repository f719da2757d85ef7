"""`damosrl bundle show|sign|keys`, from the command line to what is printed."""

import json
import sys
from argparse import Namespace
from pathlib import Path

import msgspec

from damosrl.artifact.bundle import Artifact
from damosrl.artifact.reading import load_artifact
from damosrl.artifact.signing import generate_keys, sign, verify

LONGEST_VALUE = 160
"""Provenance holds whole configurations; a line for people does not."""


def show(given: Namespace) -> int:
    """Run `damosrl bundle show`: check a bundle and say what it is.

    Raises:
        ArtifactError: It cannot be used, or is not signed by the key given.
    """
    artifact = load_artifact(Path(given.bundle))
    if given.public_key:
        verify(artifact, Path(given.public_key))
    data = described(artifact)
    if given.json:
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
        return 0
    width = max(map(len, data))
    for name, value in data.items():
        text = value if isinstance(value, str) else json.dumps(value)
        short = text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."
        sys.stdout.write(f"{name:<{width}}  {short}\n")
    return 0


def keys(given: Namespace) -> int:
    """Run `damosrl bundle keys`: write a pair of keys.

    Raises:
        ArtifactError: A file exists or cannot be written, or ``cryptography`` is missing.
    """
    generate_keys(Path(given.private), Path(given.public))
    sys.stdout.write(f"{given.private}\n{given.public}\n")
    return 0


def sign_bundle(given: Namespace) -> int:
    """Run `damosrl bundle sign`: vouch for a bundle's content.

    Raises:
        ArtifactError: Bundle or key cannot be used, or ``cryptography`` is missing.
    """
    sign(Path(given.bundle), Path(given.key))
    sys.stdout.write(f"{given.bundle}\n")
    return 0


def described(artifact: Artifact) -> dict[str, object]:
    """Return what a bundle says of itself, plain data by name."""
    deployment = artifact.deployment
    found: dict[str, object] = {
        "content_sha256": artifact.content_sha256,
        "signed": artifact.signature is not None,
        "schema_version": artifact.schema_version,
        "task": artifact.spec.task,
        "decision_interval_s": artifact.spec.decision_interval_s,
        "policy": type(artifact.policy).__name__,
        "algorithm": artifact.algorithm,
        "action_kind": artifact.action_kind,
        "features": len(artifact.spec.observation),
        "knobs": ", ".join(artifact.spec.knobs.names),
        "quota_loop": str(deployment.quota_loop),
        "frames": deployment.frames,
        "task_settings": deployment.task_settings,
        "safety": deployment.safety,
        "training_range": deployment.observed is not None,
    }
    provenance = msgspec.to_builtins(dict(artifact.provenance))
    return found | {f"provenance.{name}": value for name, value in provenance.items()}
