"""One policy bundle: everything that evaluation and deployment need, in two plain files.

``manifest.json`` says what the policy sees, turns and where it comes from; ``weights.npz`` holds
its arrays. No pickle, no torch. Both are covered by SHA-256, which catches damage and careless
edits; it is no signature, so take bundles only from where you trust.
"""

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from damosrl.errors import ArtifactError, ConfigError, DamosrlError, UnknownNameError
from damosrl.knobs import Float32Array, Quantity, QuantitySet
from damosrl.policy import ActivationName, Layer, Normaliser, OutputMap, PolicyNetwork
from damosrl.steps import stepped
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner

ActionKind = Literal["absolute", "relative", "discrete"]
FORMAT = "damosrl-policy"
VERSION = 1
MANIFEST = "manifest.json"
WEIGHTS = "weights.npz"
MAX_MANIFEST_BYTES = 4 * 2**20
MAX_WEIGHTS_BYTES = 256 * 2**20


class _Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    activations: tuple[ActivationName, ...]
    output: OutputMap
    choices: tuple[int, ...]
    normaliser_limit: float | None


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The manifest without its two leading keys, ``format`` and ``version``."""

    task: str
    decision_interval_s: float
    observation: tuple[Quantity, ...]
    knobs: tuple[Quantity, ...]
    action_kind: ActionKind
    network: _Network
    algorithm: str
    limits: dict[str, Any]
    provenance: dict[str, Any]
    weights_sha256: str
    manifest_sha256: str


@dataclass(frozen=True)
class Artifact:
    """A loaded policy bundle.

    Args:
        spec: The task it was trained for: features and knobs with units and ranges.
        network: The policy.
        algorithm: What trained it.
        action_kind: What its actions mean to the environment.
        limits: Safety limits in force during training.
        provenance: Where it comes from: command, versions, seed, workloads.
        weights_sha256: Digest of the weights.
    """

    spec: TaskSpec
    network: PolicyNetwork
    algorithm: str
    action_kind: ActionKind
    limits: Mapping[str, Any]
    provenance: Mapping[str, Any]
    weights_sha256: str

    def tuner(self) -> "PolicyTuner":
        """Return a tuner that acts by this policy."""
        return PolicyTuner(self)


class PolicyTuner(BaseTuner):
    """Acts by a trained policy, deterministically.

    Its actions are knob positions like every tuner's: a policy that was trained on relative or
    discrete actions steps from the positions in force, which it observes as ``last_<knob>``.

    Args:
        artifact: The bundle; the task of `reset` must be the one it was trained for.
    """

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode.

        Raises:
            ArtifactError: The task differs from the one the policy was trained for.
        """
        require_same_spec(self.artifact.spec, spec)
        super().reset(spec, seed)
        self._in_force = None
        if self.artifact.action_kind != "absolute":
            self._in_force = _places_in_force(spec)

    def act(self, observation: Float32Array) -> Float32Array:
        """Return the policy's action ``(k,)`` for an observation ``(d,)``."""
        action = self.artifact.network.act(observation)
        if self._in_force is None:
            return action
        in_force = np.nan_to_num(observation[self._in_force].astype(np.float64))
        return stepped(self.spec.knobs, in_force, action.astype(np.float64)).astype(np.float32)


def _places_in_force(spec: TaskSpec) -> list[int]:
    try:
        return [spec.observation.index(f"last_{name}") for name in spec.knobs.names]
    except UnknownNameError as error:
        raise ArtifactError(
            "relative actions need the knobs in force among the features",
            got=error,
            fix="train with absolute actions",
        ) from error


def require_same_spec(trained: TaskSpec, given: TaskSpec) -> None:
    """Refuse a task that a policy was not trained for.

    Raises:
        ArtifactError: Naming the first difference.
    """
    for what, ours, theirs in (
        ("task", trained.task, given.task),
        ("features", trained.observation.names, given.observation.names),
        ("knobs", trained.knobs.names, given.knobs.names),
        ("decision interval", trained.decision_interval_s, given.decision_interval_s),
    ):
        if ours != theirs:
            raise _misfit(what, theirs, ours)
    pairs = zip(
        trained.observation.items + trained.knobs.items,
        given.observation.items + given.knobs.items,
        strict=True,
    )
    for ours_item, theirs_item in pairs:
        for field in ("unit", "low", "high", "scale", "off_below"):
            ours, theirs = getattr(ours_item, field), getattr(theirs_item, field)
            if ours != theirs:
                raise _misfit(f"{field} of {ours_item.name}", theirs, ours)


def _misfit(what: str, got: object, allowed: object) -> ArtifactError:
    return ArtifactError(
        f"the policy was trained for another task: {what} differs",
        got=got,
        allowed=allowed,
        fix="use the task it was trained for, or train again",
    )


def save_artifact(
    folder: Path,
    network: PolicyNetwork,
    *,
    spec: TaskSpec,
    algorithm: str,
    action_kind: ActionKind = "absolute",
    limits: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Path:
    """Write a policy bundle; it appears whole or not at all.

    Args:
        folder: Where to; must not exist.
        network: The policy; its sizes must fit the spec.
        spec: The task it was trained for.
        algorithm: What trained it, such as ``PPO``.
        action_kind: What its actions mean to the environment.
        limits: Safety limits in force during training; plain data.
        provenance: Command, versions, seed, workloads; plain data.

    Returns:
        The folder.

    Raises:
        ArtifactError: The folder exists, the network does not fit, or something is no plain data.
    """
    if folder.exists():
        raise ArtifactError(f"{folder} exists", fix="choose a new folder")
    _require_sizes(network, spec)
    weights = _pack_weights(network)
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "task": spec.task,
        "decision_interval_s": spec.decision_interval_s,
        "observation": msgspec.to_builtins(spec.observation.items),
        "knobs": msgspec.to_builtins(spec.knobs.items),
        "action_kind": action_kind,
        "network": {
            "activations": [layer.activation for layer in network.layers],
            "output": network.output,
            "choices": list(network.choices),
            "normaliser_limit": network.normaliser.limit if network.normaliser else None,
        },
        "algorithm": algorithm,
        "limits": dict(limits or {}),
        "provenance": dict(provenance or {}),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    try:
        content["manifest_sha256"] = _digest(content)
        manifest = json.dumps(content, indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ArtifactError(
            "limits or provenance cannot be written as JSON", got=error, allowed="plain data"
        ) from error
    partial = folder.with_name(f"{folder.name}.partial{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        (partial / WEIGHTS).write_bytes(weights)
        (partial / MANIFEST).write_text(manifest, encoding="utf-8")
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise ArtifactError(f"cannot write {folder}", got=error.strerror) from error
    return folder


def load_artifact(folder: Path) -> Artifact:
    """Load and check a policy bundle.

    Raises:
        ArtifactError: It is missing, foreign, of another version, damaged, changed, or does
            not fit together.

    Example:
        >>> def first_action(folder: Path, spec: TaskSpec, observation: Float32Array):
        ...     tuner = load_artifact(folder).tuner()
        ...     tuner.reset(spec, seed=0)
        ...     return tuner.act(observation)
    """
    manifest = _read_manifest(folder)
    weights = _read_bytes(folder / WEIGHTS, MAX_WEIGHTS_BYTES)
    if hashlib.sha256(weights).hexdigest() != manifest.weights_sha256:
        raise _changed(folder / WEIGHTS)
    try:
        network = _unpack_weights(weights, manifest.network)
        spec = TaskSpec(
            manifest.task,
            QuantitySet(manifest.observation),
            QuantitySet(manifest.knobs),
            manifest.decision_interval_s,
        )
        _require_sizes(network, spec)
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ArtifactError(
            f"{folder / WEIGHTS} cannot be read", got=error, fix="copy the bundle again"
        ) from error
    except ArtifactError:
        raise
    except DamosrlError as error:
        raise ArtifactError(f"{folder} does not fit together", got=error) from error
    return Artifact(
        spec=spec,
        network=network,
        algorithm=manifest.algorithm,
        action_kind=manifest.action_kind,
        limits=manifest.limits,
        provenance=manifest.provenance,
        weights_sha256=manifest.weights_sha256,
    )


def _read_manifest(folder: Path) -> _Manifest:
    path = folder / MANIFEST
    try:
        content = json.loads(_read_bytes(path, MAX_MANIFEST_BYTES))
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is no JSON", got=error, fix="copy it again") from error
    kind = content.pop("format", None) if isinstance(content, dict) else None
    if kind != FORMAT:
        raise ArtifactError(f"{folder} is no policy bundle", got=kind, allowed=FORMAT)
    version = content.pop("version", None)
    if version != VERSION:
        raise ArtifactError(
            f"{folder} has an unknown version",
            got=version,
            allowed=VERSION,
            fix="use the damosrl version that wrote it, or train again",
        )
    try:
        manifest = msgspec.convert(content, _Manifest)
    except (msgspec.ValidationError, ConfigError) as error:
        raise ArtifactError(f"{path} is wrong", got=error, fix="copy it again") from error
    signed = {"format": kind, "version": version, **content}
    if signed.pop("manifest_sha256") != _digest(signed):
        raise _changed(path)
    return manifest


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > limit:
            raise ArtifactError(f"{path} is too large", got=f"{size} bytes", allowed=limit)
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"cannot read {path}", got=error.strerror, fix="give the folder of a trained policy"
        ) from error


def _changed(path: Path) -> ArtifactError:
    return ArtifactError(
        f"{path} is not what was written",
        got="another SHA-256",
        fix="copy the bundle again; never edit it by hand",
    )


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _require_sizes(network: PolicyNetwork, spec: TaskSpec) -> None:
    sizes = (network.observation_size, network.action_size)
    wanted = (len(spec.observation), len(spec.knobs))
    if sizes != wanted:
        raise ArtifactError(
            "the policy does not fit its task",
            got=f"{sizes[0]} inputs and {sizes[1]} outputs",
            allowed=f"{wanted[0]} features and {wanted[1]} knobs",
        )


def _pack_weights(network: PolicyNetwork) -> bytes:
    arrays: dict[str, NDArray[np.float32]] = {}
    for place, layer in enumerate(network.layers):
        arrays[f"weight_{place}"] = layer.weight
        arrays[f"bias_{place}"] = layer.bias
    if network.normaliser is not None:
        arrays["normaliser_mean"] = network.normaliser.mean
        arrays["normaliser_scale"] = network.normaliser.scale
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpack_weights(content: bytes, shape: _Network) -> PolicyNetwork:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        layers = tuple(
            Layer(
                _float32(arrays[f"weight_{place}"]), _float32(arrays[f"bias_{place}"]), activation
            )
            for place, activation in enumerate(shape.activations)
        )
        normaliser = None
        if shape.normaliser_limit is not None:
            normaliser = Normaliser(
                _float32(arrays["normaliser_mean"]),
                _float32(arrays["normaliser_scale"]),
                shape.normaliser_limit,
            )
    return PolicyNetwork(layers, shape.output, shape.choices, normaliser)


def _float32(array: NDArray[Any]) -> Float32Array:
    if array.dtype != np.float32:
        raise ArtifactError("weights of a wrong type", got=array.dtype, allowed="float32")
    return np.ascontiguousarray(array)
