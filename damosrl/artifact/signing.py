"""Signs bundles and verifies them: ed25519, by the ``cryptography`` package (extra ``signed``).

The hash of a bundle finds damage; whoever can write a bundle can also write a fitting hash. A
signature tells that the holder of a private key vouches for the content.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from damosrl.artifact.bundle import Artifact
from damosrl.artifact.files import read_members, write_signature
from damosrl.artifact.layout import SIGNATURE
from damosrl.artifact.reading import artifact_of, load_artifact
from damosrl.artifact.signature import Signature, signed_message
from damosrl.errors import ArtifactError

LIBRARY = "cryptography"


def generate_keys(private_key_file: Path, public_key_file: Path) -> None:
    """Write a new pair of keys as PEM files; neither file may exist.

    Args:
        private_key_file: PKCS #8, unencrypted, for its owner only (0600). Keep it off the
            machines that run bundles.
        public_key_file: SubjectPublicKeyInfo; for everybody.

    Raises:
        ArtifactError: A file exists or cannot be written, or ``cryptography`` is missing.
    """
    with _extra():
        from damosrl.artifact.ed25519 import write_key_pair  # noqa: PLC0415  an extra
    write_key_pair(private_key_file, public_key_file)


def sign(path: Path, private_key_file: Path) -> Signature:
    """Check a bundle, sign its content and put the signature into it.

    Args:
        path: A folder or one file; an older signature is replaced.
        private_key_file: PEM, readable by its owner only.

    Raises:
        ArtifactError: The bundle or the key cannot be used, or ``cryptography`` is missing.

    Example:
        >>> def publish(path: Path, keys: Path) -> None:
        ...     sign(path, keys / "private.pem")
        ...     verify(path, keys / "public.pem")
    """
    with _extra():
        from damosrl.artifact.ed25519 import signature_of  # noqa: PLC0415  an extra
    members = read_members(path)
    members.pop(SIGNATURE, None)
    content_sha256 = artifact_of(members, str(path)).content_sha256
    made = signature_of(signed_message(content_sha256), private_key_file)
    signature = Signature("ed25519", content_sha256, made.hex())
    write_signature(path, members, msgspec.json.encode(signature))
    return signature


def verify(bundle: Path | Artifact, public_key_file: Path) -> Artifact:
    """Return a bundle if the holder of a key has signed it.

    Args:
        bundle: A path, or what was loaded from one: nothing is read a second time then.
        public_key_file: PEM.

    Raises:
        ArtifactError: The bundle is not signed, or by another key; bundle or key cannot be
            used; or ``cryptography`` is missing.
    """
    with _extra():
        from damosrl.artifact.ed25519 import is_signed  # noqa: PLC0415  an extra
    artifact = bundle if isinstance(bundle, Artifact) else load_artifact(bundle)
    signature = artifact.signature
    if signature is None:
        raise ArtifactError(
            "the bundle is not signed",
            got=f"no {SIGNATURE}",
            fix="sign it, or use it without a key if you trust where it comes from",
        )
    message = signed_message(artifact.content_sha256)
    if not is_signed(message, bytes.fromhex(signature.signature), public_key_file):
        raise ArtifactError(
            "the signature is not of this key",
            got=f"{signature.signature[:16]}...",
            fix="take the key of whoever signed it, or refuse the bundle",
        )
    return artifact


@contextmanager
def _extra() -> Iterator[None]:
    """Say how to install what signing needs, where it is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != LIBRARY:
            raise
        raise ArtifactError(
            "signatures need a package that is not installed",
            got=f"no {LIBRARY}",
            fix='pip install "damosrl[signed]"',
        ) from error
