"""Ed25519 keys in PEM files, by the ``cryptography`` package; imported only to sign or verify."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from damosrl.artifact.files import read_regular
from damosrl.errors import ArtifactError

MAX_KEY_BYTES = 16 * 1024
OWNER_READS, EVERYBODY_READS = 0o600, 0o644

ALLOWED = "an ed25519 key in PEM, private to sign, public to verify"


def write_key_pair(private_key_file: Path, public_key_file: Path) -> None:
    """Write a new pair of keys as PEM files.

    Raises:
        ArtifactError: A file exists or cannot be written; no private key is left without its
            public one.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write_new(private_key_file, private, OWNER_READS)
    try:
        _write_new(public_key_file, public, EVERYBODY_READS)
    except ArtifactError:
        private_key_file.unlink()
        raise


def signature_of(message: bytes, private_key_file: Path) -> bytes:
    """Return the 64 bytes by which a private key signs a message.

    Raises:
        ArtifactError: The key cannot be read, is another kind of key, or others can read it.
    """
    key = _loaded(private_key_file, lambda data: load_pem_private_key(data, password=None))
    if not isinstance(key, Ed25519PrivateKey):
        raise _other_kind(private_key_file, key)
    mode = stat.S_IMODE(private_key_file.stat().st_mode)
    if mode & 0o077:
        raise ArtifactError(
            f"{private_key_file} can be read by others",
            got=oct(mode),
            allowed=oct(OWNER_READS),
            fix="chmod 600, or make new keys",
        )
    return key.sign(message)


def is_signed(message: bytes, signature: bytes, public_key_file: Path) -> bool:
    """Tell whether the holder of a public key's private part signed a message.

    Raises:
        ArtifactError: The key cannot be read, or is another kind of key.
    """
    key = _loaded(public_key_file, load_pem_public_key)
    if not isinstance(key, Ed25519PublicKey):
        raise _other_kind(public_key_file, key)
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _loaded(path: Path, load: Callable[[bytes], object]) -> object:
    try:
        return load(read_regular(path, MAX_KEY_BYTES, follow=True))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ArtifactError(
            f"{path} is no key that can be used", got=str(error)[:80], allowed=ALLOWED
        ) from error


def _other_kind(path: Path, key: object) -> ArtifactError:
    return ArtifactError(f"{path} is another kind of key", got=type(key).__name__, allowed=ALLOWED)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(content)
    except OSError as error:
        raise ArtifactError(
            f"cannot write {path}", got=error.strerror, fix="give a new name in a folder of yours"
        ) from error
