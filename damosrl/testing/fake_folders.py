"""Folders of a fake sysfs: nested dictionaries of files, made and destroyed by counts."""

import errno
from collections.abc import Callable, Mapping
from functools import lru_cache

from damosrl.damon.features import is_before
from damosrl.testing.fake_files import Leaf, Parse, counter, word
from damosrl.testing.fake_layout import File, Layout, Numbered

Folder = dict[str, "Node"]
Node = Leaf | Folder

MOST_FOLDERS = 1 << 16
"""Above this a count is answered with ENOMEM, as a kernel would whose memory ends."""


def build(layout: Layout, version: str) -> Folder:
    """Make a folder with all files and counts that a kernel version has, at their defaults.

    Example:
        >>> from damosrl.testing.fake_layout import KDAMOND
        >>> sorted(build(KDAMOND, "6.12"))
        ['contexts', 'pid', 'state']
    """
    folder: Folder = {}
    for path, file in layout.files.items():
        if not is_before(version, file.since):
            _place(folder, path, Leaf(file.default, _parser(file, version)))
    for path, numbered in layout.children.items():
        if not is_before(version, numbered.since):
            kind = path.rpartition("/")[2].rpartition("_")[2]
            _place(folder, f"{path}/nr_{kind}", _count(folder, path, numbered, version))
    return folder


def find(folder: Folder, parts: tuple[str, ...]) -> Node | None:
    """Return what lies at a path; None where nothing does."""
    node: Node | None = folder
    for part in parts:
        if type(node) is not dict:
            return None
        node = node.get(part)
    return node


@lru_cache(maxsize=1 << 14)
def parts_of(path: str) -> tuple[str, ...]:
    """Return the words of a path; remembered, as the same files are read at every step."""
    return tuple(path.strip("/").split("/"))


def leaf(folder: Folder, path: str) -> Leaf:
    """Return a file.

    Raises:
        OSError: ENOENT, or EISDIR for a folder.
    """
    node = find(folder, parts_of(path))
    if node is None:
        raise OSError(errno.ENOENT, path)
    if isinstance(node, dict):
        raise OSError(errno.EISDIR, path)
    return node


def texts(folder: Folder, prefix: str = "") -> dict[str, str]:
    """Return the texts of all files by path, parents first."""
    found = {prefix + name: node.text for name, node in folder.items() if isinstance(node, Leaf)}
    for name, node in folder.items():
        if isinstance(node, dict):
            found |= texts(node, f"{prefix}{name}/")
    return found


def subfolder(folder: Folder, path: str) -> Folder:
    """Return a folder below another, made where it is missing."""
    for part in filter(None, path.split("/")):
        node = folder.setdefault(part, {})
        if isinstance(node, Leaf):
            raise OSError(errno.ENOTDIR, path)
        folder = node
    return folder


def _place(folder: Folder, path: str, file: Leaf) -> None:
    parent, _, name = path.rpartition("/")
    subfolder(folder, parent)[name] = file


def _parser(file: File, version: str) -> Parse | None:
    if isinstance(file.takes, Mapping):
        return word(*(name for name, since in file.takes.items() if not is_before(version, since)))
    return file.takes


def _count(folder: Folder, path: str, numbered: Numbered, version: str) -> Leaf:
    return Leaf("0", counter(numbered.highest), _maker(folder, path, numbered.folder, version))


def _maker(folder: Folder, path: str, layout: Layout, version: str) -> Callable[[str], None]:
    """Return what a count does: destroy its folders, also for the same number, and make new."""

    def make(text: str) -> None:
        count = int(text)
        if count > MOST_FOLDERS:
            raise OSError(errno.ENOMEM, "too many folders")
        parent = subfolder(folder, path)
        for name in [name for name in parent if name.isdecimal()]:
            del parent[name]
        for index in range(count):
            parent[str(index)] = build(layout, version)

    return make
