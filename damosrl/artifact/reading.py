"""Reads a bundle: nothing is built before everything has been checked."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from damosrl.artifact.arrays import unpack_arrays
from damosrl.artifact.bundle import Artifact
from damosrl.artifact.digest import CONTENT_KEY, content_sha256, rendered
from damosrl.artifact.files import read_members
from damosrl.artifact.fit import require_fit, require_sound
from damosrl.artifact.layout import FORMAT, MANIFEST, MAX_NESTING, SIGNATURE, VERSION, WEIGHTS
from damosrl.artifact.manifest import Manifest, ManifestOfVersion1
from damosrl.artifact.policies import put_together
from damosrl.artifact.signature import Signature, read_signature
from damosrl.errors import ArtifactError, DamosrlError
from damosrl.knobs import Quantity, QuantitySet
from damosrl.task import TaskSpec

_NOT_AS_WRITTEN = "is not what was written"
_QUANTITY_FIELDS = {field.name for field in fields(Quantity)}


def load_artifact(path: Path) -> Artifact:
    """Load and check a policy bundle of schema version 1 or 2.

    Args:
        path: A folder or one file.

    Raises:
        ArtifactError: It is missing, foreign, of another version, too large, damaged, changed,
            or does not fit together.

    Example:
        >>> def knobs(path: Path) -> tuple[str, ...]:
        ...     return load_artifact(path).spec.knobs.names
    """
    return artifact_of(read_members(path), str(path))


def artifact_of(members: Mapping[str, bytes], what: str) -> Artifact:
    """Check the files of a bundle and put the artifact together.

    Args:
        members: Manifest, weights and perhaps signature by name, no larger than `MAX_BYTES`.
        what: What the bundle is called in messages.

    Raises:
        ArtifactError: As of `load_artifact`.
    """
    content = _plain(members[MANIFEST])
    version = content.get("version")
    if content.get("format") != FORMAT:
        raise ArtifactError(
            f"{what} is no policy bundle", got=_short(content.get("format")), allowed=FORMAT
        )
    reader = _READERS.get(version) if type(version) is int else None
    if version is None or reader is None:
        raise ArtifactError(
            f"{what} has an unknown version",
            got=_short(version),
            allowed=" or ".join(map(str, _READERS)),
            fix="use the damosrl version that wrote it, or train again",
        )
    manifest = _checked(reader, content, members)
    signature = None
    if SIGNATURE in members:
        signature = read_signature(members[SIGNATURE], manifest.content_sha256)
    return _built(manifest, members[WEIGHTS], version, signature)


def _built(
    manifest: Manifest, weights: bytes, version: int, signature: Signature | None
) -> Artifact:
    try:
        for quantity in (*manifest.observation, *manifest.knobs):
            require_sound(quantity)
        spec = TaskSpec(
            manifest.task,
            QuantitySet(manifest.observation),
            QuantitySet(manifest.knobs),
            manifest.decision_interval_s,
        )
        policy = put_together(manifest.policy, unpack_arrays(weights))
        require_fit(spec, policy, manifest.deployment)
    except ArtifactError:
        raise
    except DamosrlError as error:
        raise ArtifactError("the bundle does not fit together", got=error) from error
    return Artifact(
        spec=spec,
        policy=policy,
        algorithm=manifest.algorithm,
        action_kind=manifest.action_kind,
        deployment=manifest.deployment,
        provenance=manifest.provenance,
        content_sha256=manifest.content_sha256,
        schema_version=version,
        signature=signature,
    )


def _typed(kind: type[Any], content: Mapping[str, Any]) -> Any:
    body = {key: value for key, value in content.items() if key not in ("format", "version")}
    try:
        manifest = msgspec.convert(body, kind)
    except (msgspec.ValidationError, DamosrlError, OverflowError) as error:
        raise ArtifactError(
            f"{MANIFEST} is wrong", got=str(error)[:200], fix="copy the bundle again"
        ) from error
    for entry in (*body["observation"], *body["knobs"]):  # msgspec passes over unknown fields
        if unknown := entry.keys() - _QUANTITY_FIELDS:
            raise ArtifactError(f"{MANIFEST} is wrong", got=f"unknown {_short(min(unknown))}")
    return manifest


def _read_version_1(content: dict[str, Any], raw: bytes) -> Manifest:
    del raw  # version 1 is free in its layout
    manifest: ManifestOfVersion1 = _typed(ManifestOfVersion1, content)
    _require_digest(content, "manifest_sha256", manifest.manifest_sha256)
    return manifest.as_version_2()


def _read_version_2(content: dict[str, Any], raw: bytes) -> Manifest:
    if rendered(content) != raw:
        raise ArtifactError(f"{MANIFEST} {_NOT_AS_WRITTEN}", got="another layout")
    manifest: Manifest = _typed(Manifest, content)
    _require_digest(content, CONTENT_KEY, manifest.content_sha256)
    return manifest


Reader = Callable[[dict[str, Any], bytes], Manifest]
_READERS: Mapping[int, Reader] = {1: _read_version_1, VERSION: _read_version_2}


def _checked(reader: Reader, content: dict[str, Any], members: Mapping[str, bytes]) -> Manifest:
    try:
        manifest = reader(content, members[MANIFEST])
    except ValueError as error:
        raise ArtifactError(f"{MANIFEST} holds what is no number", got=error) from error
    if hashlib.sha256(members[WEIGHTS]).hexdigest() != manifest.weights_sha256:
        raise _changed(WEIGHTS)
    return manifest


def _require_digest(content: Mapping[str, Any], key: str, written: str) -> None:
    if content_sha256(content, without=key) != written:
        raise _changed(MANIFEST)


def _changed(name: str) -> ArtifactError:
    return ArtifactError(
        f"{name} {_NOT_AS_WRITTEN}",
        got="another SHA-256",
        fix="copy the bundle again; never edit it by hand",
    )


def _plain(raw: bytes) -> dict[str, Any]:
    """Read a manifest as plain data.

    Raises:
        ArtifactError: It is no JSON object, or nested too deeply.
    """
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{MANIFEST} is no JSON", got=str(error)[:120], fix="copy the bundle again"
        ) from error
    _require_flat(content)
    if not isinstance(content, dict):
        raise ArtifactError(f"{MANIFEST} is no policy bundle's", got=type(content).__name__)
    return content


def _require_flat(content: object) -> None:
    level = [content]
    for _ in range(MAX_NESTING):
        level = [
            item
            for one in level
            if isinstance(one, (dict, list))
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise ArtifactError(f"{MANIFEST} is nested too deeply", allowed=f"{MAX_NESTING} levels")


def _short(value: object) -> str:
    return repr(value)[:60]
