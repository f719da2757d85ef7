"""The loop of a recording: take snapshots until there is a reason to stop, saving now and then."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from damosrl.damon.recorded import RecordedSnapshot, Recording
from damosrl.damon.recording import MAX_REGIONS
from damosrl.experiment.record.sources import Source

FIRST_SAVE_S = 60.0
"""Time before the first save on the way; each later one waits twice as long, as it costs more."""


@dataclass
class Collected:
    """Snapshots by target.

    Args:
        sample_us: Sampling interval that was asked for, us.
        aggr_us: Aggregation interval that was asked for, us.
    """

    sample_us: int
    aggr_us: int
    by_target: dict[int, list[RecordedSnapshot]] = field(default_factory=dict)
    num_regions: int = 0

    def add(self, target_id: int, snapshot: RecordedSnapshot) -> None:
        """Keep one more snapshot."""
        self.by_target.setdefault(target_id, []).append(snapshot)
        self.num_regions += len(snapshot)

    @property
    def num_snapshots(self) -> int:
        """Snapshots of all targets together."""
        return sum(map(len, self.by_target.values()))

    def recordings(self) -> list[Recording]:
        """Return what there is, target by target."""
        return [
            Recording(tuple(snapshots), self.sample_us, self.aggr_us, target_id)
            for target_id, snapshots in sorted(self.by_target.items())
        ]


@dataclass
class StopFlag:
    """Set by a signal; the loop looks at it."""

    signal_name: str = ""


@contextmanager
def catching_signals() -> Iterator[StopFlag]:
    """Let SIGINT and SIGTERM end the loop instead of the process, while the body runs."""
    flag = StopFlag()

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        flag.signal_name = signal.Signals(number).name

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class Watch:
    """Why a recording ends.

    Args:
        flag: Signals.
        target_ended: Whether what is watched has gone.
        seconds: Longest time; None is no limit.
        max_regions: Regions of all snapshots together that a reader accepts.
    """

    flag: StopFlag
    target_ended: Callable[[], bool]
    seconds: float | None
    max_regions: int = MAX_REGIONS

    def reason(self, passed_s: float, num_regions: int) -> str:
        """Return why to stop now, in words; empty to go on."""
        if self.flag.signal_name:
            return f"stopped by {self.flag.signal_name}"
        if self.seconds is not None and passed_s >= self.seconds:
            return f"{self.seconds:g} s are over"
        if num_regions >= self.max_regions:
            return f"{num_regions} regions are as many as a recording may hold"
        return "what was watched has ended" if self.target_ended() else ""


def collect(
    source: Source,
    watch: Watch,
    collected: Collected,
    *,
    save: Callable[[], None],
    show: Callable[[Collected, float], None],
) -> str:
    """Take snapshots until there is a reason to stop.

    Args:
        source: Where they come from.
        watch: Reasons.
        collected: Where they go.
        save: Called now and then, so that a crash does not cost everything.
        show: Called after each look, with the seconds passed.

    Returns:
        The reason, in words.
    """
    began_s = time.monotonic()
    save_at_s = FIRST_SAVE_S
    while True:
        passed_s = time.monotonic() - began_s
        reason = watch.reason(passed_s, collected.num_regions)
        for target_id, snapshot in source.poll():
            collected.add(target_id, snapshot)
        show(collected, passed_s)
        if reason:
            return reason
        if passed_s >= save_at_s:
            save()
            save_at_s *= 2
        time.sleep(source.wait_s)
