"""The client of DAMON's sysfs interface: start, change, read and stop kdamonds.

It writes only what differs, in the kernel's order, and never leaves a change half made: what a
refused command has staged is written back. Who may use the tree at all is the question of
`damosrl.kernel.session`.
"""

import errno
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

from damosrl.damon import Document, Stats
from damosrl.errors import KernelBusyError, KernelError
from damosrl.kernel.commands import Command, send, settled_state
from damosrl.kernel.decode import document_of
from damosrl.kernel.encode import Setting, settings_of
from damosrl.kernel.file_errors import FileError
from damosrl.kernel.files import Files
from damosrl.kernel.roots import Roots
from damosrl.kernel.snapshot import Settings, below, read_if_there, read_settings, require_tree
from damosrl.kernel.staging import BUSY_READ_S, retry_busy, stage, stage_texts
from damosrl.kernel.tried import TriedRegion, numbered, read_tried_regions
from damosrl.kernel.writer import BoundedWriter

PID_TIME_S = 10.0
"""Longest wait for a process id that goes with a state; the kernel shows both at once."""
INTERVALS = "contexts/0/monitoring_attrs/intervals"
STATISTICS = tuple(item.name for item in fields(Stats))
"""Files of a scheme's ``stats`` folder."""


class TunedIntervals(NamedTuple):
    """Intervals in force, which the kernel tunes where ``intervals_goal`` is on; us."""

    sample_us: int
    aggr_us: int


class DamonClient:
    """Kdamonds of one tree, configured by documents.

    Args:
        roots: Where the tree is.
        files: How it is read and written.
        time_limit_s: Longest time one operation may take.
        pid_time_s: Longest time a process id may come after its state; 0 where none comes.

    Raises:
        KernelError: There is no DAMON.

    Example:
        >>> from damosrl.testing.fake_tree import FakeTree
        >>> roots = Roots(sysfs=Path("/tree/sys"))
        >>> client = DamonClient(roots, FakeTree(roots))
        >>> client.document()
        Document(kdamonds=())
    """

    def __init__(
        self,
        roots: Roots,
        files: Files,
        time_limit_s: float = 5.0,
        pid_time_s: float = PID_TIME_S,
    ) -> None:
        self.root = roots.damon
        self.files = files
        self.time_limit_s = time_limit_s
        self._pid_time_s = pid_time_s
        self._asked: Document | None = None
        self._writer = BoundedWriter()
        require_tree(files, self.root)

    def document(self) -> Document:
        """Return the document that the files hold now.

        Raises:
            DocumentError: The files are unfinished, or could not be started.
        """
        return document_of(read_settings(self.files, self.root))

    def start(self, document: Document) -> None:
        """Configure the tree and start every kdamond.

        When anything is refused, kdamonds that did start are stopped and the files are as before.

        Raises:
            KernelBusyError: A kdamond runs already, or an exclusive module does.
            KernelFeatureError: This kernel lacks what the document asks for.
            KernelError: The kernel refused, with file, value and rule.
        """
        running = self.running()
        if running:
            raise KernelBusyError(
                f"{self.root} is in use",
                got=f"running kdamonds {', '.join(map(str, running))}",
                fix="commit to them, or stop them first",
            )
        before = read_settings(self.files, self.root)
        tried: list[int] = []
        try:
            changed = self._stage(document, before)
            for index in range(len(document.kdamonds)):
                tried.append(index)
                self._on(index, changed)
        except BaseException:
            for index in filter(self.is_running, tried):
                self._off(index)
            self._write_back(before)
            raise
        self._asked = document

    def commit(self, document: Document) -> None:
        """Change what runs, without losing what was monitored.

        A document has as many kdamonds as the tree. Intervals that the kernel has tuned are kept
        unless the document asks for others than the last one did (semantics 4.3.4).

        Raises:
            KernelError: Nothing runs, the number of kdamonds differs, or the kernel refused; then
                everything is as before. Kernels before 6.15 end a kdamond that refuses: it is
                started again, and what it had monitored is lost.
            KernelFeatureError: This kernel lacks what the document asks for.
        """
        running = self._require_running(document)
        for index in running:
            self._fetch_tuned_intervals(index)
        before = read_settings(self.files, self.root)
        done: list[int] = []
        try:
            changed = self._stage(document, before, self._tuned(document, before))
            for index in running:
                self._commit(index, Command.COMMIT, changed)
                done.append(index)
        except BaseException:
            self._write_back(before)
            self._put_back(running, done, Command.COMMIT)
            raise
        self._asked = document

    def commit_goals(self, document: Document) -> None:
        """Change values of quota goals only: cheaper than `commit`, and restarts nothing.

        Args:
            document: As the one in force, but for metrics, targets and current values of goals.

        Raises:
            KernelError: As for `commit`.
        """
        running = self._require_running(document)
        goals = [item for item in settings_of(document, self._exists) if "/goals/" in item.path]
        before = self._texts(goals)
        done: list[int] = []
        try:
            changed = stage(self.files, self.root, goals, self.time_limit_s, before)
            for index in running:
                self._commit(index, Command.COMMIT_GOALS, changed)
                done.append(index)
        except BaseException:
            self._write_back(before)
            self._put_back(running, done, Command.COMMIT_GOALS)
            raise

    def resume(self, kdamonds: Sequence[int]) -> None:
        """Start kdamonds as the files configure them.

        Raises:
            KernelError: The kernel refused.
        """
        for index in kdamonds:
            self._on(index)

    def stop(self) -> None:
        """Stop every kdamond that runs; the files stay as they are.

        Raises:
            KernelError: One did not stop in time.
        """
        for index in self.running():
            self._off(index)

    def running(self) -> list[int]:
        """Return the indices of kdamonds that run."""
        return [index for index in range(self.nr_kdamonds()) if self.is_running(index)]

    def nr_kdamonds(self) -> int:
        """Return how many kdamonds are configured."""
        return int(self.files.read(below(self.root, "kdamonds/nr_kdamonds")))

    def is_running(self, kdamond: int) -> bool:
        """Tell whether a kdamond runs."""
        return settled_state(self.files, self._file(kdamond, "state")) == "on"

    def kdamond_pid(self, kdamond: int) -> int | None:
        """Return the process id of a kdamond's thread; None where it does not run."""
        path = self._file(kdamond, "pid")
        pid = int(retry_busy(lambda: self.files.read(path), BUSY_READ_S))
        return pid if pid > 0 else None

    def update_stats(self, kdamond: int) -> None:
        """Let the kernel refresh statistics and effective quotas, which the readers then give.

        Raises:
            KernelError: The kdamond has stopped (ECANCELED), or does not answer in time.
        """
        self._send(kdamond, Command.UPDATE_STATS)
        self._send(kdamond, Command.UPDATE_EFFECTIVE)

    def stats(self, kdamond: int) -> tuple[Stats, ...]:
        """Return the statistics of every scheme, as of the last `update_stats`."""
        return tuple(self._stats(scheme) for scheme in self._schemes(kdamond))

    def effective_bytes(self, kdamond: int) -> tuple[int, ...]:
        """Return the quota in force of every scheme, core address units; see `update_stats`."""
        return tuple(
            int(self.files.read(below(scheme, "quotas/effective_bytes")))
            for scheme in self._schemes(kdamond)
        )

    def tuned_intervals(self, kdamond: int) -> TunedIntervals:
        """Return the intervals in force; where nothing is tuned, those of the document."""
        self._fetch_tuned_intervals(kdamond)
        files = (self._file(kdamond, f"{INTERVALS}/{name}") for name in TunedIntervals._fields)
        return TunedIntervals(*(int(self.files.read(file)) for file in files))

    def tried_regions(
        self, kdamond: int, time_limit_s: float | None = None
    ) -> tuple[tuple[TriedRegion, ...], ...]:
        """Wait for one complete pass of every scheme and return its regions, by scheme.

        Args:
            kdamond: Which one.
            time_limit_s: Longest time to wait, at least the longest apply interval.

        Raises:
            KernelError: The kdamond has stopped or no scheme is active (ECANCELED), or it takes
                too long.
        """
        self._send(kdamond, Command.UPDATE_TRIED, time_limit_s)
        found = tuple(read_tried_regions(self.files, item) for item in self._schemes(kdamond))
        self._send(kdamond, Command.CLEAR_TRIED)
        return found

    def _file(self, kdamond: int, path: str) -> Path:
        return below(self.root, f"kdamonds/{kdamond}/{path}")

    def _schemes(self, kdamond: int) -> list[Path]:
        return numbered(self.files, self._file(kdamond, "contexts/0/schemes"))

    def _exists(self, path: str) -> bool:
        return self.files.exists(below(self.root, path))

    def _texts(self, settings: Sequence[Setting]) -> Settings:
        """Read what the files of some settings hold, where they are there."""
        texts = (
            (item.path, read_if_there(self.files, below(self.root, item.path))) for item in settings
        )
        return {path: text for path, text in texts if text is not None}

    def _stats(self, scheme: Path) -> Stats:
        texts = {
            name: read_if_there(self.files, below(scheme, f"stats/{name}")) for name in STATISTICS
        }
        return Stats(**{name: int(text) for name, text in texts.items() if text is not None})

    def _send(self, kdamond: int, command: Command, time_limit_s: float | None = None) -> None:
        state = self._file(kdamond, "state")
        limit_s = self.time_limit_s if time_limit_s is None else time_limit_s
        try:
            send(self._writer, self.files, state, command, limit_s)
        except FileError as error:
            ended = error.number == errno.EINVAL and not self.is_running(kdamond)
            if error.number == errno.ECANCELED or (ended and command is not Command.ON):
                raise _stopped(kdamond, f"{command!s} was cancelled") from error
            raise

    def _commit(self, kdamond: int, command: Command, changed: Sequence[Setting]) -> None:
        """Commit, and see that the kdamond survived: before 6.15 a refusal ends it (1.15)."""
        self._obey(kdamond, command, changed)
        if not self.is_running(kdamond):
            raise KernelError(
                f"kdamond {kdamond} ended at {command!s}",
                got=_told(changed, kdamond),
                allowed="settings that could be started; kernels before 6.15 do not say what is "
                "wrong with others",
                fix="see whether its processes and control groups still exist",
            )

    def _put_back(self, running: Sequence[int], done: Sequence[int], command: Command) -> None:
        """Let kdamonds run as the files, which were written back, say; start those that ended."""
        for index in running:
            if not self.is_running(index):
                self._on(index)
            elif index in done:
                self._send(index, command)

    def _obey(self, kdamond: int, command: Command, changed: Sequence[Setting]) -> None:
        """Send a command that takes settings in force; a refusal names what had changed."""
        try:
            self._send(kdamond, command)
        except FileError as error:
            told = _told(changed, kdamond)
            raise type(error)(error.path, error.number, command, after=told) from error

    def _stage(
        self, document: Document, found: Settings, tuned: Settings | None = None
    ) -> list[Setting]:
        wanted = _with_texts(settings_of(document, self._exists), tuned or {})
        return stage(self.files, self.root, wanted, self.time_limit_s, found)

    def _write_back(self, before: Settings) -> None:
        stage_texts(self.files, self.root, before, self.time_limit_s)

    def _require_running(self, document: Document) -> list[int]:
        wanted, found = len(document.kdamonds), self.nr_kdamonds()
        if wanted != found:
            raise KernelError(
                "the number of kdamonds cannot change while they run",
                got=f"{wanted} in the document, {found} in the kernel",
                fix="stop, and start the new document",
            )
        running = self.running()
        if not running:
            raise KernelError("no kdamond runs", fix="start the document instead")
        return running

    def _on(self, kdamond: int, changed: Sequence[Setting] = ()) -> None:
        self._obey(kdamond, Command.ON, changed)
        self._await_pid(kdamond, running=True)
        if not self.is_running(kdamond):
            raise _stopped(kdamond, "it stopped right after its start")

    def _off(self, kdamond: int) -> None:
        try:
            self._send(kdamond, Command.OFF)
        except KernelError:  # it may have ended by itself a moment ago, and then refuses
            if self.is_running(kdamond):
                raise
        self._await_pid(kdamond, running=False)

    def _await_pid(self, kdamond: int, *, running: bool) -> None:
        """Wait until state and process id agree; only a served tree makes them one by one."""
        end = time.monotonic() + self._pid_time_s
        while self.is_running(kdamond) == running and time.monotonic() < end:
            if (self.kdamond_pid(kdamond) is not None) == running:
                return
            time.sleep(0.001)

    def _fetch_tuned_intervals(self, kdamond: int) -> None:
        aggrs = read_if_there(self.files, self._file(kdamond, f"{INTERVALS}/intervals_goal/aggrs"))
        if aggrs not in (None, "0"):
            self._send(kdamond, Command.UPDATE_INTERVALS)

    def _tuned(self, document: Document, found: Settings) -> Settings:
        """Return the interval files whose tuned values are to stay."""
        kept: Settings = {}
        asked = self._asked.kdamonds if self._asked else document.kdamonds
        for index, (new, old) in enumerate(zip(document.kdamonds, asked, strict=True)):
            times = new.contexts[0].attrs.intervals
            if times.goal.enabled and times == old.contexts[0].attrs.intervals:
                folder = f"kdamonds/{index}/{INTERVALS}"
                kept |= {path: found[path] for path in (f"{folder}/sample_us", f"{folder}/aggr_us")}
        return kept


def _with_texts(settings: Iterator[Setting], texts: Settings) -> Iterator[Setting]:
    for item in settings:
        kept = texts.get(item.path)
        yield item if kept is None else item._replace(value=kept)


def _told(changed: Sequence[Setting], kdamond: int) -> str:
    """Return what was changed for one kdamond, in a few words."""
    mine = [item for item in changed if item.path.startswith(f"kdamonds/{kdamond}/")]
    told = ", ".join(f"{item.path}={item.value}" for item in mine[:3])
    more = f" and {len(mine) - 3} more" if len(mine) > 3 else ""
    return told + more or "no change"


def _stopped(kdamond: int, how: str) -> KernelError:
    return KernelError(
        f"kdamond {kdamond} has stopped, is paused, or has no active scheme",
        got=how,
        fix="see whether its processes still live and its watermarks let it work, then start it",
    )
