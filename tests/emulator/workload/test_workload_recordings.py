"""Recordings as workloads: what was recorded comes back, scaled, and what is assumed is stated."""

import csv
import math
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from damosrl.damon.recorded import RecordedSnapshot, Recording
from damosrl.damon.recording import read_recording, write_recording
from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.pieces import GRANULE_BYTES
from damosrl.emulator.workload.recorded_heat import RecordedHeat, resample
from damosrl.emulator.workload.source import workload_source
from damosrl.errors import RecordingError, WorkloadError
from damosrl.paths import recordings_dir

MIB = 2**20
SAMPLES = 20
Region = tuple[int, int, int]
"""Start and end in MiB, and hits."""


def _recording(*snapshots: list[Region], base: int = 2**40, interval_s: float = 0.1) -> Recording:
    taken = []
    for place, regions in enumerate(snapshots):
        start, end, hits = np.array(regions).T
        taken.append(
            RecordedSnapshot(
                start_ns=round(place * interval_s * 1e9),
                end_ns=round((place + 1) * interval_s * 1e9),
                sample_us=5000,
                start=(base + start * MIB).astype(np.uint64),
                end=(base + end * MIB).astype(np.uint64),
                nr_accesses=hits.astype(np.uint32),
                age=np.zeros(len(regions), np.uint32),
            )
        )
    return Recording(tuple(taken), sample_us=5000, aggr_us=100_000)


def _resample(
    recording: Recording, *, pieces: int = 64, bin_s: float = 0.1, min_touched: float = 0.0
) -> RecordedHeat:
    return resample(
        recording,
        max_pieces=pieces,
        piece_bytes=1,
        bin_s=bin_s,
        skip_s=0.0,
        saturated_hits=SAMPLES - 0.5,
        min_touched=min_touched,
    )


def _hits(rate_hz: NDArray[np.float32], sample_s: float = 0.005) -> NDArray[np.float64]:
    return np.asarray(SAMPLES * -np.expm1(-rate_hz.astype(np.float64) * sample_s))


def _file(recording: Recording, folder: Path) -> str:
    path = folder / "made.damon.json.z"
    write_recording(recording, path)
    return str(path)


def _model(path: str, footprint: str = "64 MiB", **access: object) -> AccessModel:
    values = {"kind": "recording", "recording": path, "skip_s": 0.0, "resample_s": 0.1, **access}
    source = workload_source({"footprint": footprint, "access": values})
    return source.draw(np.random.default_rng(0)).access


def test_rates_give_back_the_hits() -> None:
    """A region's rate is the one with which a monitor sees the recorded hits on average."""
    heat = _resample(_recording([(0, 32, 5), (32, 64, 19)], [(0, 16, 0), (16, 64, 10)]))
    hits = _hits(heat.rate_hz)
    np.testing.assert_allclose(hits[0], [5.0] * 32 + [19.0] * 32, rtol=1e-5)
    np.testing.assert_allclose(hits[1], [0.0] * 16 + [10.0] * 48, rtol=1e-5, atol=1e-9)


def test_sampling_as_it_was_not_as_asked() -> None:
    """Where an aggregation took longer than asked, the rate is lower by that factor."""
    asked, slow = (
        _resample(_recording([(0, 64, 5)], interval_s=seconds), bin_s=seconds).rate_hz[0, 0]
        for seconds in (0.1, 0.2)
    )
    assert slow == pytest.approx(asked / 2)


def test_saturation_is_an_assumption(tmp_path: Path) -> None:
    """All samples hit is taken for the stated number of hits, and its share is reported."""
    recording = _recording([(0, 16, 20), (16, 64, 1)])
    assert _resample(recording).saturated_share == pytest.approx(0.25)
    path = _file(recording, tmp_path)
    default, bold = (
        _hits(_model(path, saturated_hits=assumed).rate_hz).max() for assumed in (None, 19.9)
    )
    assert default == pytest.approx(19.5, rel=1e-4)
    assert bold == pytest.approx(19.9, rel=1e-4)


@pytest.mark.parametrize("assumed", [18.9, 20.0, math.nan])
def test_impossible_saturation_is_refused(tmp_path: Path, assumed: float) -> None:
    """An infinite rate, or one below what 19 of 20 means, is refused."""
    path = _file(_recording([(0, 64, 20)]), tmp_path)
    with pytest.raises(WorkloadError, match="saturated_hits does not fit"):
        _model(path, saturated_hits=assumed)


def test_gaps_are_cut_out() -> None:
    """Addresses that no snapshot covers vanish, whatever their size; order is kept."""
    far = 2**20
    heat = _resample(_recording([(0, 16, 2), (far, far + 48, 8)]))
    assert heat.address_bytes == 64 * MIB
    np.testing.assert_allclose(_hits(heat.rate_hz)[0], [2.0] * 16 + [8.0] * 48, rtol=1e-5)


def test_untouched_stretches_are_left_out() -> None:
    """A stretch never seen accessed is left out as unmapped, idle memory beside it stays."""
    recording = _recording([(0, 50, 0), (100, 110, 3), (110, 150, 0)])
    assert _resample(recording, min_touched=0.01).address_bytes == 50 * MIB
    with pytest.raises(WorkloadError, match="too little of the recording is ever accessed"):
        _resample(recording, min_touched=0.5)


def test_memory_that_comes_later_is_idle_before() -> None:
    """Where a snapshot covers less than others the rest counts as not accessed."""
    heat = _resample(_recording([(0, 32, 4)], [(0, 64, 4)]))
    np.testing.assert_allclose(_hits(heat.rate_hz)[0], [4.0] * 32 + [0.0] * 32, rtol=1e-5)


def test_pauses_repeat_what_was_before() -> None:
    """Time without a snapshot keeps the last rates."""
    first = _recording([(0, 64, 4)])
    later = _recording([(0, 64, 9)], interval_s=0.1).snapshots[0]
    pause = RecordedSnapshot(
        400_000_000, 500_000_000, 5000, later.start, later.end, later.nr_accesses, later.age
    )
    heat = _resample(Recording((*first.snapshots, pause), 5000, 100_000))
    np.testing.assert_allclose(_hits(heat.rate_hz)[:, 0], [4, 4, 4, 4, 9], rtol=1e-5)


@given(
    hits=st.lists(st.lists(st.integers(0, 19), min_size=8, max_size=8), min_size=1, max_size=12),
    pieces=st.integers(1, 32),
    bin_s=st.floats(0.05, 0.6),
)
@settings(max_examples=40, deadline=None)
def test_resampling_keeps_the_mean(hits: list[list[int]], pieces: int, bin_s: float) -> None:
    """Mean hits over addresses and the time that is replayed are kept, whatever the grid."""
    snapshots = [[(8 * i, 8 * i + 8, hit) for i, hit in enumerate(row)] for row in hits]
    recording = _recording(*snapshots)
    if not np.any(hits):
        with pytest.raises(WorkloadError, match="no access at all"):
            _resample(recording, pieces=pieces, bin_s=bin_s)
        return
    heat = _resample(recording, pieces=pieces, bin_s=bin_s)
    until = max(1, int(0.1 * len(hits) / bin_s + 1e-6)) * bin_s
    weights = np.clip(until / 0.1 - np.arange(len(hits)), 0.0, 1.0)
    expected = np.average(np.mean(hits, axis=1), weights=weights)
    assert _hits(heat.rate_hz).mean() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_scales_of_size_time_and_rate(tmp_path: Path) -> None:
    """A recording is stretched in address, time and rate as asked, and repeats for ever."""
    path = _file(_recording([(0, 64, 5)], [(0, 32, 0), (32, 64, 10)]), tmp_path)
    plain = _model(path)
    scaled = _model(path, "1 GiB", time_scale=3.0, rate_scale=2.0)
    assert (plain.footprint_bytes, scaled.footprint_bytes) == (64 * MIB, 1024 * MIB)
    np.testing.assert_array_equal(scaled.border_bytes, plain.border_bytes * 16)
    np.testing.assert_allclose(scaled.epoch_s, plain.epoch_s * 3)
    np.testing.assert_allclose(scaled.rate_hz, plain.rate_hz * 2)
    assert plain.period_s == pytest.approx(0.2)
    assert plain.epoch_at(0.25) == 0
    assert plain.epoch_at(0.35) == 1


def test_an_episode_may_begin_later(tmp_path: Path) -> None:
    """start_s turns the loop, so that the episode begins inside the recording."""
    path = _file(_recording([(0, 64, 5)], [(0, 64, 6)], [(0, 64, 7)]), tmp_path)
    hits = _hits(_model(path, start_s=0.2).rate_hz)[:, 0]
    np.testing.assert_allclose(hits, [7, 5, 6], rtol=1e-5)


def test_the_start_can_be_skipped(tmp_path: Path) -> None:
    """skip_s leaves the adaptation out; nothing left is an error that says how long it is."""
    path = _file(_recording([(0, 64, 5)], [(0, 64, 6)]), tmp_path)
    np.testing.assert_allclose(_hits(_model(path, skip_s=0.1).rate_hz), 6, rtol=1e-5)
    with pytest.raises(WorkloadError, match=r"nothing of the recording is left.*below 0.2 s"):
        _model(path, skip_s=5.0)


def test_native_size_is_the_recorded_one(tmp_path: Path) -> None:
    """``native`` keeps the size of the recorded addresses, rounded up to 2 MiB."""
    path = _file(_recording([(0, 65, 5)]), tmp_path)
    assert _model(path, "native").footprint_bytes == 66 * MIB
    small = _file(_recording([(0, 3, 5)]), tmp_path)
    with pytest.raises(WorkloadError, match=r"covers too little memory.*scales it"):
        _model(small, "native")


def test_grid_beyond_the_work_limit_is_refused(tmp_path: Path) -> None:
    """Too fine a grid is refused before memory is taken."""
    snapshots = [[(0, 2048, 5)]] * 30
    path = _file(_recording(*snapshots, interval_s=10.0), tmp_path)
    with pytest.raises(WorkloadError, match="grid is too large"):
        _model(path, "64 GiB", resample_s=0.01, max_pieces=16384)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"no zlib at all", "not zlib"),
        (zlib.compress(b'[{"snapshots": []}]')[:-6], "cut|broken|not zlib"),
        (zlib.compress(b"[{]"), "JSON"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    """A file that is no recording gives one line that names it."""
    path = tmp_path / "broken.damon.json.z"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=message) as caught:
        workload_source(path)
    assert "broken.damon.json.z" in str(caught.value)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """What is kept in memory is not used for a file that has changed since."""
    path = _file(_recording([(0, 64, 5)]), tmp_path)
    before = _model(path)
    write_recording(_recording([(0, 64, 9)], [(0, 64, 9)]), path)
    assert _hits(_model(path).rate_hz).max() == pytest.approx(9, rel=1e-4)
    assert _hits(before.rate_hz).max() == pytest.approx(5, rel=1e-4)


@pytest.mark.parametrize("name", ["phases", "kvzipf", "xz", "graph", "stencil"])
def test_shipped_recordings_are_small_endless_workloads(name: str) -> None:
    """Each one that ships is a loop of 16 GiB with at most 1024 pieces and one epoch a second."""
    source = workload_source(f"rec_{name}")
    model = source.draw(np.random.default_rng(0)).access
    assert source.family == "recording"
    assert model.footprint_bytes == 16 * 2**30
    assert model.rate_hz.shape[1] <= 1024
    assert len(model.epoch_s) <= 120
    assert math.isfinite(model.period_s)
    assert not np.any(model.border_bytes % GRANULE_BYTES)
    assert source.draw(np.random.default_rng(1)).access is model


def test_known_phases_are_found_at_their_place_and_time() -> None:
    """The heat of rec_phases agrees with what the recorded program really did, phase by phase."""
    snapshots = read_recording(recordings_dir() / "phases.damon.json.z").snapshots
    skipped_ns = snapshots[0].start_ns + 5e9
    origin_s = min(item.start_ns for item in snapshots if item.start_ns >= skipped_ns) / 1e9
    model = workload_source("rec_phases").draw(np.random.default_rng(0)).access
    scale = model.footprint_bytes / 517.27 / MIB
    with (recordings_dir() / "phases.schedule.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if float(row["start_s"]) > origin_s]
    bottom = min(int(row["segment_start"]) for row in rows)
    checked = 0
    for phase in sorted({row["phase"] for row in rows}):
        heat: dict[str, list[float]] = {"hot": [], "none": []}
        for row in (row for row in rows if row["phase"] == phase and row["kind"] in heat):
            times = float(row["start_s"]) - origin_s + 2, float(row["end_s"]) - origin_s - 2
            places = [(int(row[f"segment_{end}"]) - bottom) * scale for end in ("start", "end")]
            heat[row["kind"]].append(_mean_rate(model, times, (places[0], places[1])))
        if heat["hot"] and heat["none"]:
            assert min(heat["hot"]) > 5 * max(heat["none"]), phase
            checked += 1
    assert checked >= 4


def _mean_rate(
    model: AccessModel, times: tuple[float, float], places: tuple[float, float]
) -> float:
    """Mean rate over the middle half of an address range, over a stretch of time."""
    quarter = (places[1] - places[0]) / 4
    middle = (model.border_bytes[:-1] + model.border_bytes[1:]) / 2
    inside = (middle > places[0] + quarter) & (middle < places[1] - quarter)
    epochs = [model.epoch_at(time) for time in np.arange(*times)]
    return float(model.rate_hz[epochs][:, inside].mean())
