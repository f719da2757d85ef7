"""What the owner asks of a running daemon: two signals and a kill-switch file.

SIGUSR1: to the kernel's loop now. SIGHUP: load the bundle again. SIGTERM and SIGINT end the daemon
through the session on the kernel, which restores what was there. While the kill-switch file exists,
the policy is not asked.
"""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any


class Control:
    """Wishes that were told and not yet fulfilled; also the clock, since a wish ends a sleep.

    Args:
        switch: The kill-switch file; need not exist.

    Example:
        >>> control = Control(Path("/run/damosrl/stop"))
        >>> with control.listening():
        ...     signal.raise_signal(signal.SIGUSR1)
        ...     control.take_fallback(), control.take_fallback()
        (True, False)
    """

    def __init__(self, switch: Path) -> None:
        self._switch = switch
        self._fallback = self._reload = False
        self._wake: tuple[int, int] | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take signals while the block lasts; main thread only."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wake = (reader, writer)
        before: dict[int, Any] = {}
        try:
            for number in (int(signal.SIGUSR1), int(signal.SIGHUP)):
                before[number] = signal.signal(number, self._told)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._wake = None
            os.close(reader)
            os.close(writer)

    @property
    def stopped(self) -> bool:
        """Whether the kill-switch is on; one that cannot be looked at is."""
        try:
            return self._switch.exists()
        except OSError:
            return True

    def take_fallback(self) -> bool:
        """Tell whether the kernel's loop was asked for since the last call."""
        asked, self._fallback = self._fallback, False
        return asked

    def take_reload(self) -> bool:
        """Tell whether loading the bundle again was asked for since the last call."""
        asked, self._reload = self._reload, False
        return asked

    def monotonic(self) -> float:
        """Return seconds; never steps back, and stands still in a suspend."""
        return monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep, up to the next signal of the owner."""
        if self._wake is None:
            select.select([], [], [], seconds)
            return
        ready, _, _ = select.select([self._wake[0]], [], [], seconds)
        if ready:
            os.read(self._wake[0], 4096)

    def _told(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._fallback |= number == signal.SIGUSR1
        self._reload |= number == signal.SIGHUP
        if self._wake is not None:
            with suppress(BlockingIOError):  # full of wishes: it will wake
                os.write(self._wake[1], b"!")
