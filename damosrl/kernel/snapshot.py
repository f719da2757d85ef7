"""What the settings files of a tree hold now, whoever wrote them."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from damosrl.errors import KernelError
from damosrl.kernel import layout
from damosrl.kernel.file_errors import FileError
from damosrl.kernel.files import Files
from damosrl.kernel.layout import Row

Settings = dict[str, str]
"""Texts by path below the ``admin`` folder, parents first."""


@dataclass(frozen=True, slots=True, eq=False)
class Folder:
    """The settings in one kind of folder, and the numbered folders below it.

    Args:
        rows: Files.
        children: Numbered folders by the folder they are in; its count is ``nr_<last word>``.
    """

    rows: tuple[Row[Any], ...] = ()
    children: Mapping[str, "Folder"] = field(default_factory=dict)


_FILTERS = Folder(layout.FILTER)
_SCHEME = Folder(
    layout.SCHEME,
    {
        "quotas/goals": Folder(layout.GOAL),
        "core_filters": _FILTERS,
        "ops_filters": _FILTERS,
        "filters": _FILTERS,
        "dests": Folder(layout.DEST),
    },
)
_CONTEXT = Folder(
    layout.CONTEXT,
    {
        "monitoring_attrs/probes": Folder(layout.PROBE, {"filters": Folder(layout.PROBE_FILTER)}),
        "targets": Folder(layout.TARGET, {"regions": Folder(layout.REGION)}),
        "schemes": _SCHEME,
    },
)
TREE = Folder(children={"kdamonds": Folder(layout.KDAMOND, {"contexts": _CONTEXT})})
"""All settings of kernel 7.3."""


def count_path(folder: str) -> str:
    """Return the file that makes the numbered folders of a folder.

    Example:
        >>> count_path("kdamonds/0/contexts/0/schemes/0/core_filters")
        'kdamonds/0/contexts/0/schemes/0/core_filters/nr_filters'
    """
    kind = folder.rpartition("/")[2].rpartition("_")[2]
    return f"{folder}/nr_{kind}"


def read_settings(files: Files, root: Path) -> Settings:
    """Read every setting that this kernel has.

    Args:
        files: Where to read.
        root: The ``admin`` folder.

    Raises:
        KernelError: There is no DAMON, or a file cannot be read.
    """
    require_tree(files, root)
    found: Settings = {}
    _collect(files, root, "", TREE, found)
    return found


def require_tree(files: Files, root: Path) -> None:
    """Refuse a kernel without DAMON's sysfs interface.

    Raises:
        KernelError: The folder of kdamonds is absent.
    """
    if not files.exists(below(root, "kdamonds")):
        raise KernelError(
            f"there is no DAMON at {root}",
            allowed="a kernel built with CONFIG_DAMON_SYSFS",
            fix="boot such a kernel, or give the root of its sysfs",
        )


def read_if_there(files: Files, path: Path) -> str | None:
    """Return a file's text without its last newline; None where there is no such file."""
    try:
        return files.read(path).removesuffix("\n")
    except FileError as error:
        if error.number == errno.ENOENT:
            return None
        raise


@lru_cache(maxsize=1 << 14)
def below(root: Path, path: str) -> Path:
    """Return a path below a root; remembered, as the same files are read at every step."""
    return root / path


def _collect(files: Files, root: Path, prefix: str, folder: Folder, found: Settings) -> None:
    for file, path in _files_of(root, prefix, folder):
        text = read_if_there(files, path)
        if text is not None:
            found[file] = text
    for name, child in folder.children.items():
        count = count_path(prefix + name)
        path = below(root, count)
        text = read_if_there(files, path)
        if text is None:
            continue
        found[count] = text
        for index in range(_number(path, text)):
            _collect(files, root, f"{prefix}{name}/{index}/", child, found)


@lru_cache(maxsize=1 << 12)
def _files_of(root: Path, prefix: str, folder: Folder) -> tuple[tuple[str, Path], ...]:
    """Return names and places of a folder's files; remembered, as `below`."""
    return tuple((prefix + row.file, root / (prefix + row.file)) for row in folder.rows)


def _number(path: Path, text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise KernelError(f"{path} holds no count", got=repr(text), fix="check the tree")
    return int(text)
