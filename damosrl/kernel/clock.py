"""Real time in steps of equal length."""

from typing import Protocol


class Clock(Protocol):
    """A clock that never steps back; the module `time` is one."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Let time pass."""
        ...


class Pace:
    """Waits for the ends of steps, each so long after the one before, whatever a step's work took.

    A step that ends late is counted, and the next one begins where it ended: there is no burst of
    short steps to catch up, also after a suspend.

    Args:
        clock: Real or virtual time.

    Example:
        >>> import time
        >>> pace = Pace(time)
        >>> pace.wait(0.001)
        >>> pace.overruns
        0
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start_s = clock.monotonic()
        self._due_s = self._start_s
        self.overruns = 0
        """Steps that ended late."""

    @property
    def elapsed_s(self) -> float:
        """Time since the first step began."""
        return self._clock.monotonic() - self._start_s

    def restart(self) -> None:
        """Let the next step begin now, without counting the time since the last one as late."""
        self._due_s = self._clock.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep until the step that began when the last one was due is so long.

        Args:
            seconds: Length of the step.
        """
        self._due_s += seconds
        left_s = self._due_s - self._clock.monotonic()
        if left_s > 0.0:
            self._clock.sleep(left_s)
        elif left_s < 0.0:
            self.overruns += 1
            self._due_s -= left_s
