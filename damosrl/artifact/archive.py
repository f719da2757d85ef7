"""Zip archives of a few small, stored files: the one-file bundle, and ``weights.npz``.

What is read here may be hostile. Nothing is decompressed, and the directory is measured before
it is parsed, so what is allocated never exceeds a small multiple of the bytes at hand.
"""

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping

from damosrl.errors import ArtifactError

END = struct.Struct("<4s4H2LH")
"""End of central directory (PKWARE APPNOTE 6.3.10, 4.3.16)."""
END_MARK = b"PK\x05\x06"
LOCATOR_MARK = b"PK\x06\x07"
LOCATOR_BYTES = 20
"""Of the record that would lead to a zip64 directory (APPNOTE 4.3.15)."""
MAX_ENTRY_BYTES = 128
"""Of a member in the directory: 46 and its name."""

_NAME = re.compile(r"[a-z0-9]+(?:[._][a-z0-9]+)*")
_UNREADABLE = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
    OSError,
    OverflowError,
    struct.error,
    zlib.error,
)
"""What zipfile raises for damaged archives; it promises no common ancestor."""


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return an archive of stored members; equal members give equal bytes.

    Example:
        >>> unpack(pack({"a.txt": b"1"}), "sample", max_members=1)
        {'a.txt': b'1'}
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)  # dated 1980, whenever it is written
            entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def unpack(content: bytes, what: str, *, max_members: int) -> dict[str, bytes]:
    """Return the members of an archive by name, in its order.

    Args:
        content: The archive.
        what: What it is called in messages.
        max_members: Most members.

    Raises:
        ArtifactError: It is no such archive, or a member is compressed, named twice, named like
            a path, or no plain file.
    """
    _require_small_directory(content, what, max_members)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _require_plain(entries, what, len(content))
            return {entry.filename: archive.read(entry) for entry in entries}
    except _UNREADABLE as error:
        raise ArtifactError(
            f"{what} cannot be read", got=str(error)[:120], fix="copy the bundle again"
        ) from error


def _require_small_directory(content: bytes, what: str, max_members: int) -> None:
    """Refuse a directory that `zipfile` would have to work through to find it too large."""
    tail = content[-END.size :]
    if len(tail) < END.size or not tail.startswith(END_MARK):
        raise ArtifactError(
            f"{what} is no whole archive", got=f"{len(content)} bytes", fix="copy the bundle again"
        )
    _, _, _, _, members, directory_bytes, _, _ = END.unpack(tail)
    before = content[-END.size - LOCATOR_BYTES : -END.size]
    if members > max_members or directory_bytes > max_members * MAX_ENTRY_BYTES:
        raise ArtifactError(
            f"{what} has too many members", got=members, allowed=f"up to {max_members}"
        )
    if before.startswith(LOCATOR_MARK):
        raise ArtifactError(f"{what} is a zip64 archive", allowed="a plain zip archive")


def _require_plain(entries: list[zipfile.ZipInfo], what: str, archive_bytes: int) -> None:
    names = [entry.filename for entry in entries]
    for entry in entries:
        name, mode = entry.filename, entry.external_attr >> 16
        if not _NAME.fullmatch(entry.orig_filename) or name != entry.orig_filename:
            raise _refused(what, "a member's name is a path or unusual", entry)
        if names.count(name) > 1:
            raise _refused(what, "a member is there twice", entry)
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise _refused(what, "a member is a link or no file", entry)
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise _refused(what, "a member is compressed or encrypted", entry)
        if entry.file_size != entry.compress_size:
            raise _refused(what, "a member's sizes disagree", entry)
    total = sum(entry.file_size for entry in entries)
    if total > archive_bytes:
        raise ArtifactError(
            f"{what} cannot be read: its members are larger than it is",
            got=f"{total} bytes",
            allowed=archive_bytes,
        )


def _refused(what: str, why: str, entry: zipfile.ZipInfo) -> ArtifactError:
    return ArtifactError(
        f"{what} cannot be read: {why}",
        got=repr(entry.orig_filename[:60]),
        allowed="plain stored files",
        fix="take the bundle from where you trust",
    )
