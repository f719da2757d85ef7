"""Damage: bundles whose bytes were flipped, cut, swapped or were never those of a bundle."""

from pathlib import Path

from damosrl.artifact import MANIFEST, WEIGHTS
from damosrl.artifact.archive import pack
from damosrl.testing.hostile_forms import Attack, Members, Rng, as_file, as_folder, one_of


def flipped_file(rng: Rng, members: Members, path: Path) -> Path:
    """Flip one to eight bits of the one-file form."""
    return as_file(_flipped(rng, pack(members)), path)


def flipped_member(rng: Rng, members: Members, path: Path) -> Path:
    """Flip one to eight bits of a file of the folder."""
    name = one_of(rng, (MANIFEST, WEIGHTS))
    return as_folder({**members, name: _flipped(rng, members[name])}, path)


def cut_file(rng: Rng, members: Members, path: Path) -> Path:
    """Keep only the first bytes, or only the last ones."""
    content = pack(members)
    place = int(rng.integers(1, len(content)))
    return as_file(one_of(rng, (content[:place], content[place:])), path)


def cut_member(rng: Rng, members: Members, path: Path) -> Path:
    """Cut a file of the folder short."""
    name = one_of(rng, (MANIFEST, WEIGHTS))
    place = int(rng.integers(len(members[name])))
    return as_folder({**members, name: members[name][:place]}, path)


def spliced_file(rng: Rng, members: Members, path: Path) -> Path:
    """Repeat a slice of the file, as a botched copy does."""
    content = pack(members)
    start, stop = sorted(int(place) for place in rng.integers(len(content), size=2))
    return as_file(content[: stop + 1] + content[start:], path)


def longer_file(rng: Rng, members: Members, path: Path) -> Path:
    """Put bytes before or after the archive, or into its comment."""
    content, more = pack(members), rng.bytes(int(rng.integers(1, 60)))
    comment = content[:-2] + len(more).to_bytes(2, "little") + more
    return as_file(one_of(rng, (more + content, content + more, comment)), path)


def noise(rng: Rng, members: Members, path: Path) -> Path:
    """Write random bytes, with or without the first bytes of an archive."""
    start = one_of(rng, (b"", pack(members)[: int(rng.integers(4, 60))]))
    return as_file(start + rng.bytes(int(rng.integers(400))), path)


def _flipped(rng: Rng, content: bytes) -> bytes:
    changed = bytearray(content)
    bits = 8 * len(content)
    for bit in rng.choice(bits, size=min(bits, int(rng.integers(1, 9))), replace=False):
        changed[int(bit) // 8] ^= 1 << (int(bit) % 8)
    return bytes(changed)


DAMAGE: tuple[Attack, ...] = (
    flipped_file,
    flipped_member,
    cut_file,
    cut_member,
    spliced_file,
    longer_file,
    noise,
)
