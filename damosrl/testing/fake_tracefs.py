"""A folder that behaves like the kernel's tracefs: instances appear filled and vanish whole."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

EVENTS = ("damon_aggregated", "damos_before_apply", "damos_esz")
PIPE_BYTES = 2**20
_F_SETPIPE_SZ = 1031


class FakeTracefs:
    """Files like those of tracefs; the test writes what the kernel would trace.

    Args:
        root: Where to make it; must not exist.
        events: Tracepoints of the ``damon`` group that this kernel has.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tracefs = FakeTracefs(Path(folder) / "tracing")
        ...     (tracefs.root / "events/damon/damos_esz").is_dir()
        True
    """

    def __init__(self, root: Path, events: Sequence[str] = EVENTS) -> None:
        self.root = root
        self.events = events
        self.removed: dict[str, str] = {}
        """Settings of the last removed instance, by file."""
        self._pipe: int | None = None
        (root / "instances").mkdir(parents=True)
        for event in events:
            (root / "events/damon" / event).mkdir(parents=True)

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Make and remove instances as the kernel does, while the body runs."""
        make, remove = Path.mkdir, Path.rmdir

        def mkdir(
            path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False
        ) -> None:
            make(path, mode, parents, exist_ok)
            if path.parent == self.root / "instances":
                self._fill(path)

        def rmdir(path: Path) -> None:
            if path.parent == self.root / "instances":
                self._empty(path)
            remove(path)

        with patch.object(Path, "mkdir", mkdir), patch.object(Path, "rmdir", rmdir):
            yield

    def feed(self, text: bytes) -> None:
        """Let the kernel trace some text.

        Raises:
            BlockingIOError: The reader is a megabyte behind.
        """
        if self._pipe is None:
            raise FileNotFoundError("no instance is open")
        os.write(self._pipe, text)

    @property
    def instances(self) -> list[str]:
        """Names of the instances there are."""
        return sorted(path.name for path in (self.root / "instances").iterdir())

    def _fill(self, folder: Path) -> None:
        files = ["trace_clock", "buffer_size_kb", "tracing_on"]
        for event in self.events:
            os.makedirs(folder / "events/damon" / event)  # noqa: PTH103  Path.mkdir is patched
            files.append(f"events/damon/{event}/enable")
        for file in files:
            (folder / file).write_text("0")
        os.mkfifo(folder / "trace_pipe")
        self._pipe = os.open(folder / "trace_pipe", os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._pipe, _F_SETPIPE_SZ, PIPE_BYTES)

    def _empty(self, folder: Path) -> None:
        self.removed = {
            str(file.relative_to(folder)): file.read_text()
            for file in folder.rglob("*")
            if file.is_file()
        }
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        for child in list(folder.iterdir()):
            if child.is_dir():
                with patch.object(Path, "rmdir", os.rmdir):
                    shutil.rmtree(child)
            else:
                child.unlink()


def aggregated_lines(
    time_us: int,
    regions: Sequence[tuple[int, int, int, int]],
    target_id: int = 0,
    pid: int = 4321,
) -> bytes:
    """Return the text of one snapshot, as the tracer prints it.

    Args:
        time_us: When its first line is traced.
        regions: ``(start, end, nr_accesses, age)`` each.
        target_id: Index of the target.
        pid: Process id of the kdamond.
    """
    return b"".join(
        b"       kdamond.0-%d     [001] .....  %d.%06d: damon_aggregated: target_id=%d "
        b"nr_regions=%d %d-%d: %d %d\n"
        % (pid, time_us // 10**6, time_us % 10**6, target_id, len(regions), *region)
        for region in regions
    )
