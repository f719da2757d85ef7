"""Writes that may block for ever, made by one thread that stays: the caller waits a bounded time.

A write to ``state`` that blocks cannot be interrupted. The thread is started by the first write,
serves one after the other, and ends with its owner. While the kernel keeps it, later writes wait
for it as they would wait for DAMON's lock, which the blocked one holds.
"""

import sys
import threading
import weakref
from collections.abc import Callable
from queue import Empty, SimpleQueue

Work = Callable[[], object]


class _Job:
    """One piece of work, begun by the thread or withdrawn by the caller, whoever is first."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._taken = threading.Lock()
        self.answer: SimpleQueue[BaseException | None] = SimpleQueue()

    def take(self) -> bool:
        """Claim it; True for the first who does."""
        return self._taken.acquire(blocking=False)

    def serve(self) -> None:
        """Do it, unless it was withdrawn."""
        if not self.take():
            return
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001  it is the caller's, in whose thread it goes on
            self.answer.put(error)
        else:
            self.answer.put(None)


class LateError(Exception):
    """Work was not done in time.

    Args:
        begun: Whether it had begun, and may thus still end; otherwise it never will begin.
    """

    def __init__(self, *, begun: bool) -> None:
        super().__init__(begun)
        self.begun = begun


class BoundedWriter:
    """Does work in a thread of its own, and waits for it no longer than it is told.

    Example:
        >>> writer = BoundedWriter()
        >>> seen = []
        >>> writer.run(lambda: seen.append("done"), time_limit_s=1.0)
        >>> seen
        ['done']
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(self, work: Work, time_limit_s: float) -> None:
        """Do some work.

        Args:
            work: May block; its result is not used.
            time_limit_s: Longest time to wait for it, that of earlier work included.

        Raises:
            LateError: It was not done in time.
            BaseException: What the work itself raised.
        """
        if sys.is_finalizing():  # threads no longer run; what is restored so late must not wait
            work()
            return
        job = _Job(work)
        self._start()
        self._jobs.put(job)
        try:
            error = job.answer.get(timeout=max(time_limit_s, 0.0))
        except Empty:
            raise LateError(begun=not job.take()) from None
        except BaseException:  # a signal: what has not begun must not begin later
            job.take()
            raise
        if error is not None:
            raise error

    def _start(self) -> None:
        if self._thread is not None and self._thread.is_alive():  # none lives on in a forked child
            return
        self._jobs = SimpleQueue()
        self._thread = threading.Thread(
            target=_serve, args=(self._jobs,), name="damosrl writer", daemon=True
        )
        self._thread.start()
        # not at the interpreter's end: others then still restore what they found
        weakref.finalize(self, self._jobs.put, None).atexit = False


def _serve(jobs: "SimpleQueue[_Job | None]") -> None:
    while (job := jobs.get()) is not None:
        job.serve()
        del job
