"""Who uses DAMON on a machine now: kdamonds of the sysfs tree, and modules that run alone."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from damosrl.kernel.files import Files
from damosrl.kernel.roots import Roots
from damosrl.kernel.snapshot import read_if_there
from damosrl.kernel.staging import BUSY_READ_S, retry_busy
from damosrl.kernel.tried import numbered

MODULES = ("damon_reclaim", "damon_lru_sort", "damon_stat")
"""Modules beside which no kdamond of the sysfs tree can start (semantics 3)."""


class Holder(NamedTuple):
    """One user of DAMON."""

    name: str
    """Such as ``kdamond 0`` or ``damon_reclaim``."""
    pid: int
    """Process id of its thread; -1 where the kernel does not tell."""
    fix: str
    """What its owner does to end it."""


def foreign_use(roots: Roots, files: Files, ours: Collection[int] = ()) -> tuple[Holder, ...]:
    """Return everything that uses DAMON and is not ours; reads only.

    Args:
        roots: Where the kernel's files are.
        files: How they are read.
        ours: Process ids of kdamonds that we have started.

    Raises:
        FileError: A file cannot be read (the tree is readable by root only).

    Example:
        >>> from pathlib import Path
        >>> from damosrl.testing.fake_tree import FakeTree
        >>> roots = Roots(sysfs=Path("/tree/sys"))
        >>> tree = FakeTree(roots)
        >>> tree.write(roots.sysfs / "module/damon_stat/parameters/enabled", "Y")
        >>> [holder.name for holder in foreign_use(roots, tree)]
        ['damon_stat']
    """
    found = [*_kdamonds(roots, files), *_modules(roots, files)]
    return tuple(holder for holder in found if holder.pid not in ours)


def _kdamonds(roots: Roots, files: Files) -> list[Holder]:
    holders = []
    for folder in numbered(files, roots.damon / "kdamonds"):
        if _read(files, folder / "state") == "on":
            pid = int(_read(files, folder / "pid"))
            holders.append(
                Holder(f"kdamond {folder.name}", pid, f"its owner writes off to {folder}/state")
            )
    return holders


def _read(files: Files, path: Path) -> str:
    return retry_busy(lambda: files.read(path), BUSY_READ_S).strip()


def _modules(roots: Roots, files: Files) -> list[Holder]:
    holders = []
    for name in MODULES:
        folder = roots.sysfs / f"module/{name}/parameters"
        enabled = (read_if_there(files, folder / "enabled") or "N") == "Y"
        pid = read_if_there(files, folder / "kdamond_pid")
        if enabled and pid != "-1":
            holders.append(Holder(name, int(pid or -1), f"write N to {folder}/enabled"))
    return holders
