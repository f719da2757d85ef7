"""Trace lines become snapshots: whole, in pieces, with losses, with other kdamonds between."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.kernel.trace_lines import TracedSnapshot, TraceLines
from damosrl.testing.fake_tracefs import aggregated_lines

Regions = list[tuple[int, int, int, int]]


def _snapshot(pages: int, accesses: int = 1, first: int = 0) -> Regions:
    return [(4096 * page, 4096 * page + 4096, accesses, 2) for page in range(first, first + pages)]


def _regions(found: TracedSnapshot) -> Regions:
    shot = found.snapshot
    columns = (shot.start, shot.end, shot.nr_accesses, shot.age)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@st.composite
def _region_lists(draw: st.DrawFn) -> Regions:
    borders = draw(st.lists(st.integers(0, 2**48), min_size=2, max_size=14, unique=True))
    borders = sorted(borders)
    counts = st.integers(0, 2**32 - 1)
    return [
        (start, end, draw(counts), draw(counts))
        for start, end in zip(borders[::2], borders[1::2], strict=False)
    ]


@settings(deadline=None, max_examples=60)
@given(st.lists(_region_lists(), min_size=1, max_size=6), st.integers(1, 200))
def test_snapshots_come_back_however_the_text_is_cut(shots: list[Regions], step: int) -> None:
    """Snapshots come back however the text is cut."""
    text = b"".join(
        aggregated_lines(100_000 * (place + 1), regions) for place, regions in enumerate(shots)
    )
    lines = TraceLines(5_000, 100_000, pid=4321)
    found = [
        item
        for first in range(0, len(text), step)
        for item in lines.feed(text[first : first + step])
    ]
    assert [_regions(item) for item in found] == shots
    assert [item.snapshot.end_ns for item in found] == [
        100_000_000 * (place + 1) for place in range(len(shots))
    ]
    assert (lines.lost_events, lines.dropped_snapshots) == (0, 0)


def test_a_snapshot_starts_where_the_one_before_ended() -> None:
    """A snapshot starts where the one before ended."""
    lines = TraceLines(5_000, 100_000)
    text = aggregated_lines(10**6, _snapshot(2)) + aggregated_lines(1_150_000, _snapshot(2))
    first, second = lines.feed(text)
    assert (first.snapshot.start_ns, second.snapshot.start_ns) == (900_000_000, 1_000_000_000)


def test_a_snapshot_is_given_only_when_all_its_lines_came() -> None:
    """A snapshot is given only when all its lines came."""
    lines = TraceLines(5_000, 100_000)
    *most, last = aggregated_lines(10**6, _snapshot(5)).splitlines(keepends=True)
    assert lines.feed(b"".join(most)) == []
    assert len(lines.feed(last)) == 1


def test_targets_are_told_apart() -> None:
    """Targets are told apart."""
    text = aggregated_lines(10**6, _snapshot(3), 0) + aggregated_lines(10**6, _snapshot(3), 1)
    assert [item.target_id for item in TraceLines(5_000, 100_000).feed(text)] == [0, 1]


def test_lines_of_other_kdamonds_are_left_out() -> None:
    """Lines of other kdamonds are left out."""
    mine = aggregated_lines(10**6, _snapshot(2), pid=10).splitlines(keepends=True)
    other = aggregated_lines(10**6, _snapshot(4, 9), pid=11).splitlines(keepends=True)
    lines = TraceLines(5_000, 100_000, pid=10)
    found = lines.feed(other[0] + mine[0] + b"".join(other[1:]) + mine[1])
    assert [_regions(item) for item in found] == [_snapshot(2)]


def test_lost_events_are_counted_and_damaged_snapshots_left_out() -> None:
    """Lost events are counted and damaged snapshots left out."""
    cut = b"".join(aggregated_lines(10**6, _snapshot(5)).splitlines(keepends=True)[:3])
    text = cut + b"CPU:1 [LOST 2 EVENTS]\n" + aggregated_lines(1_100_000, _snapshot(5, 7))
    lines = TraceLines(5_000, 100_000)
    assert [_regions(item) for item in lines.feed(text)] == [_snapshot(5, 7)]
    assert (lines.lost_events, lines.dropped_snapshots) == (2, 1)


def test_no_snapshot_is_made_up_whatever_lines_are_lost() -> None:
    """No snapshot is made up whatever lines are lost."""
    rng = random.Random(5)
    shots = [_snapshot(rng.randint(1, 6), place) for place in range(60)]
    for _ in range(50):
        text = b"".join(aggregated_lines(10**5 * (1 + at), shot) for at, shot in enumerate(shots))
        kept = [line for line in text.splitlines(keepends=True) if rng.random() > 0.05]
        lines = TraceLines(5_000, 100_000)
        found = [_regions(item) for item in lines.feed(b"".join(kept))]
        assert all(item in shots for item in found)
        assert lines.dropped_snapshots > 0
        assert len(found) > 20


def test_hostile_lines_cost_no_memory_and_no_patience() -> None:
    """Hostile lines cost no memory and no patience."""
    lines = TraceLines(5_000, 100_000)
    head = b" kdamond.0-9 [000] ..... 1.000000: damon_aggregated: target_id=0 "
    text = (
        head + b"nr_regions=4294967295 0-4096: 1 1\n"
        + head + b"nr_regions=0 0-4096: 1 1\n"
        + head + b"nr_regions=1 99999999999999999999-4096: 1 1\n"
        + head + b"nr_regions=1 0-4096: 1\n"
        + b"x" * 100_000 + b"\n"
        + aggregated_lines(10**6, _snapshot(1))
    )  # fmt: skip
    found = lines.feed(text)
    assert [_regions(item) for item in found] == [_snapshot(1)]
    assert lines.feed(b"y" * 10**6) == []
    assert len(lines._rest) <= 4096


@settings(deadline=None, max_examples=80)
@given(st.binary(max_size=300))
def test_noise_breaks_nothing(noise: bytes) -> None:
    """Noise breaks nothing."""
    lines = TraceLines(5_000, 100_000)
    lines.feed(noise + b"\n")
    found = lines.feed(aggregated_lines(10**6, _snapshot(2)))
    assert np.array_equal(found[-1].snapshot.start, [0, 4096])


def test_tuning_steps_are_told_apart_by_kdamond() -> None:
    """A tuned sampling interval is kept with its time; another kdamond's is left out."""
    lines = TraceLines(5_000, 100_000, pid=9)
    event = b"damon_monitor_intervals_tune: sample_us="
    lines.feed(
        b" kdamond.0-9 [000] ..... 7.500000: " + event + b"5051\n"
        b" kdamond.1-8 [000] ..... 7.600000: " + event + b"9000\n"
    )
    assert lines.tunings == [(7_500_000_000, 5051)]
