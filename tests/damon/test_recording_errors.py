"""Recordings that cannot be used: one line each, saying what is wrong."""

import copy
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damosrl.damon import recording as recording_module
from damosrl.damon.recording import read_recording
from damosrl.errors import RecordingError
from damosrl.paths import recordings_dir


def _region(start: object, end: object, samples: object = 1, age: object = "2") -> dict[str, Any]:
    return {
        "start": start,
        "end": end,
        "nr_accesses": {"samples": samples, "percent": None},
        "age": {"usec": None, "aggr_intervals": age},
    }


def _snapshot(start: object, end: object, *regions: dict[str, Any]) -> dict[str, Any]:
    return {"start_time": start, "end_time": end, "regions": list(regions)}


GOOD: list[dict[str, Any]] = [
    {
        "target_id": 0,
        "intervals": {"sample_us": "5000", "aggr_us": "100000"},
        "snapshots": [
            _snapshot("0", "100", _region("0", "4,096"), _region("4,096", "12,288")),
            _snapshot("100", "200", _region("0", "12,288")),
            _snapshot("200", "300", _region("0", "8,192"), _region("8,192", "12,288")),
        ],
    }
]


def _with(snapshot: int, value: dict[str, Any]) -> bytes:
    changed = copy.deepcopy(GOOD)
    changed[0]["snapshots"][snapshot] = value
    return json.dumps(changed).encode()


def _line(second: str, regions: int, addresses: str, counts: str = "1 2") -> str:
    return (
        f"kdamond.0 7 [000] {second}: damon:damon_aggregated: "
        f"target_id=0 nr_regions={regions} {addresses}: {counts}\n"
    )


JSON = json.dumps(GOOD).encode()
PACKED = zlib.compress(JSON)
TWO = _line("1.0", 2, "0-4096") + _line("1.0", 2, "4096-8192")

BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n", "is empty"),
    "zlib cut": (PACKED[: len(PACKED) // 2], "is cut in the middle"),
    "zlib cut at the end": (PACKED[:-1], "is cut in the middle"),
    "zlib damaged": (PACKED[:40] + b"\x00\xff\x00" + PACKED[43:], "is damaged or not zlib"),
    "zlib of nothing": (zlib.compress(b"[]"), "holds no snapshot"),
    "zlib twice": (PACKED + PACKED, "more than one recording"),
    "zlib of noise": (zlib.compress(b"noise"), "is no DAMON recording"),
    "gzip": (b"\x1f\x8b\x08\x00rest", "is gzip"),
    "raw perf": (b"PERFILE2rest", "perf script -i"),
    "noise": (b"\x00\x01\x02", "is no DAMON recording"),
    "json cut": (JSON[: len(JSON) // 2], "is cut in the middle"),
    "no json": (b"[{]}", "is no JSON"),
    "other json": (b'{"kdamonds": []}', "is no DAMON recording"),
    "json without regions": (
        b'[{"snapshots": [{"start_time": 1, "end_time": 2}]}]',
        "missing required field `regions`",
    ),
    "zero records": (b"[]", "holds no snapshot"),
    "zero snapshots": (b'[{"target_id": 0, "snapshots": []}]', "holds no snapshot"),
    "no regions": (
        b'[{"snapshots": [{"start_time": 1, "end_time": 2, "regions": []}]}]',
        "holds no region",
    ),
    "reversed region": (
        _with(1, _snapshot("100", "200", _region("12,288", "0"))),
        "a region is reversed or empty in snapshot 1 .*got 12288-0",
    ),
    "empty region": (
        _with(0, _snapshot("0", "100", _region("4096", "4096"))),
        "a region is reversed or empty in snapshot 0",
    ),
    "overlapping regions": (
        _with(2, _snapshot("200", "300", _region("0", "8192"), _region("4096", "12288"))),
        "regions overlap or are unsorted in snapshot 2 .*got 0-8192 before 4096-12288",
    ),
    "unsorted regions": (
        _with(0, _snapshot("0", "100", _region("8192", "12288"), _region("0", "4096"))),
        "regions overlap or are unsorted in snapshot 0",
    ),
    "time backwards": (
        _with(1, _snapshot("50", "90", _region("0", "4096"))),
        "times go backwards in snapshot 1",
    ),
    "start backwards": (
        _with(2, _snapshot("50", "300", _region("0", "4096"))),
        "times go backwards in snapshot 2",
    ),
    "time standing still": (
        _with(0, _snapshot("100", "100", _region("0", "4096"))),
        "times go backwards in snapshot 0",
    ),
    "negative address": (_with(0, _snapshot("0", "100", _region(-1, 4096))), "no unsigned 64-bit"),
    "huge address": (_with(0, _snapshot("0", "100", _region(0, str(2**64)))), "no unsigned 64"),
    "huge age": (_with(0, _snapshot("0", "100", _region(0, 4096, 1, str(2**32)))), "32 bits"),
    "too many accesses": (
        _with(0, _snapshot("0", "100", _region(0, 4096, 21))),
        r"more accesses than samples: got nr_accesses=21; allowed: 0..20",
    ),
    "no number": (_with(0, _snapshot("0", "100", _region("x", 4096))), "no number"),
    "not a number": (_with(0, _snapshot("0", "soon", _region(0, 4096))), "no number"),
    "no count": (_with(0, _snapshot("0", "100", _region(0, 4096, None))), "no number"),
    "text cut in a line": (TWO[:-12].encode(), "line 2 of .* is damaged or cut"),
    "text cut between lines": (_line("1.0", 2, "0-4096").encode(), "is cut in the middle"),
    "text missing lines": (
        (_line("1.0", 3, "0-4096") + TWO).encode(),
        "a snapshot is incomplete before line 2",
    ),
    "text with overlaps": (
        (_line("1.0", 2, "0-8192") + _line("1.0", 2, "4096-8192")).encode(),
        "regions overlap",
    ),
    "text backwards": ((TWO + _line("0.5", 1, "0-4096")).encode(), "times go backwards"),
    "text of no region": (_line("1.0", 0, "0-4096").encode(), "incomplete before line 1"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_recording_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    """Each kind of bad file is a user error that names the file and what is wrong with it."""
    content, message = BAD[name]
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=message) as caught:
        read_recording(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_good_recording_is_good(tmp_path: Path) -> None:
    """The recording that the bad ones are made from can be read."""
    for content in (JSON, PACKED, TWO.encode()):
        path = tmp_path / "file"
        path.write_bytes(content)
        assert read_recording(path).snapshots


def test_a_name_that_promises_zlib_is_held_to_it(tmp_path: Path) -> None:
    """A file called .z that holds something else is said to be no zlib."""
    path = tmp_path / "recording.json.z"
    path.write_bytes(b"hello")
    with pytest.raises(RecordingError, match=r"is not zlib: got it starts with b'hello'"):
        read_recording(path)


def test_a_missing_file_is_a_user_error(tmp_path: Path) -> None:
    """A path that cannot be read is named, together with the reason."""
    with pytest.raises(RecordingError, match=r"cannot read .*No such file"):
        read_recording(tmp_path / "missing")
    with pytest.raises(RecordingError, match=r"cannot read .*Is a directory"):
        read_recording(tmp_path)


def test_the_limit_of_regions_is_stated(tmp_path: Path) -> None:
    """A recording with more regions than the limit is refused, at the limit it is read."""
    for content in (JSON, (TWO + TWO.replace("1.0:", "2.0:") + _line("3.0", 1, "0-1")).encode()):
        path = tmp_path / "file"
        path.write_bytes(content)
        assert read_recording(path, max_regions=5).num_regions == 5
        with pytest.raises(RecordingError, match=r"more regions than the limit.*up to 4"):
            read_recording(path, max_regions=4)


def test_a_file_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text beyond the limit is not unpacked, nor is a larger plain file read."""
    monkeypatch.setattr(recording_module, "MAX_TEXT_BYTES", 1000)
    path = tmp_path / "file"
    for content in (zlib.compress(b" " * 1001), b"[" + b" " * 1000):
        path.write_bytes(content)
        with pytest.raises(RecordingError, match=r"is too large.*up to 1000"):
            read_recording(path)
    path.write_bytes(zlib.compress(b"[" + b" " * 998 + b"]"))
    with pytest.raises(RecordingError, match="holds no snapshot"):
        read_recording(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, 100_000))
def test_a_recording_cut_anywhere_is_refused(tmp_path: Path, cut: int) -> None:
    """No length of a real recording but the whole is accepted."""
    content = (recordings_dir() / "stencil_thp.damon.json.z").read_bytes()
    path = tmp_path / "file"
    path.write_bytes(content[: cut % len(content)])
    with pytest.raises(RecordingError):
        read_recording(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_noise_never_breaks_the_reader(tmp_path: Path, noise: bytes, packed: bool) -> None:
    """Whatever bytes a file holds, the answer is a user error and no other exception."""
    path = tmp_path / "file"
    path.write_bytes(zlib.compress(noise) if packed else noise)
    with pytest.raises(RecordingError):
        read_recording(path)
