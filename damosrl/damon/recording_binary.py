"""Recordings in the binary format of old damo and of the kernel patches before 5.18 (v1, v2).

A file is, in little-endian order and without padding::

    16 bytes "damon_recfmt_ver", u32 version (1 or 2), then snapshots until the end:
    i64 seconds, i64 nanoseconds, u32 targets, and per target
        id (v1: i32, v2: u64), u32 regions, and per region u64 start, u64 end, u32 nr_accesses

There is no age: it reads as 0. The oldest files have no mark at their head; nothing in their
content tells them from noise, so they are not read. The recorder wrote whole buffers while it
ran, so a file that ends inside a snapshot is what an interrupted recording leaves: its whole
snapshots are kept, with a warning.
"""

import struct
import warnings

import numpy as np

from damosrl.damon.attrs import Intervals
from damosrl.damon.recorded import Columns, Recording, make_recording, require_room, start_at_ends
from damosrl.errors import RecordingError

MARK = b"damon_recfmt_ver"
_VERSION = struct.Struct("<I")
_HEAD = struct.Struct("<qqI")
_TARGETS = {1: struct.Struct("<iI"), 2: struct.Struct("<QI")}
_REGION = np.dtype([("start", "<u8"), ("end", "<u8"), ("nr_accesses", "<u4")])

_Targets = dict[int, Columns]


class CutRecordingWarning(UserWarning):
    """A recording ends inside a snapshot; what was whole before has been read."""


class _CutError(Exception):
    """The bytes end inside a snapshot."""


def parse_binary(
    content: bytes, name: str, intervals: Intervals | None, max_regions: int
) -> tuple[Recording, ...]:
    """Read one recording per target from binary records of version 1 or 2.

    Args:
        content: The whole file, which starts with `MARK`.
        name: The file's name, for messages.
        intervals: What was asked for; the kernel's defaults where None, as the file tells none.
        max_regions: Largest accepted number of regions.

    Raises:
        RecordingError: The version is unknown, no snapshot is whole, or a number is out of
            bounds; see also `damosrl.damon.recording.read_recording`.
    """
    asked = intervals or Intervals()
    target_form, place = _target_form(content, name)
    targets: _Targets = {}
    regions, snapshots = 0, 0
    while place < len(content):
        try:
            found, place = _snapshot(content, place, target_form)
        except _CutError:
            _tell_cut(name, snapshots, len(content) - place)
            break
        regions += sum(len(rows) for _, _, rows in found)
        require_room(name, regions, max_regions)
        _take(found, targets, asked.sample_us)
        snapshots += 1
    if not targets:
        raise RecordingError(f"{name} holds no snapshot", got="0 snapshots", fix="record longer")
    for columns in targets.values():
        start_at_ends(columns, asked)
    return tuple(make_recording(columns, name, asked) for columns in targets.values())


def _target_form(content: bytes, name: str) -> tuple[struct.Struct, int]:
    first = len(MARK) + _VERSION.size
    if len(content) < first:
        raise RecordingError(
            f"{name} is cut in the middle", got=f"{len(content)} bytes", fix="copy it again"
        )
    (version,) = _VERSION.unpack_from(content, len(MARK))
    if version not in _TARGETS:
        raise RecordingError(
            f"{name} is of an unknown version of the binary record format",
            got=version,
            allowed="1 or 2",
            fix="check that it is a DAMON recording",
        )
    return _TARGETS[version], first


def _snapshot(
    content: bytes, place: int, target_form: struct.Struct
) -> tuple[list[tuple[int, int, np.ndarray]], int]:
    """Return ``(end_ns, target id, regions)`` of each target, and where the next one begins.

    Counts are believed only as far as bytes follow them, so a hostile one costs no memory.
    """
    seconds, nanoseconds, num_targets = _take_struct(_HEAD, content, place)
    place += _HEAD.size
    found = []
    for _ in range(num_targets):
        target_id, num_regions = _take_struct(target_form, content, place)
        place += target_form.size
        if num_regions * _REGION.itemsize > len(content) - place:
            raise _CutError
        rows = np.frombuffer(content, _REGION, num_regions, place)
        place += rows.nbytes
        found.append((seconds * 10**9 + nanoseconds, target_id, rows))
    return found, place


def _take_struct(form: struct.Struct, content: bytes, place: int) -> tuple[int, ...]:
    if place + form.size > len(content):
        raise _CutError
    return form.unpack_from(content, place)


def _take(found: list[tuple[int, int, np.ndarray]], targets: _Targets, sample_us: int) -> None:
    for end_ns, target_id, rows in found:
        columns = targets.setdefault(target_id, Columns(target_id=target_id))
        columns.end_ns.append(end_ns)
        columns.sample_us.append(sample_us)
        columns.count.append(len(rows))
        columns.start.extend(rows["start"].tolist())
        columns.end.extend(rows["end"].tolist())
        columns.nr_accesses.extend(rows["nr_accesses"].tolist())
        columns.age.extend([0] * len(rows))


def _tell_cut(name: str, snapshots: int, left_bytes: int) -> None:
    if not snapshots:
        raise RecordingError(
            f"{name} is cut in the middle",
            got="an end inside the first snapshot",
            fix="copy it again",
        )
    warnings.warn(
        f"{name} is cut in the middle: {snapshots} whole snapshots are kept, "
        f"{left_bytes} bytes after them are not",
        CutRecordingWarning,
        stacklevel=4,
    )
