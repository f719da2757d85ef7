"""What hostile bundles are made of: sound ones, and the means to write what nobody should."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from damosrl.artifact import MANIFEST, WEIGHTS, Deployment, ObservedRange, save_artifact
from damosrl.artifact.archive import pack
from damosrl.artifact.digest import content_sha256, rendered
from damosrl.artifact.files import read_members, write_members
from damosrl.policy import AnyPolicy, ControllerPolicy
from damosrl.testing.sample_policies import SAMPLE_SPEC, sample_network, sample_tree

Members = Mapping[str, bytes]
Rng = np.random.Generator
Attack = Callable[[Rng, Members, Path], Path]
"""Writes one hostile bundle made from a sound one; returns where, at or under the given path."""

SAFETY = {"limits": {"quota": [0.0, 1e8]}, "slew": {"quota": 2.0}, "fallback": {"age": 1.0}}


def sound_bundles(rng: Rng, folder: Path) -> list[Members]:
    """Write one bundle of each kind of policy and return their files."""
    policies: dict[str, AnyPolicy] = {
        "network": sample_network(rng, normalised=True),
        "tree": sample_tree(rng),
        "controller": ControllerPolicy("pi", {"free_target_percent": 3.0}),
    }
    deployment = Deployment(safety=SAFETY, observed=ObservedRange((-0.5,) * 3, (0.5,) * 3))
    return [
        read_members(
            save_artifact(
                folder / name,
                policy,
                spec=SAMPLE_SPEC,
                algorithm=name,
                deployment=deployment,
                provenance={"seed": 1},
            )
        )
        for name, policy in policies.items()
    ]


def as_file(content: bytes, path: Path) -> Path:
    """Write the bytes of a one-file bundle."""
    file = path.with_suffix(".damosrl")
    file.write_bytes(content)
    return file


def as_folder(members: Members, path: Path) -> Path:
    """Write files into a folder."""
    return write_members(path, members)


def as_either(rng: Rng, members: Members, path: Path) -> Path:
    """Write files in a form that is drawn."""
    return as_file(pack(members), path) if rng.random() < 0.5 else as_folder(members, path)


def manifest_of(members: Members) -> dict[str, Any]:
    """Return the manifest as plain data."""
    content: dict[str, Any] = json.loads(members[MANIFEST])
    return content


def with_manifest(members: Members, content: dict[str, Any]) -> dict[str, bytes]:
    """Put a manifest in with a fitting hash, as a forger would."""
    sealed = {**content, "content_sha256": content_sha256(content)}
    return {**members, MANIFEST: rendered(sealed)}


def with_weights(members: Members, weights: bytes) -> dict[str, bytes]:
    """Put weights in with fitting hashes, as a forger would."""
    content = manifest_of(members)
    content["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    return with_manifest({**members, WEIGHTS: weights}, content)


def one_of(rng: Rng, items: Any) -> Any:
    """Draw one item of a sequence without turning it into a NumPy type."""
    return items[int(rng.integers(len(items)))]
