"""What is no bundle, or was changed, is refused; a fitting hash does not help a wrong one."""

import hashlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damosrl.artifact import MANIFEST, WEIGHTS, Deployment, load_artifact, save_artifact
from damosrl.artifact.archive import pack
from damosrl.artifact.digest import content_sha256, rendered
from damosrl.errors import ArtifactError
from damosrl.testing.sample_policies import SAMPLE_SPEC, sample_network, sample_tree

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A written network."""
    return save_artifact(
        tmp_path / "policy",
        sample_network(np.random.default_rng(0), normalised=True),
        spec=SAMPLE_SPEC,
        algorithm="PPO",
        deployment=Deployment(safety={"limits": {"quota": [0.0, 1e8]}}),
    )


@pytest.fixture
def tree_bundle(tmp_path: Path) -> Path:
    """A written tree."""
    tree = sample_tree(np.random.default_rng(0))
    return save_artifact(tmp_path / "tree", tree, spec=SAMPLE_SPEC, algorithm="tree")


def _forge_manifest(bundle: Path, change: Change) -> None:
    """Edit a manifest and give it a fitting hash, as a forger or a foreign writer would."""
    content = json.loads((bundle / MANIFEST).read_text())
    change(content)
    content["content_sha256"] = content_sha256(content)
    (bundle / MANIFEST).write_bytes(rendered(content))


def _forge_weights(bundle: Path, change: Change) -> None:
    with np.load(bundle / WEIGHTS) as stored:
        content = dict(stored)
    change(content)
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    _put_weights(bundle, buffer.getvalue())


def _put_weights(bundle: Path, content: bytes) -> None:
    (bundle / WEIGHTS).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    _forge_manifest(bundle, lambda manifest: manifest.update(weights_sha256=digest))


def test_changed_weights_are_refused(bundle: Path) -> None:
    """One flipped bit in the weights is found."""
    content = bytearray((bundle / WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / WEIGHTS).write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match=r"weights\.npz is not what was written"):
        load_artifact(bundle)


@pytest.mark.parametrize(
    ("old", "new"), [("100000000.0", "900000000.0"), ('"PPO"', ' "PPO"'), ("PPO", "SAC")]
)
def test_a_changed_manifest_is_refused(bundle: Path, old: str, new: str) -> None:
    """A widened limit is found, and so is a space."""
    text = (bundle / MANIFEST).read_text()
    assert old in text
    (bundle / MANIFEST).write_text(text.replace(old, new))
    with pytest.raises(ArtifactError, match=r"manifest\.json is not what was written"):
        load_artifact(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(format="keras"), "no policy bundle: got 'keras'"),
        (lambda content: content.pop("format"), "no policy bundle"),
        (lambda content: content.update(version=99), "version: got 99; allowed: 1 or 2; fix: use"),
        (lambda content: content.update(version=True), "unknown version"),
        (lambda content: content.update(version=[2]), "unknown version"),
        (lambda content: content.update(sort="x"), "sort"),
        (lambda content: content.pop("knobs"), "knobs"),
        (lambda content: content.update(action_kind="sideways"), "sideways"),
        (lambda content: content["policy"].update(kind="code"), "code"),
        (lambda content: content["policy"].update(kind="tree"), "activations"),
        (lambda content: content["policy"].update(output="softmax"), "softmax"),
        (lambda content: content["policy"].update(activations=["tanh", "gelu"]), "gelu"),
        (lambda content: content["policy"].update(activations=[]), "activations"),
        (lambda content: content["policy"].update(activations=["tanh"] * 65), "activations"),
        (lambda content: content["policy"].update(activations=["tanh"]), "arrays are left over"),
        (lambda content: content["policy"].update(activations=["tanh"] * 3), "weight_2"),
        (lambda content: content["policy"].update(normaliser_limit=-1.0), "limit is wrong"),
        (lambda content: content["knobs"][0].update(low=5e9), "range of quota is empty"),
        (lambda content: content["knobs"][0].update(low=10**400), "manifest.json is wrong"),
        (lambda content: content["knobs"].pop(), "2 outputs"),
        (lambda content: content["observation"].pop(), "3 inputs"),
        (lambda content: content["deployment"].update(quota_loop="fast"), "quota_loop"),
        (lambda content: content["deployment"].update(frames=65), "frames"),
        (lambda content: content["deployment"]["safety"].update(limit={}), "did you mean 'limits'"),
        (lambda content: content.update(provenance={"a": _nested(30)}), "nested too deeply"),
    ],
)
def test_foreign_manifests_are_refused(bundle: Path, change: Change, message: str) -> None:
    """A manifest that is foreign or does not fit is refused even when its hash is right."""
    _forge_manifest(bundle, change)
    with pytest.raises(ArtifactError, match=message):
        load_artifact(bundle)


def _nested(levels: int) -> list[Any]:
    content: list[Any] = []
    for _ in range(levels):
        content = [content]
    return content


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(weight_1=content["weight_1"].T), "do not fit"),
        (lambda content: content.update(bias_0=np.full(8, np.nan, np.float32)), "NaN"),
        (lambda content: content.update(bias_0=np.full(8, -np.inf, np.float32)), "infinity"),
        (lambda content: content.update(bias_0=np.zeros(8)), "bias_0 has a wrong type"),
        (lambda content: content.update(bias_0=np.zeros(8, ">f4")), "wrong type or form"),
        (lambda content: content.update(bias_0=np.zeros((8, 1, 1), np.float32)), "wrong type or"),
        (lambda content: content.update(bias_0=np.float32(1)), "wrong type or form"),
        (lambda content: content.update(bias_0=np.array([object()])), "wrong type or form"),
        (lambda content: content.pop("bias_0"), "missing: got .*; allowed: bias_0"),
        (lambda content: content.update(extra=np.zeros(1, np.float32)), "left over: got extra"),
        (lambda content: content.update(normaliser_scale=np.zeros(3, np.float32)), "scale > 0"),
        (lambda content: content.pop("normaliser_mean"), "normaliser_mean"),
    ],
)
def test_unusable_weights_are_refused(bundle: Path, change: Change, message: str) -> None:
    """Weights that do not fit, are no numbers, or hide a pickle are refused."""
    _forge_weights(bundle, change)
    with pytest.raises(ArtifactError, match=message):
        load_artifact(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["left"].__setitem__(0, 0), "out of order"),
        (lambda content: content["feature"].__setitem__(0, 3), "feature that there is not"),
        (lambda content: content.update(value=content["value"] * 1e6), "no action"),
        (lambda content: content.update(left=content["left"].astype(np.float32)), "wrong type"),
    ],
)
def test_unusable_trees_are_refused(tree_bundle: Path, change: Change, message: str) -> None:
    """A tree with a cycle, an unknown feature, or values that are no actions is refused."""
    _forge_weights(tree_bundle, change)
    with pytest.raises(ArtifactError, match=message):
        load_artifact(tree_bundle)


def test_a_promised_size_is_not_allocated(bundle: Path) -> None:
    """A header that promises terabytes is refused for what follows it."""
    with np.load(bundle / WEIGHTS) as stored:
        members = {f"{name}.npy": _npy(array) for name, array in stored.items()}
    members["weight_0.npy"] = members["weight_0.npy"].replace(b"(8, 3), }", b"(99999999, 99999), }")
    members["weight_0.npy"] = members["weight_0.npy"].replace(b" " * 11, b"", 1)
    _put_weights(bundle, pack(members))
    with pytest.raises(ArtifactError, match=r"weight_0\.npy has another size than its shape"):
        load_artifact(bundle)


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array)
    return buffer.getvalue()


def test_missing_and_broken_files_are_refused(bundle: Path) -> None:
    """A missing folder, a missing file, and what is no JSON each get one clear line."""
    with pytest.raises(ArtifactError, match="cannot read"):
        load_artifact(bundle / "nowhere")
    (bundle / MANIFEST).write_text("{")
    with pytest.raises(ArtifactError, match="is no JSON"):
        load_artifact(bundle)
    (bundle / MANIFEST).write_text("[1]")
    with pytest.raises(ArtifactError, match="no policy bundle"):
        load_artifact(bundle)
    (bundle / MANIFEST).write_text("[" * 100_000)
    with pytest.raises(ArtifactError, match="is no JSON"):
        load_artifact(bundle)
    (bundle / WEIGHTS).unlink()
    with pytest.raises(ArtifactError, match="cannot read"):
        load_artifact(bundle)


@pytest.mark.parametrize("name", [MANIFEST, WEIGHTS])
def test_links_and_pipes_in_a_folder_are_refused(bundle: Path, name: str) -> None:
    """A file of the folder is read itself or not at all; a pipe does not hang the reader."""
    moved = (bundle / name).rename(bundle / "elsewhere")
    (bundle / name).symlink_to(moved)
    with pytest.raises(ArtifactError, match="cannot read"):
        load_artifact(bundle)
    (bundle / name).unlink()
    os.mkfifo(bundle / name)
    with pytest.raises(ArtifactError, match="no regular file"):
        load_artifact(bundle)


@pytest.mark.parametrize("name", [MANIFEST, WEIGHTS])
def test_a_large_file_is_not_read(bundle: Path, name: str) -> None:
    """A file of a terabyte, sparse on the disk, is refused by its size."""
    os.truncate(bundle / name, 2**40)
    with pytest.raises(ArtifactError, match=r"too large: got 1099511627776 bytes"):
        load_artifact(bundle)
    os.truncate(bundle / name, 0)
