"""Files that are only read: writes are told and remembered, and later reads see them."""

import errno
from collections.abc import Callable
from pathlib import Path

from damosrl.kernel import layout
from damosrl.kernel.commands import SETTLED
from damosrl.kernel.file_errors import file_error
from damosrl.kernel.files import Files
from damosrl.kernel.layout import text_of
from damosrl.kernel.snapshot import TREE, Folder, count_path

_READ_ONLY = {
    "kdamonds": {"state": "off", "pid": "-1"},
    "contexts": {"avail_operations": "vaddr\nfvaddr\npaddr"},
    "schemes": {"quotas/effective_bytes": "0", "tried_regions/total_bytes": "0"},
}
"""What the kernel adds to the settings of numbered folders."""


class DryRunFiles:
    """Shows what a program would write, and opens nothing for writing.

    Folders that a count would make are there afterwards, as kernel 7.3 fills them; kdamonds that
    would be started read ``on``.

    Args:
        files: What is read.
        root: DAMON's ``admin`` folder.
        tell: Takes each line that says a write; None keeps them in ``writes`` only.

    Example:
        >>> from damosrl.testing.fake_tree import FakeTree
        >>> from damosrl.kernel.roots import Roots
        >>> roots = Roots(sysfs=Path("/tree/sys"))
        >>> dry = DryRunFiles(FakeTree(roots), roots.damon)
        >>> dry.write(roots.damon / "kdamonds/nr_kdamonds", "1")
        >>> dry.names(roots.damon / "kdamonds/0")
        ['contexts', 'pid', 'refresh_ms', 'state']
    """

    def __init__(self, files: Files, root: Path, tell: Callable[[str], None] | None = None) -> None:
        self.writes: list[tuple[Path, str]] = []
        self._files = files
        self._root = root
        self._tell = tell
        self._texts: dict[Path, str] = {}
        self._remade: set[Path] = set()

    def read(self, path: Path) -> str:
        """See `Files.read`."""
        if path in self._texts:
            return f"{self._texts[path]}\n"
        return self._files.read(self._require_visible(path))

    def write(self, path: Path, text: str) -> None:
        """Tell the write and remember it; see `Files.write`."""
        self.read(path)  # refuse what is not there
        self.writes.append((path, text))
        if self._tell is not None:
            self._tell(f"{path} <- {text}")
        if path.name == "state":
            self._texts[path] = text if text in SETTLED else self.read(path).strip()
            return
        self._texts[path] = text
        if path.name in layout.COUNTS:
            self._remake(path.parent, int(text))

    def exists(self, path: Path) -> bool:
        """See `Files.exists`."""
        return self._pretended(path) or (not self._gone(path) and self._files.exists(path))

    def names(self, path: Path) -> list[str]:
        """See `Files.names`."""
        depth = len(path.parts)
        made = {item.parts[depth] for item in self._texts if path in item.parents}
        if made and (self._gone(path) or not self._files.exists(path)):
            return sorted(made)
        found = self._files.names(self._require_visible(path))
        return sorted(made | {name for name in found if not self._gone(path / name)})

    def _pretended(self, path: Path) -> bool:
        return path in self._texts or any(path in item.parents for item in self._texts)

    def _gone(self, path: Path) -> bool:
        """Tell whether the real file is in a folder that would have been destroyed."""
        chain = (path, *path.parents)
        return any(item.name.isdecimal() and item.parent in self._remade for item in chain)

    def _require_visible(self, path: Path) -> Path:
        if self._gone(path):
            raise file_error(path, errno.ENOENT)
        return path

    def _remake(self, folder: Path, count: int) -> None:
        for path in [path for path in self._texts if _is_below(path, folder)]:
            del self._texts[path]
        self._remade.add(folder)
        shape = _shape(folder.relative_to(self._root).parts)
        extra = _READ_ONLY.get(folder.name, {})
        for index in range(count):
            self._fill(folder / str(index), shape, extra)

    def _fill(self, folder: Path, shape: Folder, extra: dict[str, str]) -> None:
        for row in shape.rows:
            self._texts[folder / row.file] = text_of(row.default)
        for name, text in extra.items():
            self._texts[folder / name] = text
        for child in shape.children:
            self._texts[folder / count_path(child)] = "0"


def _is_below(path: Path, folder: Path) -> bool:
    """Tell whether a path is in a numbered folder of a folder."""
    return folder in path.parents and path.parts[len(folder.parts)].isdecimal()


def _shape(parts: tuple[str, ...]) -> Folder:
    """Return what the numbered folders in a folder below ``admin`` hold."""
    shape, name = TREE, ""
    for part in parts:
        if part.isdecimal():
            shape, name = shape.children[name], ""
        else:
            name = f"{name}/{part}" if name else part
    return shape.children[name]
