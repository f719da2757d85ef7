"""A DAMON recording of a real program as a workload: replayed in a loop, scaled as wished."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from damosrl.damon.recording import read_recording
from damosrl.emulator.workload.address_space import DEFAULT_PID, PAGE_BYTES, Process, Vma
from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.parameters import (
    Number,
    Sampler,
    check,
    percent,
    size_text,
    text,
)
from damosrl.emulator.workload.pieces import GRANULE_BYTES, access_model, even_borders
from damosrl.emulator.workload.recorded_heat import RecordedHeat, resample
from damosrl.errors import UnknownNameError, WorkloadError
from damosrl.paths import recordings_dir

MIN_STRETCHES = 3
"""Areas of a recorded process that make two gaps."""

ENDING = ".damon.json.z"


@dataclass(frozen=True, slots=True)
class RecordingConfig:
    """Which recording, and what is assumed where a recording is silent.

    Args:
        recording: Name of one that ships (``phases``, ``kvzipf``, ...) or the path of a file in
            one of damo's formats.
        record: Which record of a file that holds several, counted from 0.
        skip_s: Time left out at the start, in which DAMON's regions still adapt.
        resample_s: Time resolution, seconds of the recording.
        max_pieces: Address resolution: pieces of equal size, at most one per 2 MiB.
        saturated_hits: Hits that a region with a hit in all n samples is taken for (between
            n - 1 and n; left out: n - 0.5). Saturation hides intensity: this is an assumption.
        min_touched: Stretches of addresses of which a smaller share is ever seen accessed are
            left out: a recording cannot tell idle memory from a gap that is not mapped.
        time_scale: Emulated seconds per recorded second; 2 replays at half speed.
        rate_scale: Factor on the access rates; the clock of the recorded machine is not ours.
        start_s: Where in the recording the episode begins; the loop goes on from there.
    """

    recording: str
    record: int | None = None
    skip_s: float = 1.0
    resample_s: float = 1.0
    max_pieces: int = 1024
    saturated_hits: float | None = None
    min_touched: float = 0.01
    time_scale: Number = 1.0
    rate_scale: Number = 1.0
    start_s: Number = 0.0

    def __post_init__(self) -> None:
        check("skip_s", self.skip_s, 0.0)
        check("resample_s", self.resample_s, 0.01)
        check("min_touched", self.min_touched, 0.0, 1.0)
        check("max_pieces", self.max_pieces, 1.0, 16384.0)
        check("time_scale", self.time_scale, 0.01, 1e4)
        check("rate_scale", self.rate_scale, 1e-6, 1e6)
        check("start_s", self.start_s, 0.0)


@dataclass(frozen=True, slots=True)
class RecordedAccess:
    """A recording, read once, from which episodes are drawn.

    Example:
        >>> replay = open_recording(RecordingConfig("xz"), smallest_granules=8192)
        >>> model = replay.draw(8192, Sampler(np.random.default_rng(0), randomize=False))
        >>> model.footprint_bytes == 8192 * GRANULE_BYTES
        True
    """

    config: RecordingConfig
    heat: RecordedHeat

    @property
    def native_granules(self) -> int:
        """Size of the recorded addresses in granules of 2 MiB, rounded up."""
        return math.ceil(self.heat.address_bytes / GRANULE_BYTES)

    def draw(self, granules: int, sampler: Sampler) -> AccessModel:
        """Return the recording scaled to a footprint, as an endless loop."""
        start = sampler.number(self.config.start_s) / self.heat.bin_s
        return _replay(
            self.heat,
            granules,
            round(start) % len(self.heat.rate_hz),
            sampler.number(self.config.time_scale),
            sampler.number(self.config.rate_scale),
        )

    def processes(self, granules: int) -> tuple[Process, ...]:
        """Return one process that maps what was recorded, at the recorded addresses.

        Areas grow or shrink with the footprint, and gaps stay as they were; what is left out of the
        replay is an area without memory. A recording with less than two gaps (of physical memory,
        say) tells nothing of areas: none is returned.
        """
        if len(self.heat.stretches) < MIN_STRETCHES:
            return ()
        return (_recorded_process(self.heat, granules * GRANULE_BYTES),)

    def describe(self) -> str:
        """Say what it does and what is assumed."""
        config, heat = self.config, self.heat
        return (
            f"A DAMON recording of a real program ({recording_label(config.recording)}): "
            f"{heat.duration_s:.0f} s over {size_text(heat.address_bytes)}, resampled to "
            f"{heat.bin_s:g} s and {heat.rate_hz.shape[1]} pieces, replayed in a loop with times "
            f"multiplied by {text(config.time_scale)} and access rates by "
            f"{text(config.rate_scale)}. In {percent(heat.saturated_share)} of it every sample "
            "saw an access, so that the true intensity is unknown there and assumed just below "
            f"saturation; stretches of which less than {percent(config.min_touched)} is ever seen "
            "accessed are left out."
        )


def open_recording(config: RecordingConfig, smallest_granules: int | None) -> RecordedAccess:
    """Read and resample a recording.

    Args:
        config: Which one, and the assumptions.
        smallest_granules: Smallest footprint that will be drawn, which bounds the pieces; None
            for the recording's own size.

    Raises:
        RecordingError: The file cannot be used.
        WorkloadError: The parameters do not fit it.
        UnknownNameError: No recording of this name ships; the nearest is named.
    """
    path = recording_path(config.recording)
    state = path.stat() if path.exists() else None
    stamp = (state.st_mtime_ns, state.st_size) if state else (0, 0)
    heat = _heat(
        path,
        stamp,
        config.record,
        config.skip_s,
        config.resample_s,
        config.max_pieces,
        smallest_granules,
        config.saturated_hits,
        config.min_touched,
    )
    return RecordedAccess(config, heat)


def recording_path(name: str) -> Path:
    """Return the file of a recording that ships, or of a path.

    Raises:
        UnknownNameError: It is neither.
    """
    shipped = {path.name.removesuffix(ENDING): path for path in recordings_dir().glob(f"*{ENDING}")}
    if name in shipped:
        return shipped[name]
    if "/" in name or "." in name:
        return Path(name)
    raise UnknownNameError("recording", name, shipped)


def recording_label(name: str) -> str:
    """Return the recording's name without folders and endings."""
    return Path(name).name.split(".")[0]


@lru_cache(maxsize=32)
def _heat(
    path: Path,
    stamp: tuple[int, int],
    record: int | None,
    skip_s: float,
    resample_s: float,
    max_pieces: int,
    smallest_granules: int | None,
    saturated_hits: float | None,
    min_touched: float,
) -> RecordedHeat:
    """Read and resample; ``stamp`` makes a changed file a different one to the cache."""
    del stamp
    recording = read_recording(path, record=record)
    samples = recording.samples_per_aggregation
    assumed = samples - 0.5 if saturated_hits is None else saturated_hits
    if not samples - 1 <= assumed < samples:
        raise WorkloadError(
            "saturated_hits does not fit the recording",
            got=f"{assumed:g}",
            allowed=f"{samples - 1} up to, not including, {samples}",
        )
    own_size = smallest_granules is None
    return resample(
        recording,
        max_pieces=max_pieces if smallest_granules is None else min(max_pieces, smallest_granules),
        piece_bytes=GRANULE_BYTES if own_size else 1,
        bin_s=resample_s,
        skip_s=skip_s,
        saturated_hits=assumed,
        min_touched=min_touched,
    )


@lru_cache(maxsize=16)
def _replay(
    heat: RecordedHeat, granules: int, first_bin: int, time_scale: float, rate_scale: float
) -> AccessModel:
    """Build the access model; equal ones are shared, so that a batch holds its rates once."""
    rates = np.roll(heat.rate_hz, -first_bin, axis=0) * np.float32(rate_scale)
    bins, pieces = rates.shape
    step_s = heat.bin_s * time_scale
    model = access_model(
        even_borders(granules, pieces), rates, np.arange(bins) * step_s, bins * step_s
    )
    for array in (model.border_bytes, model.epoch_s, model.rate_hz):
        array.flags.writeable = False
    return model


@lru_cache(maxsize=16)
def _recorded_process(heat: RecordedHeat, footprint_bytes: int) -> Process:
    memory = heat.stretches[:, 2].astype(np.float64)
    ends = np.round(np.cumsum(memory) * (footprint_bytes / memory.sum()) / PAGE_BYTES)
    places = np.append(0, ends).astype(np.int64) * PAGE_BYTES
    areas, grown = [], 0
    for (start, size, has_memory), (low, high) in zip(
        heat.stretches.tolist(), pairwise(places.tolist()), strict=True
    ):
        pages = -(-size // PAGE_BYTES) * PAGE_BYTES
        address = start // PAGE_BYTES * PAGE_BYTES + grown
        if not has_memory:
            areas.append(Vma(address, pages))
        elif high > low:
            areas.append(Vma(address, high - low, low))
            grown += high - low - pages
    return Process(DEFAULT_PID, tuple(areas))
