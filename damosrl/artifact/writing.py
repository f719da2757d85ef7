"""Writes a bundle; what would be refused on reading is refused here."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from damosrl.artifact.arrays import pack_arrays
from damosrl.artifact.bundle import ActionKind, Artifact
from damosrl.artifact.deployment import Deployment
from damosrl.artifact.digest import CONTENT_KEY, content_sha256, rendered
from damosrl.artifact.files import write_members
from damosrl.artifact.layout import FORMAT, MANIFEST, MAX_BYTES, VERSION, WEIGHTS
from damosrl.artifact.policies import take_apart
from damosrl.artifact.reading import artifact_of
from damosrl.errors import ArtifactError
from damosrl.policy import AnyPolicy
from damosrl.task import TaskSpec


def save_artifact(
    path: Path,
    policy: AnyPolicy,
    *,
    spec: TaskSpec,
    algorithm: str,
    action_kind: ActionKind = "absolute",
    deployment: Deployment | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Path:
    """Write a policy bundle; it appears whole or not at all.

    Args:
        path: Where to; must not exist. A name that ends in ``.damosrl`` makes one file, any
            other a folder.
        policy: A network, a tree or a controller; its sizes must fit the spec.
        spec: The task it was trained for.
        algorithm: What made it, such as ``PPO``.
        action_kind: What its actions mean to the environment.
        deployment: The conditions it was trained under; None says nothing about them.
        provenance: Command, configuration, versions, seeds, scores; plain data.

    Returns:
        The path.

    Raises:
        ArtifactError: The path exists or cannot be written, or the parts do not fit.

    Example:
        >>> def keep(policy: AnyPolicy, spec: TaskSpec) -> Path:
        ...     return save_artifact(Path("p.damosrl"), policy, spec=spec, algorithm="PPO")
    """
    members = _members(policy, spec, algorithm, action_kind, deployment, provenance)
    _checked(members)
    return write_members(path, members)


def assemble(
    policy: AnyPolicy,
    *,
    spec: TaskSpec,
    algorithm: str,
    action_kind: ActionKind = "absolute",
    deployment: Deployment | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Artifact:
    """Return what `load_artifact` would return after `save_artifact`, without a file.

    Arguments and errors are those of `save_artifact`.
    """
    return _checked(_members(policy, spec, algorithm, action_kind, deployment, provenance))


def _checked(members: Mapping[str, bytes]) -> Artifact:
    """Read what is about to be written, as it will be read."""
    for name, member in members.items():
        if len(member) > MAX_BYTES[name]:
            raise ArtifactError(
                f"{name} would be too large",
                got=f"{len(member)} bytes",
                allowed=f"{MAX_BYTES[name]} bytes",
                fix="use a smaller policy, or shorter provenance",
            )
    return artifact_of(members, "the bundle")


def _members(
    policy: AnyPolicy,
    spec: TaskSpec,
    algorithm: str,
    action_kind: ActionKind,
    deployment: Deployment | None,
    provenance: Mapping[str, Any] | None,
) -> dict[str, bytes]:
    part, arrays = take_apart(policy)
    weights = pack_arrays(arrays)
    try:
        content: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "task": spec.task,
            "decision_interval_s": spec.decision_interval_s,
            "observation": msgspec.to_builtins(spec.observation.items),
            "knobs": msgspec.to_builtins(spec.knobs.items),
            "action_kind": action_kind,
            "algorithm": algorithm,
            "policy": msgspec.to_builtins(part),
            "deployment": msgspec.to_builtins(deployment or Deployment()),
            "provenance": dict(provenance or {}),
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
        }
        content[CONTENT_KEY] = content_sha256(content)
        manifest = rendered(content)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArtifactError(
            "deployment or provenance cannot be written as JSON", got=error, allowed="plain data"
        ) from error
    return {MANIFEST: manifest, WEIGHTS: weights}
