"""Signatures: the holder of the key vouches for the content; nothing else passes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from damosrl.artifact import SIGNATURE, load_artifact, save_artifact
from damosrl.artifact.signing import generate_keys, sign, verify
from damosrl.errors import ArtifactError
from damosrl.testing.sample_policies import SAMPLE_SPEC, sample_tree


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with a pair of keys."""
    (tmp_path / "keys").mkdir()
    generate_keys(tmp_path / "keys" / "private.pem", tmp_path / "keys" / "public.pem")
    return tmp_path / "keys"


@pytest.fixture(params=["policy", "policy.damosrl"])
def bundle(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """An unsigned bundle, in each form."""
    tree = sample_tree(np.random.default_rng(0))
    return save_artifact(tmp_path / request.param, tree, spec=SAMPLE_SPEC, algorithm="tree")


def test_a_signed_bundle_is_verified(bundle: Path, keys: Path) -> None:
    """By its path or loaded; its hash is what it was; signing again changes nothing."""
    before = load_artifact(bundle)
    first = sign(bundle, keys / "private.pem")
    assert sign(bundle, keys / "private.pem") == first
    loaded = load_artifact(bundle)
    assert loaded.signature == first
    assert loaded.content_sha256 == before.content_sha256
    for signed in (bundle, loaded):
        assert verify(signed, keys / "public.pem").content_sha256 == before.content_sha256


def test_an_unsigned_bundle_is_not_verified(bundle: Path, keys: Path) -> None:
    """No signature is no proof."""
    with pytest.raises(ArtifactError, match="is not signed"):
        verify(bundle, keys / "public.pem")


def test_another_key_is_refused(bundle: Path, keys: Path, tmp_path: Path) -> None:
    """A signature by somebody else does not pass."""
    generate_keys(tmp_path / "other.pem", tmp_path / "other.pub")
    sign(bundle, tmp_path / "other.pem")
    with pytest.raises(ArtifactError, match="not of this key"):
        verify(bundle, keys / "public.pem")


def test_each_flipped_byte_of_a_signature_is_refused(tmp_path: Path, keys: Path) -> None:
    """Wherever a signature is changed, it is unreadable, of another bundle, or of no key."""
    tree = sample_tree(np.random.default_rng(0))
    bundle = save_artifact(tmp_path / "policy", tree, spec=SAMPLE_SPEC, algorithm="tree")
    sign(bundle, keys / "private.pem")
    content = (bundle / SIGNATURE).read_bytes()
    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        (bundle / SIGNATURE).write_bytes(changed)
        with pytest.raises(ArtifactError):
            verify(bundle, keys / "public.pem")


def test_a_signature_does_not_move_to_another_bundle(tmp_path: Path, keys: Path) -> None:
    """A signature beside other content is refused on loading, even if its hash is rewritten."""
    paths = [
        save_artifact(tmp_path / name, sample_tree(np.random.default_rng(seed)),
                      spec=SAMPLE_SPEC, algorithm="tree")
        for seed, name in enumerate(("one", "two"))
    ]  # fmt: skip
    signature = sign(paths[0], keys / "private.pem")
    shutil.copy(paths[0] / SIGNATURE, paths[1] / SIGNATURE)
    with pytest.raises(ArtifactError, match="belongs to another bundle"):
        load_artifact(paths[1])
    other = (tmp_path / "two" / "manifest.json").read_text().split('"content_sha256": "')[1][:64]
    forged = msgspec.structs.replace(signature, content_sha256=other)
    (paths[1] / SIGNATURE).write_bytes(msgspec.json.encode(forged))
    with pytest.raises(ArtifactError, match="not of this key"):
        verify(paths[1], keys / "public.pem")


def test_keys_are_private_and_never_overwritten(keys: Path, tmp_path: Path) -> None:
    """The private key is its owner's only, whatever the umask; no key replaces another."""
    old = os.umask(0)
    try:
        generate_keys(tmp_path / "a.pem", tmp_path / "a.pub")
    finally:
        os.umask(old)
    assert (tmp_path / "a.pem").stat().st_mode & 0o777 == 0o600
    kept = (keys / "private.pem").read_bytes()
    with pytest.raises(ArtifactError, match="File exists"):
        generate_keys(keys / "private.pem", tmp_path / "b.pub")
    with pytest.raises(ArtifactError, match="File exists"):
        generate_keys(tmp_path / "b.pem", keys / "public.pem")
    assert (keys / "private.pem").read_bytes() == kept
    assert not (tmp_path / "b.pem").exists()
    assert not (tmp_path / "b.pub").exists()


def test_keys_that_cannot_be_used_are_told(tmp_path: Path, keys: Path) -> None:
    """A missing, open, mixed-up, foreign or broken key is one clear line, and signs nothing."""
    tree = sample_tree(np.random.default_rng(0))
    bundle = save_artifact(tmp_path / "policy", tree, spec=SAMPLE_SPEC, algorithm="tree")
    rsa = generate_private_key(65537, 2048)
    (tmp_path / "rsa.pem").write_bytes(
        rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (tmp_path / "rsa.pub").write_bytes(
        rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "broken.pem").write_bytes(b"\xff" * 100)
    shutil.copy(keys / "private.pem", tmp_path / "open.pem")
    (tmp_path / "open.pem").chmod(0o644)
    for name, message in (
        ("nowhere.pem", "cannot read"),
        ("broken.pem", "no key that can be used"),
        ("rsa.pem", "another kind of key: got RSAPrivateKey"),
        ("keys/public.pem", "no key that can be used"),
        ("open.pem", "can be read by others: got 0o644"),
    ):
        with pytest.raises(ArtifactError, match=message):
            sign(bundle, tmp_path / name)
    assert not (bundle / SIGNATURE).exists()
    sign(bundle, keys / "private.pem")
    for name, message in (
        ("keys/private.pem", "no key that can be used"),
        ("rsa.pub", "another kind of key"),
    ):
        with pytest.raises(ArtifactError, match=message):
            verify(bundle, tmp_path / name)


def test_without_the_library_bundles_still_load(tmp_path: Path) -> None:
    """Only signing needs it; asked for, it says which extra to install."""
    tree = sample_tree(np.random.default_rng(0))
    bundle = save_artifact(tmp_path / "policy", tree, spec=SAMPLE_SPEC, algorithm="tree")
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from pathlib import Path\n"
        "from damosrl.artifact import load_artifact\n"
        "from damosrl.artifact.signing import verify\n"
        "from damosrl.errors import ArtifactError\n"
        "artifact = load_artifact(Path(sys.argv[1]))\n"
        "try: verify(artifact, Path('key'))\n"
        "except ArtifactError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(bundle)], capture_output=True, text=True, check=True
    )
    assert 'fix: pip install "damosrl[signed]"' in done.stdout
