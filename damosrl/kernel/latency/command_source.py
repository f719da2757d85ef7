"""A number printed by a command that runs beside us again and again."""

import contextlib
import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

from damosrl.errors import ConfigError, KernelError
from damosrl.kernel.latency.probe import LONGEST_TEXT_BYTES, Sample, number_of

END_TIME_S = 2.0
"""Longest wait for a killed command at the end."""


class CommandSource:
    """A command without a shell, one at a time; a step starts it and a later step takes its number.

    Args:
        words: Program and arguments; prints one number and ends with status 0.
        every_s: Shortest time from one start to the next.
        time_limit_s: After this it is killed, with everything it started.
        clock: Seconds on a clock that never steps back.

    Raises:
        ConfigError: There is no program, or a time is out of bounds.
        KernelError: The program cannot be started.

    Example:
        >>> source = CommandSource(["/bin/echo", "120"])
        >>> while (sample := source.poll()) is None:
        ...     time.sleep(0.01)
        >>> source.close()
        >>> sample.value
        120.0
    """

    def __init__(
        self,
        words: Sequence[str],
        every_s: float = 1.0,
        time_limit_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not words:
            raise ConfigError("the command of a latency probe is empty", fix="give [program, ...]")
        if every_s < 0.0 or time_limit_s <= 0.0:
            raise ConfigError(
                "times of a latency command are out of bounds",
                got=f"every_s={every_s}, time_limit_s={time_limit_s}",
                allowed="every_s >= 0, time_limit_s > 0",
            )
        self.words = list(words)
        self._every_s = every_s
        self._time_limit_s = time_limit_s
        self._clock = clock
        self._text = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._is_killed = False
        self._start()

    def poll(self) -> Sample | None:
        """See `Source.poll`."""
        process = self._process
        if process is None:
            if self._clock() - self._started_s >= self._every_s:
                self._start()
            return None
        has_ended = _has_ended(process)
        if self._is_killed:
            if has_ended:
                self._reap(process)
            return None
        self._text += _available(process)
        if len(self._text) > LONGEST_TEXT_BYTES:
            self._kill(process)
            raise KernelError(f"{self.words[0]} prints more than a number")
        if has_ended:
            return self._result(process)
        if self._clock() - self._started_s > self._time_limit_s:
            self._kill(process)
            raise KernelError(
                f"{self.words[0]} was killed", got=f"no end within {self._time_limit_s} s"
            )
        return None

    def close(self) -> None:
        """See `Source.close`; whatever the command started is killed."""
        self._started_s = math.inf
        if self._process is not None:
            self._kill(self._process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_TIME_S)
            self._process = None

    def _start(self) -> None:
        self._started_s = self._clock()
        self._text = b""
        self._is_killed = False
        try:
            self._process = subprocess.Popen(  # noqa: S603  the user's own command, no shell
                self.words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise KernelError(
                f"the latency command {self.words[0]} cannot be started",
                got=error,
                fix="give a program that runs",
            ) from error
        if self._process.stdout is not None:
            os.set_blocking(self._process.stdout.fileno(), False)

    def _result(self, process: "subprocess.Popen[bytes]") -> Sample:
        self._kill(process)  # what the command has started and left behind
        status = self._reap(process)
        if status != 0:
            raise KernelError(f"{self.words[0]} failed", got=f"exit status {status}")
        value = number_of(self._text, self.words[0])
        if value is None:
            raise KernelError(f"{self.words[0]} prints nothing", allowed="one number")
        return Sample(value, 0.0)

    def _kill(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill the command's whole session; it is not reaped yet, so the number is its own."""
        self._is_killed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.stdout is not None:
            process.stdout.close()

    def _reap(self, process: "subprocess.Popen[bytes]") -> int:
        """Take the status of a command that has ended."""
        self._process = None
        return process.wait()


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Tell whether a process has ended, without reaping it."""
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, flags) is not None


def _available(process: "subprocess.Popen[bytes]") -> bytes:
    """Return what has been printed so far."""
    if process.stdout is None:
        return b""
    with contextlib.suppress(BlockingIOError):
        return os.read(process.stdout.fileno(), LONGEST_TEXT_BYTES + 1)
    return b""
