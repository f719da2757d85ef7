"""Archives made to harm: paths, links, bombs, duplicates and sizes that are lies."""

import io
import stat
import struct
import warnings
import zipfile
from functools import cache
from pathlib import Path

from damosrl.artifact import MANIFEST, WEIGHTS
from damosrl.artifact.archive import pack
from damosrl.testing.hostile_forms import Attack, Members, Rng, as_file, one_of, with_weights

Entry = tuple[zipfile.ZipInfo | str, bytes]

ELSEWHERE = ("../escaped", "/etc/escaped", "..\\escaped", "c:/escaped", "a/../../escaped", "./x",
             "manifest.json/", "sub/weights.npz", "~", "weights.npz ", "MANIFEST.JSON",
             "\u202egpj.npz", ".hidden", "con", "x" * 65_000)  # fmt: skip
BOMB_BYTES = 64 * 2**20


def paths(rng: Rng, members: Members, path: Path) -> Path:
    """Name a member so that it would be unpacked elsewhere, or give it an odd name."""
    name = one_of(rng, ELSEWHERE)
    entries: list[Entry] = [*members.items(), (name, b"x")]
    if rng.random() < 0.5:
        entries = [(name, members[MANIFEST]), (WEIGHTS, members[WEIGHTS])]
    return as_file(_written(entries), path)


def duplicates(rng: Rng, members: Members, path: Path) -> Path:
    """Have a member twice, so that two readers may see two bundles."""
    name = one_of(rng, (MANIFEST, WEIGHTS))
    return as_file(_written([*members.items(), (name, one_of(rng, (b"", members[name])))]), path)


def links(rng: Rng, members: Members, path: Path) -> Path:
    """Make a member a symbolic link, a device, a pipe or a folder."""
    entry = zipfile.ZipInfo(one_of(rng, (MANIFEST, WEIGHTS)))
    kind = one_of(rng, (stat.S_IFLNK, stat.S_IFBLK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFDIR))
    entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
    rest = [item for item in members.items() if item[0] != entry.filename]
    return as_file(_written([(entry, b"/etc/passwd"), *rest]), path)


def bombs(rng: Rng, members: Members, path: Path) -> Path:
    """Put in 64 MiB of zeros that take 64 kB, as a file of the bundle or of the weights."""
    name = one_of(rng, (MANIFEST, WEIGHTS))
    if rng.random() < 0.5:
        return as_file(_bomb(name), path)
    return as_file(pack(with_weights(members, _bomb("weight_0.npy"))), path)


def packed(rng: Rng, members: Members, path: Path) -> Path:
    """Compress the members, by any of the methods."""
    method = one_of(rng, (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    return as_file(_written([*members.items()], method), path)


def crowds(rng: Rng, members: Members, path: Path) -> Path:
    """Have more members than a bundle has."""
    count = int(rng.integers(1, 200))
    more: list[Entry] = [(f"m{number}.txt", b"") for number in range(count)]
    return as_file(_written([*members.items(), *more]), path)


def lies(rng: Rng, members: Members, path: Path) -> Path:
    """Lie in the directory about sizes, places, methods, flags or the number of members."""
    content = bytearray(pack(members))
    entry = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    field, width = one_of(
        rng,
        ((entry + 8, 2), (entry + 10, 2), (entry + 20, 4), (entry + 24, 4), (entry + 42, 4),
         (entry + 28, 2), (entry + 30, 2), (end + 8, 2), (end + 10, 2), (end + 12, 4),
         (end + 16, 4)),
    )  # fmt: skip
    true = bytes(content[field : field + width])
    largest = b"\xff" * width
    lie = one_of(rng, (largest, rng.bytes(width), (2**30 - 1).to_bytes(4, "little")[:width]))
    content[field : field + width] = lie if lie != true else largest
    return as_file(bytes(content), path)


def zip64(rng: Rng, members: Members, path: Path) -> Path:
    """Point to a zip64 directory, whose counts and sizes have 64 bits."""
    content = pack(members)
    end = content.index(b"PK\x05\x06")
    many = one_of(rng, (2**16, 2**32, 2**63 - 1))
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, many, many, many, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    return as_file(content[:end] + record + locator + content[end:], path)


@cache
def _bomb(name: str) -> bytes:
    return _written([(name, bytes(BOMB_BYTES))], zipfile.ZIP_DEFLATED)


def _written(entries: list[Entry], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")  # of duplicates, which are meant
        for name, content in entries:
            archive.writestr(name, content, method)
    return buffer.getvalue()


HARM: tuple[Attack, ...] = (paths, duplicates, links, bombs, packed, crowds, lies, zip64)
