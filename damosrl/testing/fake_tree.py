"""A kernel's files in this process: DAMON's sysfs that accepts and refuses as the kernel does."""

import errno
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from damosrl.damon.features import NEWEST, is_before
from damosrl.kernel.file_errors import file_error
from damosrl.kernel.roots import Roots
from damosrl.testing import fake_files
from damosrl.testing.backend import Backend, GivenNumbers
from damosrl.testing.fake_files import Leaf, Parse
from damosrl.testing.fake_folders import Folder, build, find, leaf, parts_of, subfolder, texts
from damosrl.testing.fake_kdamond import FakeKdamond
from damosrl.testing.fake_layout import ADMIN

FIRST_PID = 1000
MODULES = {"damon_reclaim": "6.12", "damon_lru_sort": "6.12", "damon_stat": "6.17"}
"""Modules that use DAMON alone, by first kernel."""


class FakeTree:
    r"""DAMON's sysfs of one kernel version, its modules, and any other host files, as `Files`.

    What it does not do: refresh by ``refresh_ms``, and bounds of access patterns that are reversed
    (the kernel starts such a scheme, which matches nothing; here ``on`` gives ENOMEM).

    Args:
        roots: Where it pretends to be.
        version: Kernel, "6.12" to "7.3".
        backend: Who monitors; by default nobody, and numbers are zero.
        host: Other files by absolute path, such as ``/proc/vmstat``; they can be written.
        processes: Process ids that live; None takes any positive one.

    Example:
        >>> roots = Roots(sysfs=Path("/tree/sys"))
        >>> tree = FakeTree(roots, version="6.12")
        >>> tree.write(roots.damon / "kdamonds/nr_kdamonds", "1")
        >>> tree.read(roots.damon / "kdamonds/0/state")
        'off\n'
    """

    def __init__(
        self,
        roots: Roots,
        version: str = NEWEST,
        backend: Backend | None = None,
        host: Mapping[str, str] | None = None,
        processes: Collection[int] | None = None,
    ) -> None:
        self.roots = roots
        self.version = version
        self.backend: Backend = backend if backend is not None else GivenNumbers()
        self.processes = processes
        self.groups: Collection[str] | None = None
        """Paths of control groups that exist; None takes any."""
        self.writes: list[tuple[str, str]] = []
        """Every accepted write: path and text."""
        self._kdamonds: list[FakeKdamond] = []
        self._pids = count(FIRST_PID)
        self._busy = 0
        self._lock = threading.RLock()
        self._files: Folder = {}
        self._make_admin()
        for name, since in MODULES.items():
            if not is_before(version, since):
                self._make_module(name)
        for path, text in (host or {}).items():
            self.set_host(path, text)

    def read(self, path: Path) -> str:
        """See `Files.read`."""
        with self._lock:
            try:
                return self._read(str(path))
            except OSError as error:
                raise file_error(path, error.errno or errno.EIO) from error

    def write(self, path: Path, text: str) -> None:
        """See `Files.write`."""
        with self._answering(path, text):
            file = leaf(self._files, str(path))
            if path.name == "state" or path.name.startswith("nr_"):
                self._try_lock()
            file.write(text)
            self.writes.append((str(path), text))

    def exists(self, path: Path) -> bool:
        """See `Files.exists`."""
        with self._lock:
            return find(self._files, parts_of(str(path))) is not None

    def names(self, path: Path) -> list[str]:
        """See `Files.names`."""
        with self._answering(path):
            node = find(self._files, parts_of(str(path)))
            if node is None:
                raise OSError(errno.ENOENT, "no such folder")
            if isinstance(node, Leaf):
                raise OSError(errno.ENOTDIR, "a file")
            return sorted(node)

    def texts(self) -> dict[str, str]:
        """Return the texts of all files by path without the leading slash, parents first."""
        with self._lock:
            return texts(self._files)

    def writable(self) -> list[str]:
        """Return the paths of all files that can be written, as in `texts`."""
        with self._lock:
            return [path for path in self.texts() if leaf(self._files, path).parse is not None]

    def set_host(self, path: str, text: str) -> None:
        """Set the text of a host file, made where it is missing."""
        with self._lock:
            parent, _, name = path.strip("/").rpartition("/")
            subfolder(self._files, parent)[name] = Leaf(text, fake_files.text)

    def hold(self, times: int) -> None:
        """Answer the next reads and writes that need DAMON's lock with EBUSY."""
        self._busy = times

    def end_kdamond(self, kdamond: int) -> None:
        """Let a running kdamond end by itself, as when its processes are gone."""
        with self._lock:
            self._kdamonds[kdamond].end()
            self._show_states()

    def _read(self, path: str) -> str:
        text = leaf(self._files, path).text
        if self._busy and path.endswith(("/state", "/pid")):
            self._try_lock()
        return text if text.endswith("\n") else f"{text}\n"

    def _try_lock(self) -> None:
        if self._busy:
            self._busy -= 1
            raise OSError(errno.EBUSY, "the lock is held")

    @contextmanager
    def _answering(self, path: Path, value: str | None = None) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except OSError as error:
                raise file_error(path, error.errno or errno.EIO, value) from error

    def _make_admin(self) -> None:
        admin = subfolder(self._files, str(self.roots.damon))
        admin |= build(ADMIN, self.version)
        file = leaf(admin, "kdamonds/nr_kdamonds")
        make = file.stored

        def replaced(text: str) -> None:
            if any(kdamond.running for kdamond in self._kdamonds):
                raise OSError(errno.EBUSY, "a kdamond runs")
            if make is not None:
                make(text)
            self._adopt(subfolder(admin, "kdamonds"), int(text))

        file.stored = replaced

    def _adopt(self, folder: Folder, number: int) -> None:
        """Put a kdamond behind each new folder."""
        self._kdamonds = []
        for index in range(number):
            own = subfolder(folder, str(index))
            kdamond = FakeKdamond(
                own,
                index,
                self.version,
                self.backend,
                self._may_start,
                self._lives,
                self._has_group,
                self._pids.__next__,
            )
            self._kdamonds.append(kdamond)
            state = leaf(own, "state")
            state.parse = _command(state.parse or fake_files.text, kdamond)

    def _show_states(self) -> None:
        for kdamond in self._kdamonds:
            leaf(kdamond.folder, "state").text = "on" if kdamond.running else "off"

    def _make_module(self, name: str) -> None:
        folder = subfolder(self._files, str(self.roots.sysfs / f"module/{name}/parameters"))
        pid = Leaf("-1")

        def switch(text: str) -> None:
            if text == "Y" and any(kdamond.running for kdamond in self._kdamonds):
                raise OSError(errno.EBUSY, "a kdamond runs")
            pid.text = str(next(self._pids)) if text == "Y" else "-1"

        folder |= {"enabled": Leaf("N", fake_files.flag, switch), "kdamond_pid": pid}

    def _may_start(self) -> None:
        for name in MODULES:
            enabled = self.roots.sysfs / f"module/{name}/parameters/enabled"
            if self.exists(enabled) and self.read(enabled) == "Y\n":
                raise OSError(errno.EBUSY, f"{name} runs alone")

    def _lives(self, pid: int) -> bool:
        return pid > 0 if self.processes is None else pid in self.processes

    def _has_group(self, path: str) -> bool:
        return self.groups is None or path in self.groups


def _command(parse: Parse, kdamond: FakeKdamond) -> Parse:
    """Return the parser of a state file: the command is obeyed, the state is what is read."""

    def obey(written: str) -> str:
        kdamond.obey(parse(written))
        return "on" if kdamond.running else "off"

    return obey
