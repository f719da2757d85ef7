"""A change of a guest's size: what was asked, what came of it, how long it took.

Devices answer at once and the guest follows, or does not: a change that stops half-way is a normal
outcome, not an error.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Resize:
    """One change of size.

    Args:
        before_mib: Size when it was asked for.
        asked_mib: Size asked for.
        after_mib: Size when it was reached or given up.
        seconds: How long that took.

    Example:
        >>> Resize(1024, 768, 960, 30.0).failed_ratio
        0.75
    """

    before_mib: int
    asked_mib: int
    after_mib: int
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether the size asked for was reached."""
        return self.after_mib == self.asked_mib

    @property
    def failed_ratio(self) -> float:
        """Share of the change asked for that did not come, 0..1."""
        asked = abs(self.asked_mib - self.before_mib)
        return min(abs(self.asked_mib - self.after_mib) / asked, 1.0) if asked else 0.0


def follow(
    read_mib: Callable[[], int], ask: Callable[[int], None], asked_mib: int, timeout_s: float
) -> Resize:
    """Ask for a size and watch until it is reached or the time is over.

    Args:
        read_mib: Returns the size now.
        ask: Asks for a size and returns at once.
        asked_mib: The size.
        timeout_s: After this time the change counts as stuck; the device still wants it.
    """
    before, begin = read_mib(), time.monotonic()
    ask(asked_mib)
    while True:
        now, seconds = read_mib(), time.monotonic() - begin
        if now == asked_mib or seconds > timeout_s:
            return Resize(before, asked_mib, now, seconds)
        time.sleep(POLL_S)
