"""The whole comparison: a data folder of a guest, and what the emulator does on the same input."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from damosrl.damon import Action, Attrs, Intervals
from damosrl.damon.recorded import Recording
from damosrl.damon.recording import read_recording
from damosrl.emulator.workload.model import StartState
from damosrl.experiment.fidelity.compare.migration import MigrationResult
from damosrl.experiment.fidelity.compare.quota import (
    QuotaResult,
    compare_quotas,
    values_around,
    values_by_commit,
)
from damosrl.experiment.fidelity.compare.snapshots import SnapshotResult, compare_snapshots
from damosrl.experiment.fidelity.compare.switching import SwitchingResult, compare_switching
from damosrl.experiment.fidelity.compare.tuning import TuningResult, compare_tuning
from damosrl.experiment.fidelity.data import read_mapping, read_table
from damosrl.experiment.fidelity.emulated.migration import Layout, Moved, migrate
from damosrl.experiment.fidelity.emulated.program import workload
from damosrl.experiment.fidelity.emulated.scripted import MEMORY, aggregation_times
from damosrl.experiment.fidelity.emulated.snapshots import watch
from damosrl.experiment.fidelity.in_guest import hot_set, migration, quota, watermarks
from damosrl.experiment.fidelity.in_guest.program import MIB, PAGE_BYTES, Segment
from damosrl.machine import FloatArray, IntArray

READ_WITHIN_NS = 100_000_000
"""How far beside a quota window a reading of free memory may lie."""

VIRTUAL = 2**40
"""Where a program's memory lies on emulated machines; only physical addresses matter there."""


@dataclass(frozen=True)
class Pictures:
    """A guest's recording, emulated ones of the same program, and how they compare."""

    guest: Recording
    emulated: tuple[Recording, ...]
    result: SnapshotResult


@dataclass(frozen=True)
class Tuning:
    """Interval tuning: replayed on the guest's snapshots, and run freely in the emulator."""

    guest: Recording
    steps_s: FloatArray
    """When the guest tuned, ``(L,)``, seconds since DAMON's start."""
    emulated: tuple[Recording, ...]
    result: TuningResult


@dataclass(frozen=True)
class Switching:
    """Watermarks: free memory as it was read in the guest, and when both kdamonds worked."""

    time_s: FloatArray
    free_permil: IntArray
    result: SwitchingResult


def hot_set_pictures(folder: Path, seeds: range) -> Pictures:
    """Compare snapshots of a hot set that moves."""
    guest = read_recording(folder / "hot_set.damon")
    touched = read_table(folder / "hot_set.csv")
    emulated = _watch(guest, touched, Attrs(), seeds, overshoot_of(guest))
    return Pictures(guest, emulated, compare_snapshots(guest, emulated, touched))


def interval_tuning(folder: Path, seeds: range) -> Tuning:
    """Compare tuning steps."""
    attrs = Attrs(Intervals(goal=hot_set.GOAL))
    guest = read_recording(folder / "intervals.damon")
    tuned = read_table(folder / "intervals.tuned.csv")
    result = compare_tuning(attrs, guest, tuned)
    steps_s = (tuned["time_ns"] - guest.snapshots[0].start_ns) / 1e9
    asked_us = _asked_us(guest, tuned)
    overshoot = guest.duration_s * 1e6 / float(asked_us.sum() * guest.samples_per_aggregation)
    touched = read_table(folder / "intervals.csv")
    emulated = _watch(guest, touched, attrs, seeds, max(overshoot, 1.0))
    return Tuning(guest, steps_s, emulated, result)


def _asked_us(guest: Recording, tuned: dict[str, IntArray]) -> IntArray:
    """Return the sampling interval in force during each snapshot, ``(T,)`` us."""
    starts_ns = [shot.start_ns for shot in guest.snapshots]
    known = np.concatenate([[guest.sample_us], tuned["sample_us"]])
    asked: IntArray = known[np.searchsorted(tuned["time_ns"], starts_ns, side="right")]
    return asked


def _watch(
    guest: Recording, touched: dict[str, IntArray], attrs: Attrs, seeds: range, overshoot: float
) -> tuple[Recording, ...]:
    first = guest.snapshots[0]
    load = workload((int(first.start[0]), int(first.end[-1])), touched, first.start_ns)
    return watch(attrs, load, seeds, overshoot, guest.duration_s)


def overshoot_of(recording: Recording) -> float:
    """Return the real length of aggregations over the one asked for.

    It is the mean, so that as many aggregations fit into a second in the emulator.
    """
    samples = recording.samples_per_aggregation
    asked_s = sum(shot.sample_us * samples / 1e6 for shot in recording.snapshots)
    return max(recording.duration_s / asked_s, 1.0)


def user_input_quotas(folder: Path) -> QuotaResult:
    """Compare quotas that follow a series of user inputs."""
    told = read_table(folder / "user_input.esz.csv")
    seen = values_by_commit(told["time_ns"], read_table(folder / "user_input.csv"))
    return compare_quotas(quota.user_context(0, MEMORY[0]), told["esz_bytes"].tolist(), seen)


def node_free_quotas(folder: Path) -> QuotaResult:
    """Compare quotas that follow free memory of a node."""
    told, free = read_table(folder / "node_free.esz.csv"), read_table(folder / "node_free.csv")
    free_bp = free["free_kib"] * 10_000 // free["total_kib"]
    seen = values_around(told["time_ns"], free["time_ns"], free_bp, READ_WITHIN_NS)
    return compare_quotas(quota.free_context(MEMORY[0]), told["esz_bytes"].tolist(), seen)


def promotion(folder: Path, seeds: range) -> MigrationResult:
    """Compare the way up: hot memory of node 1."""
    return _migration(folder, "promotion", Action.MIGRATE_HOT, migration.HOT, seeds)


def demotion(folder: Path, seeds: range) -> MigrationResult:
    """Compare the way down: cold memory of node 0, and its free frames."""
    return _migration(folder, "demotion", Action.MIGRATE_COLD, migration.STILL_HOT, seeds)


def _migration(
    folder: Path, name: str, action: Action, segment: Segment, seeds: range
) -> MigrationResult:
    rows, notes = read_table(folder / f"{name}.csv"), read_mapping(folder / f"{name}.json")
    up = action is Action.MIGRATE_HOT
    quota_bytes = migration.HOT_QUOTA_BYTES if up else migration.COLD_QUOTA_BYTES
    area_mib = migration.HOT_AREA_MIB if up else migration.COLD_AREA_MIB
    ends_ns = np.array(notes["aggregation_ends_ns"])
    overshoot = max(float(np.mean(np.diff(ends_ns))) / 1e8, 1.0)
    origin_ns = int(ends_ns[0] - 1e8 * overshoot)
    start = VIRTUAL + segment.offset_mib * MIB
    touched = {key: np.array([notes[key]]) for key in ("start_ns", "end_ns", "passes")}
    touched |= {"start": np.array([start]), "end": np.array([start + segment.size_mib * MIB])}
    fill = StartState(fast_fill=0.0 if up else 1.0)
    load = workload((VIRTUAL, VIRTUAL + area_mib * MIB), touched, origin_ns, fill)
    pages = read_table(folder / f"{name}.frames.csv")
    layout = Layout(*(pages[key] for key in ("page", "frame", "pages")))
    looks_s = (rows["time_ns"] - origin_ns) / 1e9
    scheme = migration.scheme(action, 0 if up else 1, quota_bytes)
    left = rows["node0_pages" if up else "node1_pages"]
    away = int(np.sum(layout.pages[(layout.frame * PAGE_BYTES < notes["node_bytes"]) == up]))
    guest = Moved(looks_s, (left - away) * PAGE_BYTES, rows["sz_tried"], rows["sz_applied"])
    emulated = tuple(
        migrate(scheme, int(up), notes["node_bytes"], load, layout, seed, looks_s, overshoot)
        for seed in seeds
    )
    return MigrationResult(guest, emulated, quota_bytes)


def switching(folder: Path) -> Switching:
    """Compare when watermarks let a scheme work."""
    free = read_table(folder / "watermarks.csv")
    ends_ns = read_table(folder / "watermarks.aggregations.csv")["end_ns"]
    origin = int(free["time_ns"][0])
    time_us = (free["time_ns"] - origin) // 1000
    permil = free["free_kib"] * 1000 // free["total_kib"]
    overshoot = max(float(np.median(np.diff(ends_ns))) / 1e8, 1.0)
    emulated_us = aggregation_times(
        watermarks.context(MEMORY[0]), time_us, permil, int(time_us[-1]), overshoot
    )
    result = compare_switching((ends_ns - origin) / 1e9, emulated_us / 1e6)
    return Switching(time_us / 1e6, permil, result)


@dataclass(frozen=True)
class Study:
    """All comparisons of one data folder."""

    hot_set: Pictures
    user_input: QuotaResult
    node_free: QuotaResult
    promotion: MigrationResult
    demotion: MigrationResult
    intervals: Tuning
    watermarks: Switching


def run_study(folder: Path, seeds: range, say: Callable[[str], None]) -> Study:
    """Compare everything in a data folder.

    Args:
        folder: What `damosrl.experiment.fidelity.measure` wrote.
        seeds: Emulated machines that are random, one each; three at least, to see their spread.
        say: Takes one line for every comparison.

    Raises:
        RecordingError: Data is missing or damaged.
    """
    say("emulating the hot set")
    pictures = hot_set_pictures(folder, seeds)
    say("comparing effective quotas")
    user_input, node_free = user_input_quotas(folder), node_free_quotas(folder)
    say("emulating migrations")
    up, down = promotion(folder, seeds), demotion(folder, seeds)
    say("comparing interval tuning and watermarks")
    tuning = interval_tuning(folder, seeds[:3])
    return Study(pictures, user_input, node_free, up, down, tuning, switching(folder))
