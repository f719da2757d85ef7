"""DAMON recordings in files: read in four formats, written in two.

The formats are those of the user tool damo (3.4.3): ``json``, ``json_compressed`` (zlib of the
same text) and ``perf_script`` (text of the ``damon_aggregated`` tracepoint); and the binary
record format of its first years, versions 1 and 2. A file's format is found by its content,
never by its name.
"""

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from damosrl.damon.attrs import Intervals
from damosrl.damon.recorded import RecordedSnapshot, Recording
from damosrl.damon.recording_binary import MARK, parse_binary
from damosrl.damon.recording_json import parse_json, to_json
from damosrl.damon.recording_perf import EVENT, parse_perf_script
from damosrl.errors import RecordingError

__all__ = [
    "MAX_REGIONS",
    "MAX_TEXT_BYTES",
    "FileFormat",
    "RecordedSnapshot",
    "Recording",
    "read_recording",
    "read_recordings",
    "write_recording",
]

MAX_REGIONS = 5_000_000
"""Regions of all snapshots together that are read unless another limit is given (120 MB)."""

MAX_TEXT_BYTES = 2**30
"""Largest text that is read or unpacked: a small compressed file must not fill the memory."""

FileFormat = Literal["json_compressed", "json"]


def read_recording(
    path: Path | str,
    *,
    record: int | None = None,
    intervals: Intervals | None = None,
    max_regions: int = MAX_REGIONS,
) -> Recording:
    """Read the recording of one target.

    Args:
        path: A file in one of the four formats.
        record: Which of the file's records with snapshots, counted from 0; None where there is
            only one.
        intervals: Intervals that were asked for; overrides what the file says. A file that says
            nothing (tracepoint text, binary records) was made with the kernel's defaults unless
            given here.
        max_regions: Largest accepted number of regions of all snapshots together.

    Raises:
        RecordingError: The file cannot be read, is empty, cut, or in no known format; it holds
            no snapshot, overlapping or reversed regions, times going backwards, more accesses
            than samples, more regions than the limit; or several records and none was chosen.

    Example:
        >>> from damosrl.paths import recordings_dir
        >>> len(read_recording(recordings_dir() / "xz.damon.json.z").snapshots)
        682
    """
    recordings = read_recordings(path, intervals=intervals, max_regions=max_regions)
    if record is None and len(recordings) == 1:
        return recordings[0]
    if record is None or not 0 <= record < len(recordings):
        raise RecordingError(
            f"{path} holds {len(recordings)} records",
            got=f"record={record}",
            allowed=f"record=0..{len(recordings) - 1}",
            fix="choose one of them",
        )
    return recordings[record]


def read_recordings(
    path: Path | str, *, intervals: Intervals | None = None, max_regions: int = MAX_REGIONS
) -> tuple[Recording, ...]:
    """Read all records of a file that hold snapshots; arguments as for `read_recording`."""
    name = str(path)
    content = _content(Path(path))
    if content.startswith(MARK):
        return parse_binary(content, name, intervals, max_regions)
    text = _text(content, name)
    if text.lstrip()[:1] in (b"[", b"{"):
        return parse_json(text, name, intervals, max_regions)
    if EVENT in text:
        return parse_perf_script(text, name, intervals, max_regions)
    if name.endswith(".z"):
        raise RecordingError(
            f"{name} is not zlib", got=f"it starts with {text[:8]!r}", fix="copy it again"
        )
    raise RecordingError(
        f"{name} is no DAMON recording",
        got=f"it starts with {text[:8]!r}",
        allowed="damo's json, json_compressed or binary records, or text of damon_aggregated",
        fix="record with `damo record`",
    )


def write_recording(
    recordings: Recording | Sequence[Recording],
    path: Path | str,
    file_format: FileFormat = "json_compressed",
) -> None:
    """Write records so that damo and `read_recordings` read them back exactly.

    The file appears only when it is complete; an older one of that name is replaced. Only its
    owner may read it (permission 0600): addresses of a process are nobody else's business.

    Raises:
        RecordingError: It cannot be written.
    """
    records = [recordings] if isinstance(recordings, Recording) else recordings
    packed = file_format == "json_compressed"
    text = to_json(records, indent=not packed)
    target = Path(path)
    partial = target.with_name(f"{target.name}.part")
    try:
        _write_private(partial, zlib.compress(text) if packed else text)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RecordingError(
            f"cannot write {target}", got=error.strerror, fix="check the folder and its space"
        ) from error


def _write_private(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)  # of an older file that a crash left behind, too
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise _too_large(str(path))
        return path.read_bytes()
    except OSError as error:
        raise RecordingError(
            f"cannot read {path}", got=error.strerror, fix="check the path"
        ) from error


def _text(content: bytes, name: str) -> bytes:
    if not content.strip():
        raise RecordingError(f"{name} is empty", got=f"{len(content)} bytes", fix="record again")
    if content.startswith(b"PERFILE2"):
        raise RecordingError(
            f"{name} is raw perf data", fix=f"run `perf script -i {name} > recording.txt` first"
        )
    if content.startswith(b"\x1f\x8b"):
        raise RecordingError(f"{name} is gzip, not zlib", fix="unpack it with gunzip first")
    is_zlib = content[0] & 0x0F == 8 and int.from_bytes(content[:2], "big") % 31 == 0
    return _unpacked(content, name) if is_zlib else content


def _unpacked(content: bytes, name: str) -> bytes:
    """Unpack zlib (RFC 1950: method 8, the first two bytes divide by 31)."""
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(content, MAX_TEXT_BYTES)
    except zlib.error as error:
        raise RecordingError(
            f"{name} is damaged or not zlib", got=str(error), fix="copy it again"
        ) from error
    if stream.unconsumed_tail:
        raise _too_large(name)
    if not stream.eof:
        raise RecordingError(
            f"{name} is cut in the middle",
            got=f"{len(content)} bytes without an end",
            fix="copy it again",
        )
    if stream.unused_data:
        raise RecordingError(
            f"{name} holds more than one recording",
            got=f"{len(stream.unused_data)} bytes after the end",
            fix="split the file",
        )
    return text


def _too_large(name: str) -> RecordingError:
    return RecordingError(
        f"{name} is too large",
        got=f"more than {MAX_TEXT_BYTES} bytes of text",
        allowed=f"up to {MAX_TEXT_BYTES}",
        fix="cut the recording",
    )
