"""Recordings: three formats in, two out, nothing lost."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damosrl.damon import Intervals
from damosrl.damon.recorded import Columns, make_recording
from damosrl.damon.recording import (
    FileFormat,
    RecordedSnapshot,
    Recording,
    read_recording,
    read_recordings,
    write_recording,
)
from damosrl.errors import RecordingError
from damosrl.paths import recordings_dir

SHIPPED = {
    "graph": (462, 42_290),
    "kvzipf": (874, 18_928),
    "phases": (1086, 25_410),
    "stencil_thp": (636, 10_755),
    "xz": (682, 14_473),
}

SNAPSHOTS = st.lists(
    st.tuples(
        st.integers(1, 10**9),
        st.lists(st.integers(0, 2**52), min_size=2, max_size=12, unique=True),
        st.integers(0, 20),
        st.integers(0, 2**32 - 1),
        st.sampled_from([5_000, 7_000]),
    ),
    min_size=1,
    max_size=6,
)


def _recording(rows: list[tuple[int, list[int], int, int, int]], target_id: int = 0) -> Recording:
    """Build a valid recording: interval, borders, count, age and sampling interval per row."""
    columns, now = Columns(target_id=target_id), 10**12
    for interval_ns, borders, accesses, age, sample_us in rows:
        borders.sort()
        pairs = list(zip(borders[::2], borders[1::2], strict=False))
        columns.start_ns.append(now)
        now += interval_ns
        columns.end_ns.append(now)
        columns.sample_us.append(sample_us)
        columns.count.append(len(pairs))
        columns.start += [pair[0] for pair in pairs]
        columns.end += [pair[1] for pair in pairs]
        columns.nr_accesses += [accesses] * len(pairs)
        columns.age += [age] * len(pairs)
    return make_recording(columns, "a drawn recording", Intervals())


def _same_snapshot(left: RecordedSnapshot, right: RecordedSnapshot) -> bool:
    times = ("start_ns", "end_ns", "sample_us")
    arrays = ("start", "end", "nr_accesses", "age")
    return all(getattr(left, name) == getattr(right, name) for name in times) and all(
        np.array_equal(getattr(left, name), getattr(right, name))
        and getattr(left, name).dtype == getattr(right, name).dtype
        for name in arrays
    )


def _same(left: Recording, right: Recording) -> bool:
    return (
        (left.sample_us, left.aggr_us, left.target_id)
        == (right.sample_us, right.aggr_us, right.target_id)
        and len(left.snapshots) == len(right.snapshots)
        and all(map(_same_snapshot, left.snapshots, right.snapshots))
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recordings_can_be_read(name: str) -> None:
    """Every shipped recording has the snapshots its description says, in valid regions."""
    recording = read_recording(recordings_dir() / f"{name}.damon.json.z")
    assert (len(recording.snapshots), recording.num_regions) == SHIPPED[name]
    assert recording.samples_per_aggregation == 20
    assert 60 < recording.duration_s < 130
    first = recording.snapshots[0]
    assert first.start.dtype == first.end.dtype == np.uint64
    assert first.nr_accesses.dtype == first.age.dtype == np.uint32
    assert 0.05 < np.median([snapshot.interval_s for snapshot in recording.snapshots]) < 0.2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(SNAPSHOTS, st.sampled_from(["json", "json_compressed"]), st.integers(0, 5))
def test_what_is_written_is_read_back(
    tmp_path: Path,
    rows: list[tuple[int, list[int], int, int, int]],
    file_format: FileFormat,
    target_id: int,
) -> None:
    """Both written formats lose nothing: times, intervals, 64-bit addresses, 32-bit counts."""
    recording = _recording(rows, target_id)
    write_recording(recording, tmp_path / "recording", file_format)
    assert _same(read_recording(tmp_path / "recording"), recording)
    assert [item.name for item in tmp_path.iterdir()] == ["recording"]


def _line(second: float, regions: int, first: int, last: int, counts: str, target: int = 0) -> str:
    return (
        f"kdamond.0  4452 [000] {second:.6f}: damon:damon_aggregated: "
        f"target_id={target} nr_regions={regions} {first}-{last}: {counts}\n"
    )


TRACE = (
    "# a comment of the tracer\n"
    + _line(10.1, 2, 4096, 8192, "3 7")
    + _line(10.100002, 2, 8192, 20480, "0 1")
    + "kdamond.0  4452 [000] 10.15: damon:damon_monitor_intervals_tune: sample_us=10000\n"
    + _line(10.3, 1, 4096, 20480, "20 0")
)


def _write(folder: Path, content: str | bytes, name: str = "recording.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_tracepoint_text_becomes_snapshots(tmp_path: Path) -> None:
    """Lines are grouped by nr_regions; the first snapshot gets the mean interval as its length."""
    recording = read_recording(_write(tmp_path, TRACE))
    first, second = recording.snapshots
    assert first.start.tolist() == [4096, 8192]
    assert first.end.tolist() == [8192, 20480]
    assert first.nr_accesses.tolist() == [3, 0]
    assert first.age.tolist() == [7, 1]
    assert (first.start_ns, first.end_ns) == (9_900_000_000, 10_100_000_000)
    assert (second.start_ns, second.end_ns) == (10_100_000_000, 10_300_000_000)
    assert (first.sample_us, second.sample_us) == (5_000, 10_000)
    assert (recording.sample_us, recording.aggr_us) == (5_000, 100_000)


def test_the_intervals_of_tracepoint_text_can_be_given(tmp_path: Path) -> None:
    """The text does not tell the intervals, so that the user can."""
    path = _write(tmp_path, _line(10.1, 1, 4096, 8192, "40 7"))
    recording = read_recording(path, intervals=Intervals(5_000, 200_000))
    assert recording.samples_per_aggregation == 40
    assert recording.snapshots[0].interval_s == 0.2


def test_the_fake_last_snapshot_gives_the_first_its_length(tmp_path: Path) -> None:
    """A lone snapshot is followed by one with counts of -1, which is no memory."""
    text = _line(10.0, 1, 4096, 8192, "3 7") + _line(10.4, 1, 0, 0, "-1 -1")
    (snapshot,) = read_recording(_write(tmp_path, text)).snapshots
    assert (snapshot.start_ns, snapshot.end_ns) == (9_600_000_000, 10_000_000_000)
    assert snapshot.start.tolist() == [4096]


def test_early_kernels_report_no_age(tmp_path: Path) -> None:
    """Lines without age are read with age 0."""
    (snapshot,) = read_recording(_write(tmp_path, _line(1.5, 1, 0, 4096, "3"))).snapshots
    assert snapshot.age.tolist() == [0]


def test_targets_are_kept_apart(tmp_path: Path) -> None:
    """Lines of several targets give one recording each, and the reader must choose."""
    text = "".join(
        _line(second, 1, 4096 * (target + 1), 65536, "1 1", target)
        for second in (1.0, 2.0)
        for target in (0, 3)
    )
    path = _write(tmp_path, text)
    first, second = read_recordings(path)
    assert (first.target_id, second.target_id) == (0, 3)
    assert _same(read_recording(path, record=1), second)
    with pytest.raises(RecordingError, match=r"holds 2 records: got record=None; allowed: .*0..1"):
        read_recording(path)
    with pytest.raises(RecordingError, match="got record=2"):
        read_recording(path, record=2)


def test_both_formats_of_many_records_are_equal(tmp_path: Path) -> None:
    """Records of several targets survive a change of format."""
    text = "".join(_line(1.0 + place, 1, 0, 4096, "1 1", place % 2) for place in range(6))
    recordings = read_recordings(_write(tmp_path, text))
    write_recording(recordings, tmp_path / "copy")
    assert zlib.decompress((tmp_path / "copy").read_bytes()).startswith(b"[")
    assert all(map(_same, read_recordings(tmp_path / "copy"), recordings))


def test_other_units_of_other_writers_are_understood(tmp_path: Path) -> None:
    """Counts in per cent, ages in time, bare numbers and missing intervals are read."""
    text = """[{"target_id": null, "intervals": null, "snapshots": [{
        "start_time": 1, "end_time": "2,000", "regions": [
        {"start": 0, "end": "4,096", "nr_accesses": {"percent": 55}, "age": {"usec": "1 s"}},
        {"start": 4096, "end": 8192.0, "nr_accesses": {"samples": "7"}, "age": null}]}]}]"""
    recording = read_recording(_write(tmp_path, text))
    assert recording.snapshots[0].nr_accesses.tolist() == [11, 7]
    assert recording.snapshots[0].age.tolist() == [10, 0]
    assert recording.snapshots[0].end_ns == 2000


def test_a_folder_that_cannot_be_written_is_a_user_error(tmp_path: Path) -> None:
    """Nothing is left behind where a recording cannot be written."""
    recording = _recording([(1, [0, 1], 0, 0, 5_000)])
    with pytest.raises(RecordingError, match="cannot write"):
        write_recording(recording, tmp_path / "missing" / "recording")
    (tmp_path / "taken").mkdir()
    with pytest.raises(RecordingError, match="cannot write"):
        write_recording(recording, tmp_path / "taken")
    assert [item.name for item in tmp_path.iterdir()] == ["taken"]


def test_a_written_recording_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The file has permission 0600, even where an older one was open to all."""
    recording = read_recording(recordings_dir() / "xz.damon.json.z")
    path = tmp_path / "recording"
    for leftover in (path, path.with_name("recording.part")):
        leftover.write_bytes(b"old")
        leftover.chmod(0o644)
    write_recording(recording, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["recording"]
