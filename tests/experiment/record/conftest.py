"""A fake kernel to record on: DAMON's sysfs in memory, tracefs in a folder."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from damosrl.cli import _parser
from damosrl.commands import COMMANDS
from damosrl.damon import Document
from damosrl.experiment.record.options import Options, options_of
from damosrl.kernel.roots import Roots
from damosrl.testing.backend import GivenNumbers
from damosrl.testing.fake_tracefs import FakeTracefs, aggregated_lines
from damosrl.testing.fake_tree import FIRST_PID, FakeTree

REGIONS = [(4096, 8192, 3, 1), (8192, 40960, 0, 7), (2**40, 2**40 + 8192, 20, 0)]


class NotingNumbers(GivenNumbers):
    """Keeps the last document that was started, when it has ended too."""

    started: Document | None = None

    def start(self, document: Document, kdamond: int) -> None:
        """See `Backend.start`."""
        self.started = document
        super().start(document, kdamond)


class FakeKernel:
    """Both file systems, and a kdamond that traces ten snapshots of `REGIONS` a second or more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tracefs = FakeTracefs(folder / "sys/kernel/tracing")
        self.backend = NotingNumbers()
        self.tree = FakeTree(Roots(sysfs=folder / "sys"), backend=self.backend)

    def options(self, *words: str, program: tuple[str, ...] = ()) -> Options:
        """Return the options of a command line on this kernel."""
        command = next(command for command in COMMANDS if command.name == "record")
        given = _parser(command).parse_args(
            [
                *("--sysfs-root", str(self.folder / "sys"), "--out", str(self.out)),
                *("--state-dir", str(self.folder / "state"), *words, "--quiet"),
            ]
        )
        given.words = list(program)
        return options_of(given)

    @property
    def started(self) -> Document | None:
        """The document that was started last."""
        return self.backend.started

    @property
    def out(self) -> Path:
        """The file to write."""
        return self.folder / "out.damon"

    @property
    def running(self) -> bool:
        """Whether the kdamond runs."""
        files = self.tree.texts().items()
        return any(path.endswith("/0/state") and text == "on" for path, text in files)

    @contextmanager
    def tracing(self, make: Callable[[int], bytes] | None = None) -> Iterator[None]:
        """Trace snapshots every 10 ms while an instance is open and a kdamond runs."""
        stop = threading.Event()
        text = make or snapshot_lines

        def work() -> None:
            place = 0
            while not stop.wait(0.01):
                if self.running:
                    self.tracefs.feed(text(place))
                    place += 1

        thread = threading.Thread(target=work)
        with self.tracefs.mounted():
            thread.start()
            try:
                yield
            finally:
                stop.set()
                thread.join()


def snapshot_lines(place: int) -> bytes:
    """Return the lines of one snapshot of `REGIONS`, 100 ms after the one before."""
    return aggregated_lines(10**6 + 10**5 * place, REGIONS, pid=FIRST_PID)


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    """Give a fake kernel."""
    return FakeKernel(tmp_path)


@pytest.fixture
def regions() -> list[tuple[int, int, int, int]]:
    """Give what the kdamond sees."""
    return list(REGIONS)
