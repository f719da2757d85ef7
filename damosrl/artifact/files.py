"""The files of a bundle, read with care and written whole or not at all."""

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from damosrl.artifact.archive import pack, unpack
from damosrl.artifact.layout import (
    MANIFEST,
    MAX_BYTES,
    MAX_FILE_BYTES,
    SIGNATURE,
    SUFFIX,
    WEIGHTS,
)
from damosrl.errors import ArtifactError


def read_members(path: Path) -> dict[str, bytes]:
    """Return the files of a bundle by name: manifest, weights and, if there is one, signature.

    Args:
        path: The folder or the one file; either may be named by a symbolic link, but what a
            folder holds may not.

    Raises:
        ArtifactError: It is missing, too large, no regular file, or more than a bundle.
    """
    if path.is_dir():
        names = [MANIFEST, WEIGHTS]
        names += [SIGNATURE] if os.path.lexists(path / SIGNATURE) else []
        return {name: read_regular(path / name, MAX_BYTES[name]) for name in names}
    content = read_regular(path, MAX_FILE_BYTES, follow=True)
    members = unpack(content, path.name, max_members=len(MAX_BYTES))
    names = list(members)
    if names not in ([MANIFEST, WEIGHTS], [MANIFEST, WEIGHTS, SIGNATURE]):
        raise ArtifactError(
            f"{path.name} holds other files than a bundle",
            got=", ".join(names),
            allowed=f"{MANIFEST}, {WEIGHTS} and perhaps {SIGNATURE}",
        )
    for name, member in members.items():
        _require_size(name, len(member), MAX_BYTES[name])
    if pack(members) != content:
        raise ArtifactError(
            f"{path.name} is not what was written",
            got="bytes outside its files",
            fix="copy the bundle again",
        )
    return members


def read_regular(path: Path, limit_bytes: int, *, follow: bool = False) -> bytes:
    """Read a regular file up to a limit; never a device, a pipe or, unless asked, a link.

    Raises:
        ArtifactError: It is missing, something else, or larger.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        handle = os.open(path, flags)
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise ArtifactError(f"{path} is no regular file", fix="take a whole bundle")
            _require_size(str(path), found.st_size, limit_bytes)
            with os.fdopen(handle, "rb", closefd=False) as stream:
                content = stream.read(found.st_size + 1)  # as much is allocated at once
        finally:
            os.close(handle)
    except OSError as error:
        raise ArtifactError(
            f"cannot read {path}",
            got=error.strerror,
            fix=f"give the folder or {SUFFIX} file of a trained policy",
        ) from error
    _require_size(str(path), len(content), limit_bytes)
    return content


def write_members(path: Path, members: Mapping[str, bytes]) -> Path:
    """Write a bundle in the form that the path's suffix asks for, whole or not at all.

    Raises:
        ArtifactError: The path exists, or cannot be written.
    """
    if os.path.lexists(path):
        raise ArtifactError(f"{path} exists", fix="choose a new name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == SUFFIX:
            _replace(path, pack(members))
        else:
            _write_folder(path, members)
    except OSError as error:
        raise ArtifactError(f"cannot write {path}", got=error.strerror) from error
    return path


def write_signature(path: Path, members: Mapping[str, bytes], signature: bytes) -> None:
    """Put a signature into a bundle, in place of an older one.

    Args:
        path: The bundle.
        members: Its other files.
        signature: Content of ``signature.json``.

    Raises:
        ArtifactError: It cannot be written; the bundle is as before.
    """
    try:
        if path.is_dir():
            _replace(path / SIGNATURE, signature)
        else:
            _replace(path.resolve(), pack({**members, SIGNATURE: signature}))
    except OSError as error:
        raise ArtifactError(f"cannot sign {path}", got=error.strerror) from error


def _replace(path: Path, content: bytes) -> None:
    partial = _partial(path)
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _write_folder(path: Path, members: Mapping[str, bytes]) -> None:
    partial = _partial(path)
    try:
        partial.mkdir()
        for name, content in members.items():
            (partial / name).write_bytes(content)
        partial.rename(path)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.partial{os.getpid()}")


def _require_size(name: str, found_bytes: int, limit_bytes: int) -> None:
    if found_bytes > limit_bytes:
        raise ArtifactError(
            f"{name} is too large", got=f"{found_bytes} bytes", allowed=f"{limit_bytes} bytes"
        )
