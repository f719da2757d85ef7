"""A fake tree as real files in a folder, kept in step, for programs in another process.

A plain file cannot refuse a write: what the tree refuses is put back to what it was, and the
writer sees it when it reads. Commands read as themselves until they are served.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from damosrl.errors import KernelError
from damosrl.kernel.layout import COUNTS
from damosrl.testing.fake_tree import FakeTree

POLL_S = 0.002
STAMP_NS = 50_000_000
"""File systems stamp by the tick; within this time equal stamps do not mean equal texts."""
ABANDONED_NS = 2_000_000_000
"""A file that is empty for so long was opened by a writer that has been killed."""
UNKNOWN = "\0"
"""What is shown where the tree's text has to be shown again."""


@contextmanager
def serve(tree: FakeTree, directory: Path) -> Iterator[Path]:
    r"""Keep a folder in step with a tree while the block lasts.

    Args:
        tree: What answers; its absolute paths lie below ``directory``.
        directory: An empty folder; for roots ``/sys`` and ``/proc`` it gets ``sys`` and ``proc``.

    Yields:
        The folder.

    Example:
        >>> import tempfile
        >>> from damosrl.kernel.roots import Roots
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with serve(FakeTree(Roots()), Path(folder)) as root:
        ...         (root / "sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds").read_text()
        '0\n'
    """
    server = _Server(tree, directory)
    server.publish()
    thread = threading.Thread(target=server.run, name="fake tree", daemon=True)
    thread.start()
    try:
        yield directory
    finally:
        server.done.set()
        thread.join()


class _Server:
    """The polling loop: take writes, then show what the tree holds."""

    def __init__(self, tree: FakeTree, directory: Path) -> None:
        self.done = threading.Event()
        self._tree = tree
        self._directory = directory
        self._shown: dict[str, str] = {}
        self._stamps: dict[str, tuple[int, int]] = {}
        self._writable: set[str] = set()

    def run(self) -> None:
        """Poll until told to stop."""
        while not self.done.wait(POLL_S):
            if self._take() or self._tree.texts() != self._shown:
                self.publish()

    def publish(self) -> None:
        """Bring the folder in step with the tree; folders vanish lowest number first."""
        texts = self._tree.texts()
        for name in [name for name in self._shown if name not in texts]:
            self._remove(name)
        fresh: dict[Path, dict[str, str]] = {}
        for name, text in texts.items():
            if name not in self._shown:
                fresh.setdefault(self._topmost_missing(name), {})[name] = text
            elif self._shown[name] != text:
                self._show(name, text)
        for top, group in fresh.items():
            self._make(top, group)
        self._writable = set(self._tree.writable())

    def _take(self) -> bool:
        """Hand changed files to the tree: counts, then plain files, commands last."""
        changed = self._changed()
        if any(_order(name) == 2 for name in changed):
            changed = self._changed()  # what was written before the command
        for name in sorted(changed, key=_order):
            self._take_one(name)
        return bool(changed)

    def _changed(self) -> list[str]:
        now_ns = time.time_ns()
        return [name for name in self._writable if self._is_changed(name, now_ns)]

    def _is_changed(self, name: str, now_ns: int) -> bool:
        stamp = self._stamp(name)
        if stamp is None or stamp != self._stamps.get(name):
            return stamp is not None
        if now_ns - stamp[0] > STAMP_NS:
            return False
        text = (self._directory / name).read_text(encoding="utf-8")
        return text not in ("", self._shown[name], f"{self._shown[name]}\n")

    def _stamp(self, name: str) -> tuple[int, int] | None:
        try:
            found = (self._directory / name).stat()
        except OSError:
            return None
        if found.st_size:
            return found.st_mtime_ns, found.st_size
        if time.time_ns() - found.st_mtime_ns > ABANDONED_NS:
            self._shown[name] = UNKNOWN
        return self._stamps.get(name)

    def _take_one(self, name: str) -> None:
        path = self._directory / name
        if name not in self._shown or not path.exists():
            return  # its folder was remade by a count
        self._stamps[name] = self._stamp(name) or (0, 0)
        text = path.read_text(encoding="utf-8")
        if not text:
            return  # being written; the next poll compares
        self._shown[name] = text.removesuffix("\n")
        try:
            self._tree.write(Path("/") / name, text)
        except KernelError:
            self._shown[name] = UNKNOWN
            return
        if name.rpartition("/")[2] in COUNTS:
            self._forget(name.rpartition("/")[0])

    def _forget(self, folder: str) -> None:
        """Remove numbered folders, which any write of their count destroys."""
        below = [name for name in self._shown if _number(name, folder) is not None]
        for name in sorted(below, key=lambda name: _number(name, folder) or 0):
            self._remove(name)

    def _remove(self, name: str) -> None:
        self._shown.pop(name)
        self._stamps.pop(name, None)
        path = self._directory / name
        path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent == self._directory or any(parent.iterdir()):
                break
            parent.rmdir()

    def _show(self, name: str, text: str) -> None:
        """Write a file in one piece, so that a reader never sees half of it."""
        path = self._directory / name
        part = path.with_name(f".{path.name}.part")
        part.write_text(f"{text}\n", encoding="utf-8")
        self._note(name, text, part)
        part.replace(path)

    def _make(self, top: Path, group: dict[str, str]) -> None:
        """Make a file, or a folder with everything in it, in one piece."""
        part = top.with_name(f".{top.name}.part")
        for name, text in group.items():
            path = part / (self._directory / name).relative_to(top)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n", encoding="utf-8")
            self._note(name, text, path)
        part.rename(top)

    def _topmost_missing(self, name: str) -> Path:
        path = self._directory / name
        while not path.parent.exists():
            path = path.parent
        return path

    def _note(self, name: str, text: str, part: Path) -> None:
        """Remember what is shown, before anybody can see it and write over it."""
        found = part.stat()
        self._stamps[name] = (found.st_mtime_ns, found.st_size)
        self._shown[name] = text


def _order(name: str) -> int:
    last = name.rpartition("/")[2]
    return 0 if last in COUNTS else 2 if last == "state" else 1


def _number(name: str, folder: str) -> int | None:
    """Return the numbered folder of a folder in which a file is."""
    rest = name.removeprefix(f"{folder}/")
    number = rest.partition("/")[0]
    return int(number) if rest != name and number.isdecimal() else None
