"""A session on a tree: locked, saved before the first write, restored on every way out.

On a normal end, an exception, SIGINT and SIGTERM the session restores what it found. After SIGKILL
the kernel goes on with the last committed document; `restore_saved` (`damosrl doctor --restore`)
or the next session brings order. Only kdamonds that we started are ever stopped.
"""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from damosrl.damon import Document
from damosrl.errors import KernelBusyError
from damosrl.kernel.client import DamonClient
from damosrl.kernel.commands import Command
from damosrl.kernel.files import Files
from damosrl.kernel.holders import foreign_use
from damosrl.kernel.lock import STATE_DIR, state_file, tree_lock
from damosrl.kernel.roots import Roots
from damosrl.kernel.saved_state import SavedState, boot_id, load, save
from damosrl.kernel.snapshot import read_settings
from damosrl.kernel.staging import stage_texts

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SessionClient(DamonClient):
    """A client that notes what it starts, and stops nothing else.

    Args:
        roots: Where the tree is.
        files: How it is read and written.
        path: File of the saved state.
        state: What it holds.
        time_limit_s: Longest time one operation may take.
    """

    def __init__(
        self, roots: Roots, files: Files, path: Path, state: SavedState, time_limit_s: float
    ) -> None:
        super().__init__(roots, files, time_limit_s)
        self._path = path
        self.state = state

    def start(self, document: Document) -> None:
        """See `DamonClient.start`; the kdamonds are then known as ours, also to a later process."""
        self.refuse_others()
        if self.state.earlier is not None and self.running():
            raise KernelBusyError(
                f"{self.root} still does what process {self.state.origin.pid} of ours committed",
                got="that process was killed, and its kdamonds run",
                fix="run `damosrl doctor --restore` first",
            )
        with self._starting():
            super().start(document)

    def _put_back(self, running: Sequence[int], done: Sequence[int], command: Command) -> None:
        with self._starting():
            super()._put_back(running, done, command)

    def running(self) -> list[int]:
        """Return the indices of our kdamonds that run."""
        return [index for index in super().running() if self.state.owns(self._pid(index))]

    def refuse_others(self) -> None:
        """Refuse a tree in which somebody else has started a kdamond.

        Raises:
            KernelBusyError: Naming it.
        """
        others = set(super().running()) - set(self.running())
        if others:
            raise KernelBusyError(
                f"somebody else has started kdamond {min(others)} of {self.root}",
                fix="end it, then run `damosrl doctor --restore`",
            )

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """Know kdamonds that start meanwhile as ours, also in a later process."""
        self._note(replace(self.state, starting=True))
        try:
            yield
        finally:
            self._note(replace(self.state, starting=False, kdamonds=self._with_running()))

    def _pid(self, index: int) -> int:
        return self.kdamond_pid(index) or -1

    def _with_running(self) -> tuple[int, ...]:
        pids = {self._pid(index) for index in self.running()}
        return tuple(sorted(pids | set(self.state.kdamonds)))

    def _note(self, state: SavedState) -> None:
        save(self._path, state)
        self.state = state


class Session:
    """The right to change a tree, for as long as a ``with`` block lasts.

    Args:
        roots: Where the kernel's files are.
        files: How they are read and written.
        state_dir: Folder of locks and saved states.
        time_limit_s: Longest time one operation may take.
        take_over: Whether to make the state that a killed session saved this one's own: its
            kdamonds are ours, and on the way out the tree is as it was before *that* session.

    Raises:
        KernelBusyError: Another process of ours controls the tree, or somebody else uses DAMON;
            nothing was changed.
        KernelError: There is no DAMON, or the state cannot be saved.

    Example:
        >>> import tempfile
        >>> from damosrl.testing.fake_tree import FakeTree
        >>> roots = Roots(sysfs=Path("/tree/sys"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Session(roots, FakeTree(roots), Path(folder)) as client:
        ...         client.running()
        []
    """

    def __init__(
        self,
        roots: Roots,
        files: Files,
        state_dir: Path = STATE_DIR,
        time_limit_s: float = 5.0,
        *,
        take_over: bool = False,
    ) -> None:
        self._roots = roots
        self._files = files
        self._state_dir = state_dir
        self._take_over = take_over
        self._time_limit_s = time_limit_s
        self._signals = _Signals()
        self._stack = ExitStack()

    def __enter__(self) -> SessionClient:
        """Lock, refuse foreign use, save; then the tree may be changed."""
        with ExitStack() as stack:
            stack.enter_context(tree_lock(self._state_dir, self._roots.damon))
            path = state_file(self._state_dir, self._roots.damon, "json")
            state = _found(self._roots, self._files, load(path))
            if self._take_over:
                state = state.taken_over()
            client = SessionClient(self._roots, self._files, path, state, self._time_limit_s)
            stack.enter_context(self._signals)
            save(path, state)
            stack.callback(_end, client, path)
            self._stack = stack.pop_all()
        return client

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what is ours and restore what was found, deaf to further signals."""
        self._signals.deaf = True
        self._stack.__exit__(kind, error, trace)


def restore_saved(
    roots: Roots, files: Files, state_dir: Path = STATE_DIR, time_limit_s: float = 5.0
) -> str:
    """Restore what a killed session found; harmless where there is nothing to restore.

    Args:
        roots: Where the kernel's files are.
        files: How they are read and written.
        state_dir: Folder of locks and saved states.
        time_limit_s: Longest time one operation may take.

    Returns:
        What was done, in one line.

    Raises:
        KernelBusyError: The session still lives (it holds the lock), or somebody else's kdamond
            runs meanwhile.
    """
    with tree_lock(state_dir, roots.damon):
        path = state_file(state_dir, roots.damon, "json")
        state = load(path)
        if state is None:
            return f"nothing to restore: no session of ours changed {roots.damon}"
        if state.boot_id != boot_id(roots, files):
            path.unlink()
            return "nothing to restore: the machine was booted since, and DAMON is as after a boot"
        client = SessionClient(roots, files, path, state, time_limit_s)
        _restore(client, state.origin)
        path.unlink()
        return f"restored {roots.damon} as it was before process {state.origin.pid}"


def _found(roots: Roots, files: Files, earlier: SavedState | None) -> SavedState:
    """Describe the tree as it is; refuse what others hold."""
    boot = boot_id(roots, files)
    if earlier is not None and earlier.boot_id != boot:
        earlier = None
    holders = foreign_use(roots, files)
    running = []
    for holder in holders:
        if (
            earlier is None
            or not holder.name.startswith("kdamond ")
            or not earlier.owns(holder.pid)
        ):
            raise KernelBusyError(
                f"DAMON is in use by {holder.name}",
                got=f"pid {holder.pid}, not started by us",
                fix=holder.fix,
            )
        running.append(int(holder.name.split()[1]))
    settings = read_settings(files, roots.damon)
    return SavedState(
        str(roots.damon), boot, os.getpid(), settings, tuple(running), earlier=earlier
    )


def _end(client: SessionClient, path: Path) -> None:
    """Restore what the session found, and forget it, or go back to the earlier state."""
    state = client.state
    _restore(client, state)
    if state.earlier is None:
        path.unlink(missing_ok=True)
        return
    client.resume(state.running)
    pids = tuple(client.kdamond_pid(index) or -1 for index in state.running)
    save(path, replace(state.earlier, kdamonds=pids, starting=False))


def _restore(client: SessionClient, state: SavedState) -> None:
    client.stop()
    client.refuse_others()
    if read_settings(client.files, client.root) == state.settings:
        return
    for settings in ({"kdamonds/nr_kdamonds": "0"}, state.settings):
        stage_texts(client.files, client.root, settings, client.time_limit_s)


class _Signals:
    """SIGINT and SIGTERM as exceptions that run every ``finally``, kept back while restoring.

    A signal that was ignored before stays ignored; outside the main thread nothing is changed,
    since only that one may take signals.
    """

    def __init__(self) -> None:
        self.deaf = False
        self._pending: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._pending is not None:
            signal.raise_signal(self._pending)

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.deaf:
            self._pending = number
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise SystemExit(128 + number)
