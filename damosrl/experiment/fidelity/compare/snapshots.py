"""Snapshots side by side: working-set size, hot set by address, ages, snapshot by snapshot.

Each of the guest's snapshots is compared with the emulated one nearest in time, one per seed. How
much the seeds differ among themselves says what difference chance alone makes: DAMON samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from damosrl.damon.recorded import RecordedSnapshot, Recording
from damosrl.experiment.recordings.numbers import wss_bytes
from damosrl.machine import FloatArray, IntArray

HOT_SAMPLES = 5
"""Accesses, of 20 samples, from which a region is called hot."""


@dataclass(frozen=True)
class SegmentResult:
    """One segment of the schedule; medians over its snapshots, emulated ones over seeds as well.

    Args:
        name: What the program did.
        true_bytes: What it touched.
        snapshots: The guest's.
        guest_wss_bytes: Size of regions with an access.
        emulator_wss_bytes: The same.
        wss_error: Difference over the emulator's size; NaN for idle time, where that is 0.
        guest_recall: Share of what was touched that regions called hot cover; NaN for a scan,
            which is not hot, and for idle time.
        emulator_recall: The same.
        guest_precision: Share of regions called hot that was touched.
        emulator_precision: The same.
        mean_age: Of the guest's bytes at the segment's end, aggregation intervals.
        age_distance: Earth mover's distance of the two distributions of ages at that moment,
            aggregation intervals.
        age_distance_of_seeds: The same between one seed and the others.
        guest_regions: Number of regions.
        emulator_regions: The same, after the split, which the kernel's snapshots come before.
    """

    name: str
    true_bytes: int
    snapshots: int
    guest_wss_bytes: float
    emulator_wss_bytes: float
    wss_error: float
    guest_recall: float
    emulator_recall: float
    guest_precision: float
    emulator_precision: float
    mean_age: float
    age_distance: float
    age_distance_of_seeds: float
    guest_regions: float
    emulator_regions: float


@dataclass(frozen=True)
class SnapshotResult:
    """All segments, and the targets of the study.

    Args:
        segments: In the program's order.
        wss_error: Median over all snapshots of segments that touch something.
        wss_error_of_seeds: The same for one emulated machine against the others.
        hot_recall_ratio: Least ratio of the guest's recall to the emulator's over hot segments.
    """

    segments: tuple[SegmentResult, ...]
    wss_error: float
    wss_error_of_seeds: float
    hot_recall_ratio: float

    @property
    def meets(self) -> bool:
        """Whether sizes agree within 10 % at the median and recall is 0.9 of the emulator's."""
        return self.wss_error <= 0.1 and self.hot_recall_ratio >= 0.9


def compare_snapshots(
    guest: Recording, emulated: Sequence[Recording], touched: dict[str, IntArray]
) -> SnapshotResult:
    """Compare a guest's recording with emulated ones of the same program.

    Args:
        guest: The guest's, times of the guest's clock.
        emulated: One per seed, times since DAMON's start.
        touched: The program's segments, guest's clock.
    """
    origin = guest.snapshots[0].start_ns
    times = np.array([shot.end_ns - origin for shot in guest.snapshots])
    wss = np.stack(
        [wss_bytes(guest), *(_at(wss_bytes(one), one, times) for one in emulated)]
    ).astype(np.float64)
    shots = [guest.snapshots, *(nearest(one, times) for one in emulated)]
    segments = []
    active: list[IntArray] = []
    for place in range(len(touched["start"])):
        span = (int(touched["start"][place]), int(touched["end"][place]))
        inside = np.flatnonzero(
            (times > touched["start_ns"][place] - origin)
            & (times <= touched["end_ns"][place] - origin)
        )
        if span[1] > span[0]:
            active.append(inside)
        area = (int(guest.snapshots[0].start[0]), int(guest.snapshots[0].end[-1]))
        segments.append(_segment(shots, wss, inside, span, area))
    chosen = np.concatenate(active)
    hot = [item for item in segments if np.isfinite(item.guest_recall)]
    return SnapshotResult(
        tuple(segments),
        _error(wss[0], wss[1:], chosen),
        _error(wss[1], wss[2:], chosen),
        min(item.guest_recall / item.emulator_recall for item in hot),
    )


def nearest(recording: Recording, times_ns: IntArray) -> list[RecordedSnapshot]:
    """Return the snapshots nearest to some times."""
    return [recording.snapshots[place] for place in _places(recording, times_ns).tolist()]


def _places(recording: Recording, times_ns: IntArray) -> IntArray:
    ends = np.array([shot.end_ns for shot in recording.snapshots])
    after = np.clip(np.searchsorted(ends, times_ns), 1, len(ends) - 1)
    is_nearer_before = times_ns - ends[after - 1] < ends[after] - times_ns
    return np.where(is_nearer_before, after - 1, after)


def _at(values: IntArray, recording: Recording, times_ns: IntArray) -> IntArray:
    return values[_places(recording, times_ns)]


def _error(one: FloatArray, others: FloatArray, chosen: IntArray) -> float:
    """Return the median difference to the median of the others, over that median."""
    middle = np.median(others, axis=0)[chosen]
    apart = np.abs(one[chosen] - middle)[middle > 0] / middle[middle > 0]
    return float(np.median(apart)) if apart.size else float("nan")


def _segment(
    shots: Sequence[Sequence[RecordedSnapshot]],
    wss: FloatArray,
    inside: IntArray,
    span: tuple[int, int],
    area: tuple[int, int],
) -> SegmentResult:
    size = span[1] - span[0]
    is_hot = 0 < size < (area[1] - area[0]) // 2
    name = f"{size >> 20} MiB at {(span[0] - area[0]) >> 20}" if is_hot else "scan"
    recall = precision = np.full((2, 1), np.nan)
    if is_hot:
        found = [[hot_set(row[place], span) for place in inside.tolist()] for row in shots]
        recall, precision = np.array(found).transpose(2, 0, 1)
    last = int(inside[-1])
    return SegmentResult(
        name if size else "idle",
        size,
        len(inside),
        float(np.median(wss[0, inside])),
        float(np.median(wss[1:, inside])),
        _error(wss[0], wss[1:], inside) if size else float("nan"),
        float(np.median(recall[0])),
        float(np.median(recall[1:])),
        float(np.median(precision[0])),
        float(np.median(precision[1:])),
        mean_age(shots[0][last]),
        age_distance(shots[0][last], [row[last] for row in shots[1:]]),
        age_distance(shots[1][last], [row[last] for row in shots[2:]]),
        _regions(shots[:1], inside),
        _regions(shots[1:], inside),
    )


def _regions(shots: Sequence[Sequence[RecordedSnapshot]], inside: IntArray) -> float:
    return float(np.median([len(row[place]) for row in shots for place in inside.tolist()]))


def hot_set(shot: RecordedSnapshot, span: tuple[int, int]) -> tuple[float, float]:
    """Return recall and precision of the regions called hot, by bytes.

    Args:
        shot: A snapshot.
        span: What is really touched.

    Returns:
        Share of the span that is called hot, and share of what is called hot that is in the span
        (1 where nothing is).
    """
    hot = shot.nr_accesses >= HOT_SAMPLES
    start, end = shot.start[hot].astype(np.int64), shot.end[hot].astype(np.int64)
    common = np.maximum(np.minimum(end, span[1]) - np.maximum(start, span[0]), 0).sum()
    called = (end - start).sum()
    return float(common / (span[1] - span[0])), float(common / called) if called else 1.0


def age_distance(shot: RecordedSnapshot, others: Sequence[RecordedSnapshot]) -> float:
    """Return how far the ages of a snapshot's bytes are from those of others together.

    It is the mean shift that turns one distribution into the other (earth mover's distance),
    aggregation intervals: the area between the two cumulative shares.
    """
    ages = np.unique(np.concatenate([shot.age, *(other.age for other in others)]))
    rest = np.mean([age_share(other, ages) for other in others], axis=0)
    return float((np.abs(age_share(shot, ages) - rest)[:-1] * np.diff(ages)).sum())


def mean_age(shot: RecordedSnapshot) -> float:
    """Return the mean age of a snapshot's bytes, aggregation intervals."""
    return float(np.average(shot.age, weights=(shot.end - shot.start).astype(np.float64)))


def age_share(shot: RecordedSnapshot, ages: IntArray) -> FloatArray:
    """Return the share of bytes whose age is at most so many aggregation intervals."""
    size = (shot.end - shot.start).astype(np.float64)
    order = np.argsort(shot.age, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(size[order])]) / size.sum()
    share: FloatArray = below[np.searchsorted(shot.age[order], ages, side="right")]
    return share
