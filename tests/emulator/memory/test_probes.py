"""Probes count what kind of pages a region holds, by the kernel's rules, in both monitors."""

from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from damosrl.damon import (
    AccessPattern,
    AddressRange,
    Attrs,
    Context,
    Document,
    Intervals,
    Kdamond,
    Ops,
    Probe,
    ProbeFilter,
    ProbeFilterType,
    Scheme,
    Target,
)
from damosrl.emulator.jit import kernel
from damosrl.emulator.loading import load_context
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.memcg import memcg_id
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.probing import join_probed, merge_probed, outcome_of, packed_hits, reset_hits
from damosrl.emulator.staging import request_commit
from damosrl.emulator.state import EngineState, Regions, allocate
from damosrl.emulator.workload.model import PageClass
from damosrl.errors import EmulatorLimitError
from tests.emulator.memory.conftest import MakeWorkload

ANON, MEMCG = ProbeFilterType.ANON, ProbeFilterType.MEMCG
ANON_PROBE = Probe((ProbeFilter(ANON, allow=True),))
GROUP_PROBE = Probe((ProbeFilter(MEMCG, allow=True, path="/a"),))
CLASSES = (PageClass(memcg="/a"), PageClass(kind="file", memcg="/a"), PageClass(), PageClass())


@kernel
def outcome(state: EngineState, has_folio: bool, anon: bool, memcg: int) -> int:
    """Return which probes of context 0 pass a page."""
    return outcome_of(state, 0, has_folio, anon, memcg)


@kernel
def join_first(state: EngineState) -> None:
    """Join the second region of context 0 to the first."""
    join_probed(state, 0, 0, 1)


@kernel
def merge(state: EngineState) -> None:
    """Age and merge the regions of context 0."""
    merge_probed(state, 0)


@kernel
def reset(state: EngineState) -> None:
    """Start a new window of context 0."""
    reset_hits(state.regions, 0)


@kernel
def packed(state: EngineState, r: int) -> np.uint64:
    """Return the moving sums of a region's hits."""
    return packed_hits(state, 0, r)


def hits_in(regions: Regions) -> NDArray[np.uint8]:
    """Return a view of the counters, ``(C, R, 8)``: hits of four probes, and those before."""
    return regions.hits.view(np.uint8).reshape(*regions.hits.shape, 8)


probe_filters = st.builds(
    lambda kind, matching, allow, path: ProbeFilter(
        kind, matching, allow, path if kind is MEMCG else None
    ),
    st.sampled_from([ANON, MEMCG]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["/a", "/b"]),
)


def _passes(conditions: tuple[ProbeFilter, ...], page: tuple[bool, str] | None) -> bool:
    """Decide in the plainest way; a page is whether it is anonymous, and its group."""
    for condition in conditions:
        if condition.filter_type is ANON:
            matched = page is not None and page[0]
        else:
            matched = page is not None and page[1] == condition.path
        if matched == condition.matching:
            return condition.allow
    return not conditions[-1].allow if conditions else True


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(probe_filters, max_size=3).map(tuple), min_size=1, max_size=4),
    st.none() | st.tuples(st.booleans(), st.sampled_from(["/a", "/b", "/"])),
)
def test_the_first_filter_that_fires_decides(
    lists: list[tuple[ProbeFilter, ...]], page: tuple[bool, str] | None
) -> None:
    """Each probe passes as a loop over its filters would; memory without a page has no type."""
    state = allocate(1, probe_filters=3)
    probes = tuple(Probe(conditions) for conditions in lists)
    load_context(state, 0, Context(Ops.PADDR, probes=probes), seed=1)
    anon, group = page or (False, "/")
    seen = outcome(state, page is not None, anon, memcg_id(group))
    expected = [_passes(conditions, page) for conditions in lists]
    assert [bool(seen >> i & 1) for i in range(len(lists))] == expected


def _regions(*weights: int, sizes: tuple[int, ...] = (4096, 12288)) -> EngineState:
    """Return a context of a few regions, one after the other, with probes of some weights."""
    borders = np.cumsum([0, *sizes])
    ranges = tuple(AddressRange(low, high) for low, high in pairwise(borders.tolist()))
    probes = tuple(Probe((ProbeFilter(ANON, allow=True),), weight) for weight in weights)
    state = allocate(1, region_capacity=64, probe_filters=1)
    attrs = Attrs(min_nr_regions=3, max_nr_regions=10)
    context = Context(Ops.PADDR, (Target(regions=ranges),), attrs, probes=probes)
    load_context(state, 0, context, seed=1)
    used = len(sizes)
    state.regions.nr_regions[0] = used
    state.regions.start[0, :used], state.regions.end[0, :used] = borders[:-1], borders[1:]
    state.contexts["sz_limit"] = 1 << 40
    return state


def test_joined_regions_have_the_mean_of_hits() -> None:
    """Hits 10 and 20 of 4 and 12 KiB make 17 (17.5 cut off); the left one's last hits stay."""
    state = _regions(0)
    regions = state.regions
    hits_in(regions)[0, :2, 0], hits_in(regions)[0, :2, 4] = (10, 20), (3, 9)
    regions.nr_accesses[0, :2], regions.age[0, :2] = (4, 8), (1, 2)
    join_first(state)
    assert hits_in(regions)[0, 0, 0] == 17
    assert hits_in(regions)[0, 0, 4] == 3
    assert (regions.nr_accesses[0, 0], regions.age[0, 0], regions.end[0, 0]) == (7, 1, 16384)


def test_weights_make_the_score_of_merging_and_ageing() -> None:
    """W = 3 x hits 0 + 1 x hits 1: 30, 32 and 0 merge to two; ages follow W, not accesses.

    The threshold is a tenth of the highest W, 3. Region 1 had W = 20 before, so its age starts
    anew; region 2 had none, and ages.
    """
    state = _regions(3, 1, sizes=(4096, 4096, 4096))
    regions = state.regions
    hits_in(regions)[0, :3, :2] = [[10, 0], [10, 2], [0, 0]]
    hits_in(regions)[0, :3, 4:6] = [[10, 0], [5, 5], [0, 0]]
    regions.nr_accesses[0, :3], regions.last_nr_accesses[0, :3] = (1, 20, 1), (20, 1, 20)
    regions.age[0, :3] = (6, 9, 9)
    merge(state)
    assert regions.nr_regions[0] == 2
    assert regions.end[0, :2].tolist() == [8192, 12288]
    assert regions.age[0, :2].tolist() == [(7 + 0) // 2, 10]
    assert hits_in(regions)[0, 0, :2].tolist() == [10, 1]


def test_windows_end_and_moving_sums() -> None:
    """At half a window the moving sum is the hits so far and half of those before."""
    state = _regions(0, 0)
    regions = state.regions
    hits_in(regions)[0, 0, :2] = (16, 9)
    reset(state)
    assert hits_in(regions)[0, 0, :2].tolist() == [0, 0]
    assert hits_in(regions)[0, 0, 4:6].tolist() == [16, 9]
    hits_in(regions)[0, 0, :2] = (3, 1)
    state.contexts["passed"], state.contexts["next_aggr"] = 10, 20
    assert int(packed(state, 0)) == (3 + 8) | (1 + 4) << 8


def _machine(
    config: MachineConfig,
    make_workload: MakeWorkload,
    monitor: Any,
    *probes: Probe,
    number: int = 1,
    rates: tuple[float, ...] = (40.0, 5.0, 0.0, 80.0),
) -> EmulatedMachines:
    """Return machines of one kdamond over a node of all four pieces and free frames."""
    attrs = Attrs(Intervals(5000, 100_000), 3, 6)
    contexts = [
        Context(Ops.PADDR, (Target(),), attrs, (Scheme(access_pattern=AccessPattern()),), probes=p)
        for p in (probes, ())
    ]
    document = Document(tuple(Kdamond((context,)) for context in contexts))
    machines = EmulatedMachines(config, number, document, monitor)
    workload = make_workload(rates, pages=CLASSES, fast_share=0.8, fast_fill=0.9)
    for index in range(number):
        machines.load(index, workload, seed=100 + index)
    return machines


@pytest.mark.parametrize("monitor", ["exact", "fast"])
def test_hits_follow_the_share_of_pages(
    two_tiers: MachineConfig, make_workload: MakeWorkload, monitor: str
) -> None:
    """Over all regions, hits per sample are the shares of memory that the probes pass.

    Of 20 windows of 20 samples of at least three regions: four standard deviations are 0.06.
    """
    nothing = Probe((ProbeFilter(ANON, matching=True, allow=False),))  # files, free memory, holes
    machines = _machine(two_tiers, make_workload, monitor, ANON_PROBE, GROUP_PROBE, nothing)
    world = machines.world
    slots = [(int(extent["piece"]), int(extent["length"])) for extent in _extents(machines)]
    total = sum(length for _, length in slots)
    anon = sum(length for piece, length in slots if piece in (0, 2, 3)) / total
    group = sum(length for piece, length in slots if piece in (0, 1)) / total
    assert int(world.nodes["free"][0, 0]) > 0
    seen = np.zeros(3)
    for _ in range(20):
        machines.run(0.1)
        regions, used = machines.engine.regions, int(machines.engine.regions.nr_regions[0])
        sizes = (regions.end[0, :used] - regions.start[0, :used]).astype(float)
        hits = hits_in(regions)[0, :used, 4:7].astype(float)
        seen += sizes @ hits / sizes.sum() / 20 / 20
    assert seen == pytest.approx([anon, group, 1.0 - anon], abs=0.06)


def _extents(machines: EmulatedMachines) -> list[np.void]:
    world, found = machines.world, []
    slot = int(world.nodes["first"][0, 0])
    while slot >= 0:
        found.append(world.slots[0, slot])
        slot = int(world.slots["after"][0, slot])
    return found


SEEDS = 300


def _first_window(
    config: MachineConfig, make_workload: MakeWorkload, monitor: str, weight: int
) -> NDArray[np.float64]:
    """Return per seed: accesses, hits of two probes and their products, of the first region."""
    probes = (Probe(ANON_PROBE.filters, weight), GROUP_PROBE)
    machines = _machine(config, make_workload, monitor, *probes, number=SEEDS)
    machines.run(0.095)
    regions = machines.engine.regions
    counts = regions.nr_accesses[::2, 0].astype(float)
    hits = hits_in(regions)[::2, 0, :2].astype(float)
    both = np.stack([counts, hits[:, 0], hits[:, 1]])
    return np.concatenate([both, both * np.roll(both, 1, axis=0), both**2])


@pytest.mark.parametrize("weight", [0, 2])
def test_fast_and_exact_probes_are_equal_in_distribution(
    two_tiers: MachineConfig, make_workload: MakeWorkload, weight: int
) -> None:
    """Means, variances and covariances of counts and hits agree over 300 seeds.

    Nine differences of means in units of their standard error; at a bound of 4.5 the family fails
    by chance once in 16,000 runs. With a weight nothing is counted but hits.
    """
    fast = _first_window(two_tiers, make_workload, "fast", weight)
    exact = _first_window(two_tiers, make_workload, "exact", weight)
    error = np.sqrt((fast.var(axis=1) + exact.var(axis=1)) / SEEDS)
    assert np.all(np.abs(fast.mean(axis=1) - exact.mean(axis=1)) <= 4.5 * error)
    assert np.any(exact[0] > 0) == (weight == 0)
    assert np.any(fast[0] > 0) == (weight == 0)
    assert exact[1].mean() > 1.0


def test_tried_regions_tell_hits(two_tiers: MachineConfig, make_workload: MakeWorkload) -> None:
    """A scheme's pieces carry the moving sums of all probes; without probes there are none."""
    machines = _machine(two_tiers, make_workload, "fast", ANON_PROBE, Probe())
    machines.run(0.5)
    for kdamond in (0, 1):
        machines.request_tried_regions(0, kdamond)
    machines.run(0.2)
    (tried,), (plain,) = (machines.tried_regions(0, kdamond) for kdamond in (0, 1))
    assert all(len(piece.probe_hits) == 2 for piece in tried.regions)
    assert all(piece.probe_hits[1] == 20 for piece in tried.regions)  # no filter: all pass
    assert any(0 < piece.probe_hits[0] <= 20 for piece in tried.regions)
    assert all(piece.probe_hits == () for piece in plain.regions)


def test_probes_come_and_go_by_commit(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """A commit brings probes to a running kdamond, whose arrays had no room, and takes them."""
    machines = _machine(two_tiers, make_workload, "fast")
    assert machines.engine.regions.hits.size == 0
    machines.run(0.3)
    contexts = [
        Context(Ops.PADDR, (Target(),), Attrs(Intervals(5000, 100_000), 3, 6), probes=probes)
        for probes in ((Probe(),), ())
    ]
    machines.engine = request_commit(machines.engine, [0], contexts[0])
    machines.run(0.3)
    used = int(machines.engine.regions.nr_regions[0])
    assert np.all(hits_in(machines.engine.regions)[0, :used, 4] == 20)
    machines.engine = request_commit(machines.engine, [0], contexts[1])
    machines.run(0.3)
    assert int(machines.engine.contexts["nr_probes"][0]) == 0


def test_a_batch_equals_its_machines(two_tiers: MachineConfig, make_workload: MakeWorkload) -> None:
    """Machines with probes go the same way in a batch as alone."""
    batch = _machine(two_tiers, make_workload, "fast", ANON_PROBE, number=3)
    alone = _machine(two_tiers, make_workload, "fast", ANON_PROBE, number=1)
    batch.run(2.0)
    alone.run(2.0)
    assert batch.engine.contexts[0] == alone.engine.contexts[0]
    hits = batch.engine.regions.hits[0]
    assert np.array_equal(hits, alone.engine.regions.hits[0])


def test_counters_wrap_at_eight_bits(two_tiers: MachineConfig, make_workload: MakeWorkload) -> None:
    """300 samples that all pass leave 44 in a counter of 8 bits."""
    attrs = Attrs(Intervals(1000, 300_000), 3, 6)
    context = Context(Ops.PADDR, (Target(),), attrs, probes=(Probe(),))
    document = Document((Kdamond((context,)), Kdamond((Context(Ops.PADDR, (Target(),)),))))
    monitors: tuple[Literal["exact", "fast"], ...] = ("exact", "fast")
    for monitor in monitors:
        machines = EmulatedMachines(two_tiers, 1, document, monitor)
        machines.load(0, make_workload([1.0] * 4), seed=1)
        machines.run(0.3)
        used = int(machines.engine.regions.nr_regions[0])
        assert np.all(hits_in(machines.engine.regions)[0, :used, 4] == 300 - 256)


def test_probes_need_room() -> None:
    """An engine allocated without probes says so."""
    with pytest.raises(EmulatorLimitError, match="more probes"):
        load_context(allocate(1), 0, Context(Ops.PADDR, probes=(Probe(),)), seed=1)
