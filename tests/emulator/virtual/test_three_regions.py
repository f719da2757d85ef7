"""The three-regions rule, against the kernel's unit test and a plain reference."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.emulator.conformance.rig import get_regions, rig
from damosrl.emulator.extents import clear_extents
from damosrl.emulator.fitting import set_regions
from damosrl.emulator.memory_state import allocate_world
from damosrl.emulator.processes import write_processes
from damosrl.emulator.virtual_monitor import process_of, three_areas
from damosrl.emulator.watching import evenly_cut
from damosrl.emulator.workload.address_space import Process, Vma
from damosrl.emulator.workload.model import AccessModel, Application, StartState, Workload

PAGE = 4096
Span = tuple[int, int]


def _areas(spans: list[Span], unit: int) -> list[Span] | None:
    """Ask the kernel function about areas given in pages; answer in pages."""
    process = Process(7, tuple(Vma(low * PAGE, (high - low) * PAGE) for low, high in spans))
    access = AccessModel(np.array([0, PAGE]), np.zeros(1), np.zeros((1, 1), np.float32))
    workload = Workload("t", "t", access, Application(), StartState(), 0.5, processes=(process,))
    world = allocate_world(1, 2, 2)
    clear_extents(world, 0)
    world = write_processes(world, 0, workload, np.ones(1, np.int64), PAGE)
    found = np.zeros((1, 2, 3), np.uint64)
    if not three_areas(
        world.virtual, 0, process_of(world.virtual, 0, 7), np.uint64(unit * PAGE), found, 0
    ):
        return None
    return [(int(low) // PAGE, int(high) // PAGE) for low, high in found[0].T]


def _reference(spans: list[Span], unit: int) -> list[Span] | None:
    """Cut at the two largest gaps, the first ones among equal ones; every bound rounded up."""
    gaps = [(left[1], right[0]) for left, right in pairwise(spans)]
    largest = sorted((gap for gap in gaps if gap[0] < gap[1]), key=lambda gap: gap[0] - gap[1])[:2]
    if len(largest) < 2:
        return None
    (a, b), (c, d) = sorted(largest)
    bounds = [-(-bound // unit) * unit for bound in (spans[0][0], a, b, c, d, spans[-1][1])]
    return list(zip(bounds[::2], bounds[1::2], strict=True))


def test_the_kernels_unit_test() -> None:
    """The example of the kernel's own test (semantics 1.4)."""
    spans = [(10, 20), (20, 25), (200, 210), (210, 220), (300, 305), (307, 330)]
    assert _areas(spans, 1) == [(10, 25), (200, 220), (300, 330)]


BEFORE = [(10, 20), (20, 30), (50, 55), (55, 57), (57, 59), (70, 80), (80, 90), (90, 100)]


@pytest.mark.parametrize(
    ("areas", "after"),
    [
        (
            [(5, 27), (45, 55), (73, 104)],
            [(5, 20), (20, 27), (45, 55), (73, 80), (80, 90), (90, 104)],
        ),
        (
            [(5, 27), (56, 57), (65, 104)],
            [(5, 20), (20, 27), (56, 57), (65, 80), (80, 90), (90, 104)],
        ),
        (
            [(5, 27), (61, 63), (65, 104)],
            [(5, 20), (20, 27), (61, 63), (65, 80), (80, 90), (90, 104)],
        ),
        ([(5, 7), (30, 32), (65, 68)], [(5, 7), (30, 32), (65, 68)]),
    ],
    ids=["most stay", "middle shrinks", "middle jumps", "all jump"],
)
def test_regions_are_fitted_to_three_areas(areas: list[Span], after: list[Span]) -> None:
    """Regions inside stay, outer borders move, an area without any gets one of its own."""
    before = [[low, high, 0, 0, 0] for low, high in BEFORE]
    state = rig([before], context={"min_region_sz": 1})
    set_regions(state, 0, 0, np.array(areas, np.uint64).T[None].copy())
    assert [(row[0], row[1]) for row in get_regions(state)[0]] == after


def test_less_than_two_gaps_give_nothing() -> None:
    """One area, touching areas, and one gap are EINVAL."""
    for spans in ([(1, 2)], [(1, 2), (2, 5)], [(1, 2), (2, 5), (9, 10)], []):
        assert _areas(spans, 1) is None


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), max_size=12),
    st.sampled_from([1, 4]),
)
def test_any_areas(steps: list[Span], unit: int) -> None:
    """For all areas, equal gaps among them, the rule is the reference's."""
    spans, place = [], 3
    for gap, size in steps:
        spans.append((place + gap, place + gap + size))
        place += gap + size
    assert _areas(spans, unit) == _reference(spans, unit)


@given(st.lists(st.integers(1, 200), min_size=3, max_size=3), st.integers(3, 40))
def test_even_cuts_of_6_12(sizes: list[int], least: int) -> None:
    """Parts cover each area exactly, all but the last of an area are equal and none is small."""
    starts = [1000 * place for place in range(3)]
    areas = [(s * PAGE, (s + size) * PAGE) for s, size in zip(starts, sizes, strict=True)]
    cut = evenly_cut(np.array([areas], np.uint64).swapaxes(1, 2), least, PAGE)[0]
    parts = cut.T.astype(np.int64).tolist()
    whole = max(sum(sizes) * PAGE // least, PAGE)
    for low, high in areas:
        inside = [part for part in parts if low <= part[0] < high]
        assert inside[0][0] == low
        assert inside[-1][1] == high
        assert all(left[1] == right[0] for left, right in pairwise(inside))
        lengths = {end - start for start, end in inside[:-1]}
        assert len(lengths) <= 1
        assert len(inside) == max((high - low) // whole, 1)
