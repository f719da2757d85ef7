"""``signature.json``: who vouches for a bundle's content, by its hash."""

from typing import Annotated, Literal

import msgspec

from damosrl.artifact.layout import SIGNATURE
from damosrl.errors import ArtifactError

Hex64 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Hex128 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}$")]
PURPOSE = b"damosrl policy bundle, version 2\n"
"""Part of what is signed: a signature for something else can never be one for a bundle."""


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An ed25519 signature (RFC 8032).

    Args:
        algorithm: Always ``ed25519``.
        content_sha256: The hash that is vouched for.
        signature: 64 bytes as hexadecimal digits.
    """

    algorithm: Literal["ed25519"]
    content_sha256: Hex64
    signature: Hex128


def signed_message(content_sha256: str) -> bytes:
    """Return the bytes that stand for a bundle in a signature."""
    return PURPOSE + content_sha256.encode("ascii")


def read_signature(raw: bytes, content_sha256: str) -> Signature:
    """Read the signature of a bundle; whose it is, only a public key can tell.

    Raises:
        ArtifactError: It cannot be read, or is one of other content.
    """
    try:
        found = msgspec.json.decode(raw, type=Signature)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{SIGNATURE} is wrong", got=str(error)[:120], fix="sign the bundle again"
        ) from error
    if found.content_sha256 != content_sha256:
        raise ArtifactError(
            f"{SIGNATURE} belongs to another bundle",
            got=found.content_sha256,
            allowed=content_sha256,
            fix="sign the bundle again",
        )
    return found
