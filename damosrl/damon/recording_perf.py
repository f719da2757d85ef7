"""Recordings as text of the ``damon_aggregated`` tracepoint: perf script, trace-cmd, ftrace.

Each line tells one region; a snapshot is as many lines of one target as ``nr_regions`` says
(include/trace/events/damon.h, kernel 7.3).
"""

import re
from dataclasses import dataclass, field

from damosrl.damon.attrs import Intervals
from damosrl.damon.recorded import Columns, Recording, make_recording, require_room, start_at_ends
from damosrl.errors import RecordingError

EVENT = b"damon_aggregated:"
_TUNE_EVENT = b"damon_monitor_intervals_tune:"
_AGGREGATED = re.compile(
    rb"(?:.*\s)?(\d+)\.(\d+):\s+(?:damon:)?damon_aggregated:\s+target_id=(\d+)\s+nr_regions=(\d+)"
    rb"\s+(\d+)-(\d+):\s+(-?\d+)(?:\s+(-?\d+))?\s*"
)
_TUNED = re.compile(rb"sample_us=(\d+)")
_FAKE = -1
"""Count and age of the extra snapshot that damo appends so that a lone one has a start."""


@dataclass(slots=True)
class _Target:
    """A record while its lines are read; ``missing`` lines complete the present snapshot."""

    columns: Columns
    missing: int = 0
    fake: bool = field(default=False)


def parse_perf_script(
    text: bytes, name: str, intervals: Intervals | None, max_regions: int
) -> tuple[Recording, ...]:
    """Read one recording per target from tracepoint text.

    Args:
        text: Lines; those of other events are skipped.
        name: The file's name, for messages.
        intervals: What was asked for; the kernel's defaults where None, as the text tells only
            changes by tuning.
        max_regions: Largest accepted number of region lines.

    Raises:
        RecordingError: See `damosrl.damon.recording.read_recording`.
    """
    asked = intervals or Intervals()
    targets: dict[int, _Target] = {}
    sample_us, regions = asked.sample_us, 0
    for number, line in enumerate(text.splitlines(), start=1):
        if EVENT in line:
            regions += 1
            require_room(name, regions, max_regions)
            _take_line(line, targets, sample_us, f"line {number} of {name}")
        elif _TUNE_EVENT in line and (tuned := _TUNED.search(line)):
            sample_us = int(tuned[1])
    for target in targets.values():
        if target.missing:
            raise RecordingError(
                f"{name} is cut in the middle",
                got=f"{target.missing} regions of the last snapshot are missing",
                fix="copy it again, or remove the last snapshot",
            )
        _close(target.columns, target.fake, asked)
    return tuple(make_recording(target.columns, name, asked) for target in targets.values())


def _take_line(line: bytes, targets: dict[int, _Target], sample_us: int, where: str) -> None:
    match = _AGGREGATED.fullmatch(line)
    if match is None:
        raise RecordingError(
            f"{where} is damaged or cut",
            got=repr(line[-60:].decode(errors="replace")),
            allowed="SECONDS: damon:damon_aggregated: target_id=T nr_regions=N START-END: A AGE",
            fix="copy it again, or remove the line",
        )
    seconds, fraction, *numbers = match.groups()
    target_id, nr_regions, start, end, accesses, age = (int(item or 0) for item in numbers)
    target = targets.setdefault(target_id, _Target(Columns(target_id=target_id)))
    columns = target.columns
    if not target.missing:
        columns.end_ns.append(int(seconds) * 10**9 + int(fraction.ljust(9, b"0")[:9]))
        columns.sample_us.append(sample_us)
        columns.count.append(nr_regions)
        target.missing = nr_regions
    if nr_regions != columns.count[-1] or not nr_regions:
        raise RecordingError(
            f"a snapshot is incomplete before {where}",
            got=f"nr_regions={nr_regions} while {target.missing} of {columns.count[-1]} missed",
            allowed="as many lines per snapshot as nr_regions says",
            fix="record again with larger trace buffers",
        )
    target.missing -= 1
    target.fake = accesses == _FAKE
    columns.start.append(start)
    columns.end.append(end)
    columns.nr_accesses.append(accesses)
    columns.age.append(age)


def _close(columns: Columns, fake: bool, intervals: Intervals) -> None:
    """Give snapshots their starts, and drop a made-up last one."""
    start_at_ends(columns, intervals)
    if fake and len(columns.end_ns) > 1:
        for column in (columns.start, columns.end, columns.nr_accesses, columns.age):
            column.pop()
        for column in (columns.start_ns, columns.end_ns, columns.sample_us, columns.count):
            column.pop()
