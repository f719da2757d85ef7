"""What schemes do to address ranges of processes, counted frame by frame."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damosrl.damon import (
    AccessPattern,
    Action,
    Dest,
    Document,
    Filter,
    FilterType,
    Quota,
    Scheme,
    Target,
)
from damosrl.emulator.jit import kernel
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.state import EngineState
from damosrl.emulator.virtual_actions import act_in_process
from damosrl.emulator.workload.address_space import Process, Vma
from damosrl.emulator.workload.model import PageClass, PageLayout, Workload
from damosrl.machine import Plan

MIB = 1 << 20
FRAME = 2 * MIB
HEAP, MMAP, STACK = 0x10_0000_0000, 0x20_0000_0000, 0x30_0000_0000
PIECES = 4
MakeProcesses = Callable[..., Workload]
Watch = Callable[..., Document]


@kernel
def apply(
    world: MemoryWorld, state: EngineState, s: int, target: int, start: np.uint64, end: np.uint64
) -> np.uint64:
    """Apply a scheme of the first context to a range of a target."""
    return act_in_process(world, state, 0, s, target, start, end)


def _act(machines: EmulatedMachines, start: int, end: int, scheme: int = 0) -> int:
    low, high = np.uint64(start), np.uint64(end)
    return int(apply(machines.world, machines.engine, scheme, 0, low, high))


def _process() -> Process:
    """Heap of 32 frames, mmap area of 62, a hole of 1 frame after its first 32, stack of 2."""
    areas = (
        Vma(HEAP, 64 * MIB, 0),
        Vma(MMAP, 64 * MIB, 64 * MIB),
        Vma(MMAP + 66 * MIB, 124 * MIB, 128 * MIB),
        Vma(STACK, 4 * MIB, 252 * MIB),
    )
    return Process(1, areas)


HUGE = PageLayout(np.array([0, 256 * MIB]), (PageClass(folio="2 MiB"),))


def _frames(machines: EmulatedMachines) -> list[list[int]]:
    """Count the frames of each piece by node, from the extents."""
    world, counts = machines.world, [[0] * PIECES for _ in range(machines.world.nodes.shape[1])]
    for node, pieces in enumerate(counts):
        slot = int(world.nodes["first"][0, node])
        while slot != NONE:
            piece = int(world.slots["piece"][0, slot])
            if piece != FREE:
                pieces[piece] += int(world.slots["length"][0, slot])
            slot = int(world.slots["after"][0, slot])
    return counts


def _check(machines: EmulatedMachines) -> list[list[int]]:
    """Return `_frames`, after a look whether the tables say the same and no frame is lost."""
    counts = _frames(machines)
    resident = machines.world.virtual.plans["resident"][0, :, :PIECES]
    assert resident.tolist() == counts
    assert np.sum(counts, axis=0).tolist() == [32] * PIECES
    assert not machines.world.virtual.plans["left"].any()
    return counts


@pytest.fixture(name="load")
def _load(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> Callable[..., EmulatedMachines]:
    """Return a maker of a machine on which nothing runs but what a test does."""

    def load(
        *schemes: Scheme,
        config: MachineConfig | None = None,
        pages: PageLayout | None = HUGE,
        fast_fill: float = 0.5,
    ) -> EmulatedMachines:
        idle = Quota(sz_bytes=1, reset_interval_ms=1000)
        document = watch(Target(1), schemes=[replace(scheme, quota=idle) for scheme in schemes])
        machines = EmulatedMachines(config or two_tiers, 1, document)
        workload = make_processes(
            [9.0] * PIECES, [_process()], fast_share=1.0, fast_fill=fast_fill, pages=pages
        )
        machines.load(0, workload, seed=1)
        return machines

    return load


Load = Callable[..., EmulatedMachines]


def test_migrate_moves_all_of_a_range_and_nothing_else(load: Load) -> None:
    """The frames of a range go to the target node, there they stay, and bytes are counted."""
    machines = load(Scheme(Action.MIGRATE_HOT, target_nid=1), fast_fill=1.0)
    assert _check(machines)[0] == [32] * PIECES
    assert _act(machines, HEAP, HEAP + 64 * MIB) == 64 * MIB
    assert _check(machines)[1] == [32, 0, 0, 0]
    assert _act(machines, HEAP, HEAP + 64 * MIB) == 0
    assert _act(machines, MMAP + 10 * MIB, MMAP + 20 * MIB) == 10 * MIB
    assert _check(machines)[1] == [32, 5, 0, 0]
    assert _act(machines, HEAP + 64 * MIB, MMAP) == 0  # the gap between
    assert machines.engine.schemes["sz_ops_filter_passed"][0, 0] == 0


def test_neighbouring_ranges_share_frames_out(load: Load) -> None:
    """Ranges that cut frames apart mean each frame once: it belongs where its centre lies."""
    machines = load(Scheme(Action.MIGRATE_COLD, target_nid=1), fast_fill=1.0)
    cuts = [MMAP, MMAP + 3 * MIB, MMAP + 3 * MIB + 4096, MMAP + 9 * MIB]
    meant = []
    for low, high in pairwise(cuts):
        _act(machines, low, high)
        meant.append(int(machines.world.virtual.plans["asked"][0, -1, 1]))
    assert meant == [1, 1, 2]  # centres at 1 MiB, at 3 MiB, at 5 and 7 MiB


@pytest.mark.parametrize("nid", [-1, 2, 7])
def test_migrate_to_nowhere(load: Load, nid: int) -> None:
    """A node that does not exist takes nothing (2.1)."""
    machines = load(Scheme(Action.MIGRATE_HOT, target_nid=nid))
    before = _check(machines)
    assert _act(machines, HEAP, STACK + 4 * MIB) == 0
    assert _check(machines) == before


def test_a_full_target_takes_what_fits(load: Load) -> None:
    """Nothing is reclaimed to make room; the rest stays where it was."""
    machines = load(Scheme(Action.MIGRATE_HOT, target_nid=0), fast_fill=0.9)
    room = int(machines.world.nodes["free"][0, 0])
    below = sum(_check(machines)[1])
    assert 0 < room < below + 1
    assert _act(machines, HEAP, STACK + 4 * MIB) == min(room, below) * FRAME
    _check(machines)


DESTS = st.lists(
    st.tuples(st.sampled_from([0, 1, 1, 5]), st.integers(0, 5)), min_size=1, max_size=4
)


def _expected(dests: list[tuple[int, int]], first: int, end: int) -> list[int]:
    """Count huge folios of the mmap area by node, folio by folio (2.2)."""
    counts, total = [0, 0], sum(weight for _, weight in dests)
    for folio in range(first, end):
        address = MMAP + folio * FRAME
        number = (MMAP >> 12 >> 9) + ((address - MMAP) >> 21)
        rest = number % total if total else -1
        for node, weight in dests if total else ():
            if rest < weight:
                if node < 2:
                    counts[node] += 1
                break
            rest -= weight
    return counts


@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(dests=DESTS, first=st.integers(0, 31), size=st.integers(1, 32))
def test_weighted_destinations(
    load: Load, dests: list[tuple[int, int]], first: int, size: int
) -> None:
    """Of huge folios that are all on the fast node, exactly those whose number says so move."""
    end = min(first + size, 32)
    scheme = Scheme(
        Action.MIGRATE_HOT,
        target_nid=1,
        dests=tuple(Dest(node, weight) for node, weight in dests),
    )
    machines = load(scheme, fast_fill=1.0)
    moved = _act(machines, MMAP + first * FRAME, MMAP + end * FRAME)
    there = _expected(dests, first, end)[1]
    assert moved == there * FRAME
    assert _check(machines)[1] == [0, there, 0, 0]


def test_an_interleaving_in_place_stays(load: Load) -> None:
    """Applied again over the whole area it moves nothing, as in the kernel (2.2)."""
    machines = load(Scheme(Action.MIGRATE_HOT, dests=(Dest(0, 3), Dest(1, 2))), fast_fill=1.0)
    assert _act(machines, MMAP, MMAP + 64 * MIB) == _expected([(0, 3), (1, 2)], 0, 32)[1] * FRAME
    before = _check(machines)
    assert _act(machines, MMAP, MMAP + 64 * MIB) == 0
    assert _check(machines) == before


def test_destinations_of_small_pages(load: Load) -> None:
    """Folios smaller than a frame are numbered singly; frames follow their shares."""
    dests = (Dest(0, 1), Dest(1, 3))
    machines = load(Scheme(Action.MIGRATE_HOT, dests=dests), fast_fill=1.0, pages=None)
    assert _act(machines, MMAP, MMAP + 64 * MIB) == 24 * FRAME
    assert _check(machines)[1] == [0, 24, 0, 0]


def test_dests_are_committed(load: Load, watch: Watch) -> None:
    """Destinations that a commit brings rule from then on."""
    machines = load(Scheme(Action.MIGRATE_HOT, target_nid=1), fast_fill=1.0)
    scheme = Scheme(
        Action.MIGRATE_HOT, AccessPattern(), dests=(Dest(1, 1), Dest(0, 3)), target_nid=0
    )
    machines.commit(Plan(watch(Target(1), schemes=(scheme,)), {}))
    machines.run(1.0)
    assert sum(_check(machines)[1]) == pytest.approx(32, abs=3)


def test_filters_choose_what_migrates(load: Load) -> None:
    """Migration asks the filters of the operations layer about each folio; stat counts those."""
    layout = PageLayout(
        np.arange(5) * 64 * MIB,
        tuple(PageClass(kind=kind, folio="2 MiB") for kind in ("anon", "file", "anon", "anon")),
    )
    file_only = (Filter(FilterType.ANON, matching=True, allow=False),)
    machines = load(
        Scheme(Action.MIGRATE_HOT, target_nid=1, filters=file_only),
        Scheme(Action.STAT, filters=file_only),
        fast_fill=1.0,
        pages=layout,
    )
    assert _act(machines, HEAP, STACK, scheme=1) == 0
    assert machines.engine.schemes["sz_ops_filter_passed"][0, 1] == 64 * MIB
    assert _act(machines, HEAP, STACK) == 64 * MIB
    assert _check(machines)[1] == [0, 32, 0, 0]
    assert machines.engine.schemes["sz_ops_filter_passed"][0, 0] == 0


def test_pageout_takes_all_and_reports_all_or_nothing(load: Load, with_swap: MachineConfig) -> None:
    """Accessed or not, what is mapped goes; a hole in the range makes the call fail (2.1)."""
    roomy = replace(
        with_swap, tiers=(replace(with_swap.tiers[0], capacity="100 %"), with_swap.tiers[1])
    )
    machines = load(Scheme(Action.PAGEOUT), config=roomy, fast_fill=1.0)
    assert _check(machines)[1] == [0] * PIECES
    assert _act(machines, HEAP, HEAP + 64 * MIB) == 64 * MIB
    assert _check(machines)[1] == [32, 0, 0, 0]
    assert _act(machines, MMAP, MMAP + 70 * MIB) == 0  # mmap area, a hole, 4 MiB of the next
    assert _check(machines)[1] == [32, 32, 2, 0]
    assert _act(machines, HEAP, HEAP + 64 * MIB) == 64 * MIB  # nothing left, the call succeeds


def test_willneed_reads_in(load: Load, with_swap: MachineConfig) -> None:
    """Swapped memory of the range comes back as far as there is room."""
    machines = load(
        Scheme(Action.PAGEOUT), Scheme(Action.WILLNEED), config=with_swap, fast_fill=1.0
    )
    for start, end in ((HEAP, HEAP + 64 * MIB), (MMAP, MMAP + 190 * MIB), (STACK, STACK + MIB)):
        _act(machines, start, end)
    swapped = _check(machines)[1]
    assert swapped[:2] == [32, 32]
    assert _act(machines, HEAP, HEAP + 64 * MIB, scheme=1) == 64 * MIB
    assert _check(machines)[1] == [0, *swapped[1:]]


@pytest.mark.parametrize("action", [Action.LRU_PRIO, Action.LRU_DEPRIO, Action.STAT])
def test_what_address_ranges_do_not_know(load: Load, action: Action) -> None:
    """LRU actions and stat without filters apply to 0 bytes and change nothing."""
    machines = load(Scheme(action))
    before = machines.world.slots.copy()
    assert _act(machines, HEAP, HEAP + 64 * MIB) == 0
    assert np.array_equal(machines.world.slots, before)


@pytest.mark.parametrize(
    ("action", "orders"),
    [(Action.COLLAPSE, {9}), (Action.HUGEPAGE, {9}), (Action.COLD, {0})],
)
def test_other_advice(load: Load, action: Action, orders: set[int]) -> None:
    """Collapse and hugepage make folios of 2 MiB of a range, cold leaves sizes alone."""
    machines = load(Scheme(action), fast_fill=1.0, pages=None)
    assert _act(machines, HEAP, HEAP + 64 * MIB) == 64 * MIB
    _check(machines)
    slots, used = machines.world.slots[0], machines.world.slots["piece"][0] == 0
    assert set(slots["order"][used & (slots["length"] > 0)].tolist()) == orders
    assert set(slots["order"][slots["piece"] == 1].tolist()) == {0}


def test_huge_folios_share_an_accessed_bit(load: Load) -> None:
    """After collapse, monitors see any access to a folio at all of its addresses (1.6)."""
    machines = load(Scheme(Action.COLLAPSE), fast_fill=1.0, pages=None)
    machines.world.rates[:] = 0.05
    before = machines.run(2.0).snapshot
    _act(machines, HEAP, HEAP + 64 * MIB)
    after = machines.run(2.0).snapshot

    def heat(snapshot: object) -> float:
        start, counts = snapshot.start[0, 0], snapshot.nr_accesses[0, 0]  # type: ignore[attr-defined]
        sizes = (snapshot.end[0, 0] - start).astype(float)  # type: ignore[attr-defined]
        heap = start < MMAP
        return float((counts * sizes)[heap].sum() / sizes[heap].sum())

    assert heat(before) < 1.0
    assert heat(after) > 1.0


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 62), st.integers(1, 62), st.integers(0, 4095)),
        min_size=1,
        max_size=12,
    )
)
def test_no_action_loses_memory(
    load: Load, with_swap: MachineConfig, steps: list[tuple[int, int, int, int]]
) -> None:
    """Whatever is done to whatever range, frames are conserved and the tables stay true."""
    machines = load(
        Scheme(Action.MIGRATE_HOT, target_nid=0),
        Scheme(Action.PAGEOUT),
        Scheme(Action.WILLNEED),
        Scheme(Action.MIGRATE_COLD, dests=(Dest(0, 1),)),
        Scheme(Action.COLLAPSE),
        config=with_swap,
        pages=None,
    )
    for scheme, first, size, shift in steps:
        start = MMAP + first * FRAME + shift * 4096 % FRAME
        applied = _act(machines, start, start + size * FRAME, scheme)
        assert 0 <= applied <= (size + 1) * FRAME
        _check(machines)
