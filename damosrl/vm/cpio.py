"""Write cpio archives of the "newc" kind, the format of a kernel's initial RAM file system.

The format is the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
"""

import stat
from collections.abc import Iterable
from dataclasses import dataclass

_TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, folder or device node of an archive.

    Args:
        name: Path without a leading slash.
        mode: Type and permission bits, as in ``st_mode``.
        data: Contents of a regular file.
        device: Major and minor number of a device node.
    """

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def folder(name: str) -> Entry:
    """Describe a folder everybody may read."""
    return Entry(name, stat.S_IFDIR | 0o755)


def file(name: str, data: bytes, *, executable: bool = False) -> Entry:
    """Describe a regular file everybody may read."""
    return Entry(name, stat.S_IFREG | (0o755 if executable else 0o644), data)


def console() -> Entry:
    """Describe /dev/console (character device 5:1), where /init writes before /dev is mounted."""
    return Entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))


def archive(entries: Iterable[Entry]) -> bytes:
    """Put the entries into one archive, owned by root, with time 0: equal input, equal bytes.

    Example:
        >>> archive([file("hello", b"hi")])[:6]
        b'070701'
    """
    parts = [_record(number, entry) for number, entry in enumerate(entries, start=1)]
    parts.append(_record(0, Entry(_TRAILER, 0)))
    return b"".join(parts)


def _record(inode: int, entry: Entry) -> bytes:
    name = entry.name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (
        *(inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0),
        *(*entry.device, len(name), 0),
    )
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
