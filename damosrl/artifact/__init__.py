"""One policy bundle: everything that evaluation and deployment need, in two plain files.

``manifest.json`` says what the policy sees and turns, how it is to be run and where it comes from;
``weights.npz`` holds its arrays. Both lie in a folder, or in one file whose name ends in
``.damosrl``. No pickle, no torch, no code. One SHA-256, `Artifact.content_sha256`, covers all of
it: that finds damage and careless edits. Who wrote a bundle is told by a signature
(`damosrl.artifact.signing`).
"""

from damosrl.artifact.bundle import ActionKind, Artifact
from damosrl.artifact.deployment import Deployment, ObservedRange
from damosrl.artifact.fit import require_same_spec, spec_differences
from damosrl.artifact.layout import MANIFEST, SIGNATURE, SUFFIX, WEIGHTS
from damosrl.artifact.reading import load_artifact
from damosrl.artifact.tuner import PolicyTuner
from damosrl.artifact.writing import assemble, save_artifact

__all__ = [
    "MANIFEST",
    "SIGNATURE",
    "SUFFIX",
    "WEIGHTS",
    "ActionKind",
    "Artifact",
    "Deployment",
    "ObservedRange",
    "PolicyTuner",
    "assemble",
    "load_artifact",
    "require_same_spec",
    "save_artifact",
    "spec_differences",
]
