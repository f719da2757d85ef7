"""Recordings as JSON, in the layout of damo 3.4.3: a list of records of snapshots of regions."""

from collections.abc import Sequence
from typing import Any

import msgspec

from damosrl.damon import units
from damosrl.damon.attrs import Intervals
from damosrl.damon.recorded import (
    Columns,
    RecordedSnapshot,
    Recording,
    make_recording,
    require_room,
)
from damosrl.errors import RecordingError, UnitError

Number = int | float | str


class _NrAccesses(msgspec.Struct):
    samples: Number | None = None
    percent: Number | None = None


class _Age(msgspec.Struct):
    aggr_intervals: Number | None = None
    usec: Number | None = None


class _Region(msgspec.Struct):
    start: Number
    end: Number
    nr_accesses: _NrAccesses
    age: _Age | None = None


class _Snapshot(msgspec.Struct):
    start_time: Number
    end_time: Number
    regions: list[_Region]
    sample_interval_us: Number | None = None


class _Intervals(msgspec.Struct):
    sample_us: Number = 5_000
    aggr_us: Number = 100_000


class _Record(msgspec.Struct):
    snapshots: list[_Snapshot]
    intervals: _Intervals | None = None
    target_id: int | None = None


_DECODER = msgspec.json.Decoder(list[_Record])


def parse_json(
    text: bytes, name: str, intervals: Intervals | None, max_regions: int
) -> tuple[Recording, ...]:
    """Read all records of a JSON text that hold snapshots.

    Raises:
        RecordingError: See `damosrl.damon.recording.read_recording`.
    """
    records = [record for record in _decode(text, name) if record.snapshots]
    if not records:
        raise RecordingError(
            f"{name} holds no snapshot", got="0 snapshots", allowed="1 or more", fix="record longer"
        )
    regions = sum(len(item.regions) for record in records for item in record.snapshots)
    require_room(name, regions, max_regions)
    try:
        return tuple(_recording(record, name, intervals) for record in records)
    except (ValueError, OverflowError, UnitError) as error:
        raise RecordingError(
            f"{name} holds no number where one belongs", got=str(error), fix="mend the file"
        ) from error


def _decode(text: bytes, name: str) -> list[_Record]:
    try:
        return _DECODER.decode(text)
    except msgspec.ValidationError as error:
        raise RecordingError(
            f"{name} is no DAMON recording",
            got=str(error),
            allowed="a list of records with snapshots of regions",
            fix="record with `damo record`",
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if "truncated" in str(error):
            raise RecordingError(
                f"{name} is cut in the middle",
                got=f"{len(text)} bytes of JSON",
                fix="copy it again",
            ) from error
        raise RecordingError(f"{name} is no JSON", got=str(error), fix="mend the file") from error


def _recording(record: _Record, name: str, given: Intervals | None) -> Recording:
    intervals = given
    if intervals is None:
        said = record.intervals or _Intervals()
        intervals = Intervals(
            sample_us=units.parse_time_us(said.sample_us), aggr_us=units.parse_time_us(said.aggr_us)
        )
    samples = intervals.samples_per_aggregation
    columns = Columns(target_id=record.target_id or 0)
    for snapshot in record.snapshots:
        columns.start_ns.append(_integer(snapshot.start_time))
        columns.end_ns.append(_integer(snapshot.end_time))
        tuned = snapshot.sample_interval_us
        columns.sample_us.append(
            intervals.sample_us if tuned is None else units.parse_time_us(tuned)
        )
        columns.count.append(len(snapshot.regions))
        for region in snapshot.regions:
            columns.start.append(_integer(region.start))
            columns.end.append(_integer(region.end))
            columns.nr_accesses.append(_accesses(region.nr_accesses, samples))
            columns.age.append(_age(region.age, intervals.aggr_us))
    return make_recording(columns, name, intervals)


def _integer(value: Number) -> int:
    if isinstance(value, str):
        return int(value.replace(",", ""))
    return int(value)


def _accesses(value: _NrAccesses, samples: int) -> int:
    if value.samples is not None:
        return _integer(value.samples)
    if value.percent is None:
        raise ValueError("nr_accesses without samples and percent")
    return units.parse_nr_accesses(value.percent, samples)


def _age(value: _Age | None, aggr_us: int) -> int:
    """Return the age in intervals; the oldest kernels report none, which is 0."""
    if value is None:
        return 0
    if value.aggr_intervals is not None:
        return _integer(value.aggr_intervals)
    return 0 if value.usec is None else units.parse_age(value.usec, aggr_us)


def to_json(recordings: Sequence[Recording], *, indent: bool = True) -> bytes:
    """Return the JSON text of records; damo and `parse_json` read it back exactly.

    Args:
        recordings: Records.
        indent: Lay it out for people, as damo does; without, it is shorter and done sooner.
    """
    text = msgspec.json.encode([_record_mapping(recording) for recording in recordings])
    return msgspec.json.format(text, indent=4) if indent else text


def _record_mapping(recording: Recording) -> dict[str, Any]:
    return {
        "kdamond_idx": 0,
        "context_idx": 0,
        "intervals": {
            "sample_us": str(recording.sample_us),
            "aggr_us": str(recording.aggr_us),
            "ops_update_us": "1000000",
            "intervals_goal": {
                "access_bp": "0.000000",
                "aggrs": "0",
                "min_sample_us": "0",
                "max_sample_us": "0",
            },
        },
        "scheme_idx": None,
        "target_id": recording.target_id,
        "scheme_filters": [],
        "snapshots": [
            _snapshot_mapping(snapshot, recording.sample_us) for snapshot in recording.snapshots
        ],
    }


def _snapshot_mapping(snapshot: RecordedSnapshot, sample_us: int) -> dict[str, Any]:
    tuned = None if snapshot.sample_us == sample_us else str(snapshot.sample_us)
    return {
        "start_time": str(snapshot.start_ns),
        "end_time": str(snapshot.end_ns),
        "regions": msgspec.Raw(_regions_text(snapshot)),
        "total_bytes": str(sum((snapshot.end - snapshot.start).tolist())),
        "damos_stats": None,
        "sample_interval_us": tuned,
    }


def _regions_text(snapshot: RecordedSnapshot) -> bytes:
    """Return the JSON of the regions; written at once, as there are ten thousand a second."""
    columns = (snapshot.start, snapshot.end, snapshot.nr_accesses, snapshot.age)
    regions = (
        f'{{"start":"{start:,}","end":"{end:,}",'
        f'"nr_accesses":{{"samples":{accesses},"percent":null}},'
        f'"age":{{"usec":null,"aggr_intervals":"{age:,}"}},'
        f'"probe_hits":[],"sz_filter_passed":"0 B"}}'
        for start, end, accesses, age in zip(*(column.tolist() for column in columns), strict=True)
    )
    return f"[{','.join(regions)}]".encode()
