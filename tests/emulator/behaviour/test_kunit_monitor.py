"""KUnit cases of the kernel's monitoring core, through the emulator's own steps (semantics 7)."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.damon import (
    AccessPattern,
    AddressRange,
    Attrs,
    Context,
    Intervals,
    Ops,
    Scheme,
    Target,
)
from damosrl.damon.documents import read_document
from damosrl.emulator.commit import commit_staged
from damosrl.emulator.conformance.rig import get_regions, put_regions, rig
from damosrl.emulator.conformance.tables import TABLES
from damosrl.emulator.engine import run_until
from damosrl.emulator.loading import load_context
from damosrl.emulator.monitor import merge_once, split_regions
from damosrl.emulator.regions import moving_sum
from damosrl.emulator.scripted import empty_script
from damosrl.emulator.staging import request_commit
from damosrl.emulator.state import EXACT, EngineState, allocate
from damosrl.errors import DocumentError, UnknownNameError

PAGE = 4096
SEEDS = st.integers(0, 2**64 - 1)
BYTEWISE = {"min_region_sz": 1}
Rows = list[list[int]]


def _region(start: int, end: int, nr: int = 0, last: int = 0, age: int = 0) -> list[int]:
    return [start, end, nr, last, age]


def test_targets_keep_the_order_of_their_regions() -> None:
    """A context has the targets it was given, each with its sorted regions (add_targets)."""
    ranges = ((10, 20), (30, 50)), ((5, 10),), ()
    targets = tuple(
        Target(index, tuple(AddressRange(low * PAGE, high * PAGE) for low, high in spans))
        for index, spans in enumerate(ranges)
    )
    state = allocate(1)
    load_context(state, 0, Context(Ops.FVADDR, targets, Attrs(min_nr_regions=3)), 1)
    got = [[(start // PAGE, end // PAGE) for start, end, *_ in rows] for rows in get_regions(state)]
    assert [rows[0][0] if rows else None for rows in got] == [10, 5, None]
    assert [rows[-1][1] if rows else None for rows in got] == [50, 10, None]
    for rows, spans in zip(got, ranges, strict=True):
        assert rows == sorted(rows)
        assert sum(end - start for start, end in rows) == sum(high - low for low, high in spans)


def test_unknown_operations_are_refused() -> None:
    """An operation set that nobody registered cannot be selected (ops_registration)."""
    with pytest.raises(UnknownNameError, match="did you mean 'vaddr'"):
        read_document({"kdamonds": [{"contexts": [{"ops": "vadr", "targets": []}]}]})


def test_aggregation_resets_counts() -> None:
    """A new window keeps regions and last counts, and counts from zero (aggregate)."""
    target = Target(1, (AddressRange(0, 3 * PAGE),))
    attrs = Attrs(min_nr_regions=3, max_nr_regions=3)
    state = allocate(1)
    world = empty_script(1, 8)._replace(
        access_target=np.zeros(2, np.int64),
        access_span=np.array([[0, PAGE, 0, 2**63], [PAGE, 2 * PAGE, 0, 52_000]], np.uint64),
    )
    load_context(state, 0, Context(Ops.FVADDR, (target,), attrs), 1, monitor=EXACT)
    run_until(state, world, 0, 1, np.array([95_000]))
    assert [row[2] for row in get_regions(state)[0]] == [19, 10, 0]
    run_until(state, world, 0, 1, np.array([100_000]))
    spans = [[place * PAGE, place * PAGE + PAGE] for place in range(3)]
    assert [row[:2] for row in get_regions(state)[0]] == spans
    assert [row[2:4] for row in get_regions(state)[0]] == [[0, 20], [0, 10], [0, 0]]


def test_split_keeps_what_is_known() -> None:
    """[0, 100) cut at 25: both parts have the counts and the age (split_at)."""
    head = {"type": "addr", "start": 0, "end": 25, "matching": True, "allow": True}
    vector = {
        "targets": [[_region(0, 100, 42, 15, 10)]],
        "filters": [head],
        "min_region_sz": 1,
        "target_idx": 0,
        "region_idx": 0,
    }
    result = TABLES["core_filter_out"](vector)
    assert result["out_targets"] == [[[0, 25, 42, 15, 10], [25, 100, 42, 15, 10]]]


def test_merge_two_regions() -> None:
    """[0, 100) nr 10 age 9 and [100, 300) nr 20 age 21 give nr 16, age 17 (merge_two)."""
    state = rig([[_region(0, 100, 10, 3, 9), _region(100, 300, 20, 4, 21)]])
    merge_once(state.regions, 0, np.int64(10), np.uint64(300))
    assert get_regions(state) == [[[0, 300, 16, 3, 17]]]


def test_merge_of_nine_regions() -> None:
    """Like neighbours join up to the size limit; holes and unlike counts part (merge_regions)."""
    starts = [0, 100, 114, 122, 130, 156, 170, 184, 230]
    ends = [100, 112, 122, 130, 156, 170, 184, 230, 10170]
    counts = [0, 0, 10, 10, 20, 30, 1, 2, 5]
    rows = [_region(*row) for row in zip(starts, ends, counts, strict=True)]
    state = rig([rows])
    merge_once(state.regions, 0, np.int64(9), np.uint64(9999))
    merged = [(start, end) for start, end, *_ in get_regions(state)[0]]
    assert merged == [(0, 112), (114, 130), (130, 156), (156, 170), (170, 230), (230, 10170)]


def _split(targets: list[Rows], seed: int, thrice: bool, **values: int) -> EngineState:
    """Run one split; with ``thrice`` the last one had changed nothing, so that three parts come."""
    used = sum(len(rows) for rows in targets)
    last = used if thrice else 0
    context = {"rng": seed, "last_nr_regions": last, "max_nr_regions": 1000} | BYTEWISE | values
    state = rig(targets, context=context)
    split_regions(state, 0)
    return state


@settings(deadline=None)
@given(SEEDS, st.booleans())
def test_split_makes_few_parts(seed: int, thrice: bool) -> None:
    """A region becomes at most two parts, or three, that cover it (split_regions_of)."""
    parts = 3 if thrice else 2
    for size in (22, 220):
        (rows,) = get_regions(_split([[_region(0, size, 3, 5, 7)]], seed, thrice))
        assert 1 <= len(rows) <= parts
        assert [row[0] for row in rows] == [0] + [row[1] for row in rows[:-1]]
        assert rows[-1][1] == size
        assert all(row[2:] == [3, 5, 7] for row in rows)


@settings(deadline=None)
@given(SEEDS, st.booleans())
def test_split_keeps_the_least_size(seed: int, thrice: bool) -> None:
    """Parts are not smaller than the least size, and no border is lost (split_regions_of)."""
    spans = [(0, 8), (8, 24), (24, 56)]
    state = _split([[_region(*span) for span in spans]], seed, thrice, min_region_sz=4)
    (rows,) = get_regions(state)
    assert len(rows) <= 3 * (3 if thrice else 2)
    assert all(end - start >= 4 for start, end, *_ in rows)
    assert {0, 8, 24} <= {row[0] for row in rows}


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_split_above_half_progresses(seed: int) -> None:
    """760 regions of at most 1500 still become more (split_above_half_progresses, 7.3)."""
    rows = [_region(place * 100, place * 100 + 100) for place in range(760)]
    state = _split([rows], seed, thrice=False, max_nr_regions=1500)
    assert 760 < int(state.regions.nr_regions[0]) <= 1500


SET_REGIONS: list[tuple[list[tuple[int, int]], list[tuple[int, int]], list[tuple[int, int]]]] = [
    ([], [(5, 15), (15, 25)], [(5, 25)]),
    ([(4, 16), (24, 32)], [(18, 23)], [(18, 23)]),
    ([(4, 16), (24, 32)], [(8, 28)], [(8, 16), (16, 24), (24, 28)]),
    ([(0, 4), (4, 17)], [(0, 15), (25, 40)], [(0, 4), (4, 15), (25, 40)]),
    ([(0, 4), (42, 52)], [(0, 15), (25, 40), (44, 50)], [(0, 15), (25, 40), (44, 50)]),
]


@pytest.mark.parametrize(("old", "ranges", "new"), SET_REGIONS)
def test_set_regions_by_commit(
    old: list[tuple[int, int]], ranges: list[tuple[int, int]], new: list[tuple[int, int]]
) -> None:
    """The five cases of set_regions through an online commit, which joins adjacent ranges."""
    what = Context(
        Ops.FVADDR, (Target(1, tuple(AddressRange(PAGE * a, PAGE * b) for a, b in ranges)),)
    )
    state = allocate(1)
    load_context(state, 0, what, 1)
    put_regions(state, [[_region(a * PAGE, b * PAGE, 1, 2, 3) for a, b in old]])
    state = request_commit(state, [0], what)
    commit_staged(state, 0)
    assert [(a // PAGE, b // PAGE) for a, b, *_ in get_regions(state)[0]] == new


def test_monitoring_results_follow_the_attributes() -> None:
    """Three conversions in a row, each from 10/1000 us, of count 15 and age 20 (KUnit)."""
    nr, age = 15, 20
    for new, expected in (((100, 10_000), (15, 2)), ((1, 1000), (150, 2)), ((1, 100), (150, 20))):
        vector: dict[str, Any] = {
            "nr_accesses": nr,
            "last_nr_accesses": nr,
            "age": age,
            "old_sample_us": 10,
            "old_aggr_us": 1000,
            "new_sample_us": new[0],
            "new_aggr_us": new[1],
            "new_update_us": 1000,
            "apply_interval_us": 0,
            "passed": 100,
            "next_aggr": 100,
        }
        result = TABLES["attrs_conversion"](vector)
        nr, age = result["out_nr_accesses"], result["out_age"]
        assert (nr, age) == expected
        assert result["out_last_nr_accesses"] == nr


@pytest.mark.parametrize(
    ("times", "bounds", "hint"),
    [
        ((5000, 100_000), (1, 1000), "nr_regions.min"),
        ((5000, 100_000), (10, 9), "above nr_regions.max"),
        ((5000, 4999), (10, 1000), "longer than aggregation"),
    ],
)
def test_set_attrs_refuses(times: tuple[int, int], bounds: tuple[int, int], hint: str) -> None:
    """Attributes are refused where the kernel answers EINVAL (set_attrs)."""
    Attrs(Intervals(5000, 100_000), 10, 1000)
    with pytest.raises(DocumentError, match=hint):
        Attrs(Intervals(*times), *bounds)


@pytest.mark.parametrize(
    ("now", "last", "left_bp", "value"),
    [
        (0, 49, 10_000, 49),
        (3, 10, 7000, 10),
        (3, 10, 5000, 8),
        (32, 100, 1000, 42),
        (42, 49, 0, 42),
    ],
)
def test_moving_sum(now: int, last: int, left_bp: int, value: int) -> None:
    """The window's count plus the last one's share of what is left (mvsum)."""
    clock = {"sample_us": 1, "aggr_us": 10_000, "passed": 10_000 - left_bp, "next_aggr": 10_000}
    context = rig(context=clock).contexts[0]
    assert int(moving_sum(context, np.uint32(now), np.uint32(last))) == value


@pytest.mark.parametrize(
    ("unit", "lowest", "cap", "count"),
    [(1, 10, 1, 10), (1, 15, 1, 10), (2, 2, 6, 2), (2, 10, 2, 5)],
)
def test_apply_min_nr_regions(unit: int, lowest: int, cap: int, count: int) -> None:
    """[0, 10) is cut at the size that keeps the least number of regions (apply_min_nr_regions)."""
    vector = {
        "targets": [[_region(0, 10)]],
        "min_region_sz": unit,
        "min_nr_regions": lowest,
    }
    result = TABLES["apply_min_step"](vector)
    assert result["cap"] == cap
    assert len(result["out_targets"][0]) == count


def test_last_region_of_each_target() -> None:
    """A pass counts one snapshot per target, at the last region of each (is_last_region)."""
    spans = ((0, 9), (0, 1), (5, 9))
    targets = tuple(Target(1, (AddressRange(a * PAGE, b * PAGE),)) for a, b in spans)
    attrs = Attrs(min_nr_regions=3, max_nr_regions=20)
    state = allocate(1)
    what = Context(Ops.FVADDR, targets, attrs, (Scheme(access_pattern=AccessPattern()),))
    load_context(state, 0, what, 1, monitor=EXACT)
    run_until(state, empty_script(), 0, 1, np.array([500_000]))
    assert int(state.schemes["nr_snapshots"][0, 0]) == 5 * len(targets)
