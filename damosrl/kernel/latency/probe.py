"""The latest number of a latency source, while it is fresh."""

import math
import re
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from damosrl.errors import ConfigError, KernelError

LONGEST_TEXT_BYTES = 256
"""Most that a source may say at once; more is no number."""
_NUMBER = re.compile(r"\s*\d{1,20}(\.\d{0,20})?([eE][+-]?\d{1,3})?\s*", re.ASCII)


class Sample(NamedTuple):
    """One number, and when it was true."""

    value: float
    """0 or more, in the source's unit."""
    age_s: float
    """Time since it was given."""


class Source(Protocol):
    """Where numbers come from; `FileSource`, `CommandSource` and `SocketSource` are ones."""

    def poll(self) -> Sample | None:
        """Return what is newest, None where nothing new has come; never wait.

        Raises:
            KernelError: What came is no latency, or the source has failed.
        """

    def close(self) -> None:
        """Give everything back; harmless when repeated."""


class LatencyProbe:
    """A latency for every step: the newest number while it is fresh, else NaN.

    Nothing is invented: a source that fails, or says what is no number, gives NaN until it gives
    a number again.

    Args:
        source: Where numbers come from; closed with the probe.
        fresh_s: Age up to which a number counts.
        unit_ns: Nanoseconds in the source's unit.
        clock: Seconds on a clock that never steps back.

    Raises:
        ConfigError: The limit or the unit is not positive.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from damosrl.kernel.latency.file_source import FileSource
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     metric = Path(folder) / "p99_us"
        ...     _ = metric.write_text("1.5")
        ...     with LatencyProbe(FileSource(metric), unit_ns=1e3) as probe:
        ...         probe.latency_ns()
        1500.0
    """

    def __init__(
        self,
        source: Source,
        fresh_s: float = 5.0,
        unit_ns: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, value in (("fresh_s", fresh_s), ("unit_ns", unit_ns)):
            if not 0.0 < value < math.inf:
                raise ConfigError(
                    f"{name} of a latency probe is no length", got=value, allowed="> 0"
                )
        self._source = source
        self._fresh_s = fresh_s
        self._unit_ns = unit_ns
        self._clock = clock
        self._value = math.nan
        self._given_s = -math.inf
        self.problem: str | None = None
        """What was wrong at the last call; None where nothing was."""

    def latency_ns(self) -> float:
        """Return the latest latency, NaN where there is none that is fresh; never waits."""
        self.problem = None
        try:
            sample = self._source.poll()
        except KernelError as error:
            self.problem = str(error)
            self._value = math.nan
            return math.nan
        now_s = self._clock()
        if sample is not None:
            self._value, self._given_s = sample.value, now_s - sample.age_s
        age_s = now_s - self._given_s
        if age_s > self._fresh_s:
            self.problem = "no number yet" if math.isinf(age_s) else f"{age_s:.1f} s old"
            return math.nan
        return self._value * self._unit_ns

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def number_of(text: bytes, origin: object) -> float | None:
    r"""Return the number that a text holds; None where it is empty.

    Args:
        text: A decimal number of 0 or more, blanks around it.
        origin: Who said it, for the message.

    Raises:
        KernelError: It is something else.

    Example:
        >>> number_of(b" 98.5\n", "p99")
        98.5
    """
    if not text.strip():
        return None
    words = text.decode("ascii", errors="replace")
    value = float(words) if _NUMBER.fullmatch(words) else math.nan
    if not math.isfinite(value):
        raise KernelError(
            f"{origin} gives no latency",
            got=repr(words[:40]),
            allowed="one decimal number of 0 or more",
            fix="write nothing else",
        )
    return value
