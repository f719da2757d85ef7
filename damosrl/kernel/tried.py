"""Tried regions: the regions a scheme's last complete pass was applied to (semantics 2.15)."""

from pathlib import Path
from typing import NamedTuple

from damosrl.kernel.files import Files
from damosrl.kernel.snapshot import below, read_if_there


class TriedRegion(NamedTuple):
    """One region; addresses in core address units."""

    start: int
    end: int
    nr_accesses: int
    """Pseudo moving sum, samples."""
    age: int
    """Aggregation intervals."""
    sz_filter_passed: int = 0
    """Core address units that passed the filters of the operations layer (kernel 6.14)."""
    probe_hits: tuple[int, ...] = ()
    """Moving sums of the probes' hits, samples (kernel 7.2)."""


def numbered(files: Files, folder: Path) -> list[Path]:
    """Return the numbered folders in a folder, by number; none where it is absent."""
    if not files.exists(folder):
        return []
    numbers = sorted(int(name) for name in files.names(folder) if name.isdecimal())
    return [below(folder, str(number)) for number in numbers]


def read_tried_regions(files: Files, scheme: Path) -> tuple[TriedRegion, ...]:
    """Read the regions that the last update left in a scheme's folder.

    Raises:
        FileError: A file vanished or cannot be read.
    """
    return tuple(_region(files, item) for item in numbered(files, scheme / "tried_regions"))


def _region(files: Files, folder: Path) -> TriedRegion:
    start, end, nr_accesses, age = (
        int(files.read(folder / name)) for name in ("start", "end", "nr_accesses", "age")
    )
    passed = int(read_if_there(files, folder / "sz_filter_passed") or 0)
    hits = tuple(int(files.read(item / "hits")) for item in numbered(files, folder / "probes"))
    return TriedRegion(start, end, nr_accesses, age, passed, hits)
