"""The binary record format, versions 1 and 2: whole, cut, hostile."""

import struct
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damosrl.damon.attrs import Intervals
from damosrl.damon.recording import read_recording, read_recordings
from damosrl.damon.recording_binary import CutRecordingWarning
from damosrl.errors import RecordingError

Region = tuple[int, int, int]
Snapshots = list[tuple[int, dict[int, list[Region]]]]

FIRST: Snapshots = [
    (5_000_000_100, {7: [(4096, 8192, 3), (8192, 20480, 0)]}),
    (5_100_000_100, {7: [(4096, 20480, 1)]}),
    (5_210_000_100, {7: [(4096, 8192, 20), (12288, 20480, 2)]}),
]


def _encode(snapshots: Snapshots, version: int = 2) -> bytes:
    parts = [b"damon_recfmt_ver", struct.pack("<I", version)]
    for time_ns, targets in snapshots:
        parts.append(struct.pack("<qqI", time_ns // 10**9, time_ns % 10**9, len(targets)))
        for target, regions in targets.items():
            parts.append(struct.pack("<QI" if version == 2 else "<iI", target, len(regions)))
            parts.extend(struct.pack("<QQI", *region) for region in regions)
    return b"".join(parts)


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "damon.data"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("version", [1, 2])
def test_both_versions_give_the_same_snapshots(tmp_path: Path, version: int) -> None:
    """Both versions give the same snapshots."""
    recording = read_recording(_file(tmp_path, _encode(FIRST, version)))
    assert recording.target_id == 7
    assert [snapshot.end_ns for snapshot in recording.snapshots] == [time for time, _ in FIRST]
    assert recording.snapshots[1].start_ns == recording.snapshots[0].end_ns
    last = recording.snapshots[2]
    assert last.start.tolist() == [4096, 12288]
    assert last.end.tolist() == [8192, 20480]
    assert last.nr_accesses.tolist() == [20, 2]
    assert last.age.tolist() == [0, 0]


def test_the_first_snapshot_is_as_long_as_the_mean(tmp_path: Path) -> None:
    """The first snapshot is as long as the mean."""
    recording = read_recording(_file(tmp_path, _encode(FIRST)))
    assert recording.snapshots[0].interval_s == pytest.approx(0.105)


def test_each_target_is_a_record(tmp_path: Path) -> None:
    """Each target is a record."""
    both = [(time, {**targets, 2**40: [(0, 4096, 1)]}) for time, targets in FIRST]
    recordings = read_recordings(_file(tmp_path, _encode(both)))
    assert [recording.target_id for recording in recordings] == [7, 2**40]
    assert recordings[1].num_regions == 3


@pytest.mark.parametrize("missing", [1, 19, 40, 53])
def test_a_cut_file_keeps_its_whole_snapshots_and_warns(tmp_path: Path, missing: int) -> None:
    """A cut file keeps its whole snapshots and warns."""
    path = _file(tmp_path, _encode(FIRST)[:-missing])
    with pytest.warns(CutRecordingWarning, match="2 whole snapshots are kept"):
        recording = read_recording(path)
    assert len(recording.snapshots) == 2


@pytest.mark.parametrize("length", [16, 19, 20, 30, 50])
def test_a_file_cut_before_its_first_whole_snapshot_is_refused(tmp_path: Path, length: int) -> None:
    """A file cut before its first whole snapshot is refused."""
    path = _file(tmp_path, _encode(FIRST)[:length])
    with pytest.raises(RecordingError, match=r"cut in the middle|no snapshot"):
        read_recording(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (_encode([], 2) + struct.pack("<qqI", 1, 0, 2**32 - 1), "cut"),
        (_encode([], 2) + struct.pack("<qqIQI", 1, 0, 1, 7, 2**32 - 1), "cut"),
        (b"damon_recfmt_ver" + struct.pack("<I", 3), "unknown version.*got 3; allowed: 1 or 2"),
        (_encode([(10, {1: [(8192, 4096, 1)]})]), "reversed"),
        (_encode([(10, {1: [(0, 4096, 21)]})]), "more accesses than samples"),
        (_encode([(20, {1: [(0, 4096, 2)]}), (10, {1: [(0, 4096, 2)]})]), "backwards"),
    ],
    ids=["targets", "regions", "version", "reversed", "accesses", "time"],
)
def test_hostile_content_is_refused_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    """Hostile content is refused in one line."""
    with pytest.raises(RecordingError, match=says) as caught:
        read_recording(_file(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_more_regions_than_the_limit_are_refused(tmp_path: Path) -> None:
    """More regions than the limit are refused."""
    with pytest.raises(RecordingError, match="more regions than the limit"):
        read_recording(_file(tmp_path, _encode(FIRST)), max_regions=4)


def test_intervals_can_be_given(tmp_path: Path) -> None:
    """Intervals can be given."""
    path = _file(tmp_path, _encode([(10**9, {1: [(0, 4096, 60)]})]))
    recording = read_recording(path, intervals=Intervals(1_000, 100_000))
    assert recording.samples_per_aggregation == 100
    assert recording.snapshots[0].interval_s == pytest.approx(0.1)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=200), st.sampled_from([1, 2]))
def test_noise_behind_the_head_gives_a_recording_or_one_error(
    tmp_path: Path, noise: bytes, version: int
) -> None:
    """Noise behind the head gives a recording or one error."""
    path = _file(tmp_path, _encode([], version) + noise)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CutRecordingWarning)
        try:
            assert read_recordings(path)
        except RecordingError as error:
            assert "\n" not in str(error)  # noqa: PT017  either outcome is right
