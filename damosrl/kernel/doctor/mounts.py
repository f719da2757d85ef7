"""Which file systems are mounted where (``/proc/self/mounts``, proc(5))."""

import re
from pathlib import Path
from typing import NamedTuple

from damosrl.kernel.doctor.finding import Machine

_OCTAL = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """One mounted file system."""

    place: Path
    kind: str
    """Such as ``sysfs`` or ``cgroup2``."""
    is_read_only: bool


def mounts(machine: Machine) -> tuple[Mount, ...]:
    """Return all mounts, later ones above earlier ones; none where procfs does not tell."""
    text = machine.text(machine.roots.procfs / "self/mounts") or ""
    rows = [line.split() for line in text.splitlines()]
    return tuple(
        Mount(Path(_plain(row[1])), row[2], "ro" in row[3].split(","))
        for row in rows
        if len(row) > 3
    )


def mount_at(machine: Machine, path: Path) -> Mount | None:
    """Return the mount that a path lies on."""
    above = [mount for mount in mounts(machine) if path.is_relative_to(mount.place)]
    return max(above, key=lambda mount: len(mount.place.parts), default=None)


def places_of(machine: Machine, kind: str) -> list[Path]:
    """Return where file systems of a kind are mounted."""
    return [mount.place for mount in mounts(machine) if mount.kind == kind]


def _plain(text: str) -> str:
    """Undo the octal escapes of blanks."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), text)
