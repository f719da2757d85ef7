"""Filters of the operations layer decide folio by folio, as a loop over filters would."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damosrl.damon import (
    AccessPattern,
    Action,
    AddressRange,
    Filter,
    FilterType,
    Range,
    Scheme,
)
from damosrl.emulator.jit import kernel
from damosrl.emulator.loading import load_filters
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.memcg import memcg_id
from damosrl.emulator.memory_state import TOUCHED, MemoryWorld
from damosrl.emulator.ops_filters import passing_folios
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.room import Room, make_room
from damosrl.emulator.state import EngineState, code_of
from damosrl.emulator.workload.model import PageClass
from tests.emulator.memory.conftest import MakeWorkload
from tests.emulator.memory.physical import MIB, machine_with, passed_bytes, run_action

FOLIOS = 12


@kernel
def passing(world: MemoryWorld, state: EngineState, slot: int) -> tuple[np.int64, bool]:
    """Ask the filters of scheme 0 about some folios of an extent."""
    return passing_folios(world, state, 0, 0, 0, slot, FOLIOS, 0.005)


kinds = st.sampled_from(["anon", "active", "memcg", "young", "hugepage_size", "unmapped"])


@st.composite
def filters(draw: Any) -> Filter:
    """Draw a filter of the operations layer."""
    kind = FilterType(draw(kinds))
    matching, allow = draw(st.booleans()), draw(st.booleans())
    if kind is FilterType.MEMCG:
        return Filter(kind, matching, allow, memcg_path=draw(st.sampled_from(["/a", "/b"])))
    if kind is FilterType.HUGEPAGE_SIZE:
        low = draw(st.sampled_from([4096, 8192, 2 * MIB]))
        high = draw(st.sampled_from([low, 2 * MIB, 4 * MIB]))
        return Filter(kind, matching, allow, hugepage_size=Range(low, max(low, high)))
    return Filter(kind, matching, allow)


folios = st.fixed_dictionaries(
    {
        "anon": st.booleans(),
        "active": st.booleans(),
        "young": st.booleans(),
        "unmapped": st.booleans(),
        "memcg": st.sampled_from(["/a", "/b", "/"]),
        "order": st.sampled_from([0, 1, 9]),
    }
)


def reference(folio: dict[str, Any], conditions: list[Filter], pageout: bool) -> bool:
    """Decide one folio in the plainest way: the first filter that fires, else the default."""
    young = folio["young"]
    for condition in conditions:
        kind = condition.filter_type
        if kind is FilterType.YOUNG:
            match, young = young, False
        elif kind is FilterType.MEMCG:
            match = folio["memcg"] == condition.memcg_path
        elif kind is FilterType.HUGEPAGE_SIZE:
            size = condition.hugepage_size
            assert size is not None
            match = size.min <= 4096 << folio["order"] <= size.max
        else:
            match = folio[kind.value]
        if match == condition.matching:
            return condition.allow
    if pageout and all(item.filter_type is not FilterType.YOUNG for item in conditions) and young:
        return False
    return not (conditions and conditions[-1].allow)


@pytest.fixture(scope="module")
def machines(two_tiers: MachineConfig, make_workload: MakeWorkload) -> EmulatedMachines:
    """Return a machine whose first extent the tests write over."""
    made = machine_with(two_tiers, make_workload([0.0] * 4, fast_share=0.9), Scheme())
    made.engine = make_room(made.engine, Room(filters=6))
    return made


def _set_folio(machines: EmulatedMachines, folio: dict[str, Any]) -> int:
    world = machines.world
    slot = int(world.nodes["first"][0, 0])
    piece = int(world.slots["piece"][0, slot])
    world.pieces["file"][0, piece] = not folio["anon"]
    world.pieces["unmapped"][0, piece] = folio["unmapped"]
    world.pieces["memcg"][0, piece] = memcg_id(folio["memcg"])
    world.slots["order"][0, slot] = folio["order"]
    world.slots["active"][0, slot] = folio["active"]
    world.slots["old_at"][0, slot] = TOUCHED if folio["young"] else 0.0
    return slot


@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    folio=folios,
    conditions=st.lists(filters(), max_size=6),
    action=st.sampled_from([Action.STAT, Action.PAGEOUT, Action.MIGRATE_COLD]),
    allowed=st.booleans(),
)
def test_filters_decide_in_order(
    machines: EmulatedMachines,
    folio: dict[str, Any],
    conditions: list[Filter],
    action: Action,
    allowed: bool,
) -> None:
    """The first filter that fires decides, then the default; a core filter's allow skips all."""
    slot, state = _set_folio(machines, folio), machines.engine
    state.filters[0, 0] = np.zeros((), state.filters.dtype)
    load_filters(state, 0, 0, conditions)
    state.schemes["action"][0, 0] = code_of(action)
    state.schemes["core_filters_allowed"][0, 0] = allowed
    passed, tested = passing(machines.world, state, slot)
    expected = allowed or reference(folio, conditions, action is Action.PAGEOUT)
    assert int(passed) == (FOLIOS if expected else 0)
    if allowed:
        assert not tested


def _stat(*conditions: Filter) -> Scheme:
    hour_us = 3_600_000_000  # the tests apply it, not the engine
    return Scheme(Action.STAT, AccessPattern(), apply_interval_us=hour_us, filters=conditions)


CLASSES = (
    PageClass(memcg="/a"),
    PageClass(kind="file", memcg="/b", mapped=False),
    PageClass(folio="2 MiB"),
    PageClass(kind="file"),
)


@pytest.mark.parametrize(
    ("condition", "pieces"),
    [
        (Filter(FilterType.ANON, allow=True), 2),
        (Filter(FilterType.ANON, matching=False, allow=True), 1),
        (Filter(FilterType.ANON, allow=False), 1),
        (Filter(FilterType.MEMCG, allow=True, memcg_path="/b"), 1),
        (Filter(FilterType.MEMCG, allow=True, memcg_path="/nobody"), 0),
        (Filter(FilterType.UNMAPPED, allow=True), 1),
        (Filter(FilterType.HUGEPAGE_SIZE, allow=True, hugepage_size=Range(8192, 4 * MIB)), 1),
        (Filter(FilterType.HUGEPAGE_SIZE, allow=True, hugepage_size=Range(4096, 4096)), 2),
        (Filter(FilterType.ACTIVE, allow=True), 0),
        (Filter(FilterType.ACTIVE, matching=False, allow=True), 3),
        (Filter(FilterType.YOUNG, allow=True), 0),
        (Filter(FilterType.YOUNG, allow=False), 3),
    ],
)
def test_stat_counts_what_passes(
    two_tiers: MachineConfig, make_workload: MakeWorkload, condition: Filter, pieces: int
) -> None:
    """Three whole pieces of 64 MiB lie on node 0: each filter passes the bytes of its kind."""
    workload = make_workload([0.0] * 4, pages=CLASSES, fast_share=0.75, fast_fill=1.0)
    machines = machine_with(two_tiers, workload, _stat(condition))
    assert run_action(machines, 0, 192 * MIB) == 0
    assert passed_bytes(machines) == pieces * 64 * MIB


def test_free_frames_have_no_folio(two_tiers: MachineConfig, make_workload: MakeWorkload) -> None:
    """Free memory passes no filter, not even one that passes everything else."""
    workload = make_workload([0.0] * 4, fast_share=0.5, fast_fill=0.5)
    machines = machine_with(two_tiers, workload, _stat(Filter(FilterType.YOUNG, allow=False)))
    run_action(machines, 0, 128 * MIB)
    used = machines.world.nodes["total"][0, 0] - machines.world.nodes["free"][0, 0]
    assert 0 < used < 64
    assert passed_bytes(machines) == used * 2 * MIB


def test_stat_without_filters_walks_nothing(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """Only a filter makes stat look at folios."""
    machines = machine_with(two_tiers, make_workload([0.0] * 4, fast_share=0.9), _stat())
    assert run_action(machines, 0, 128 * MIB) == 0
    assert passed_bytes(machines) == 0


def test_asking_makes_pages_old(two_tiers: MachineConfig, make_workload: MakeWorkload) -> None:
    """A second look at once sees young only what one sampling interval touches."""
    young = _stat(Filter(FilterType.YOUNG, allow=True))
    workload = make_workload([20.0] * 4, fast_share=0.9, fast_fill=1.0)
    machines = machine_with(two_tiers, workload, young)
    machines.run(5.0)
    run_action(machines, 0, 128 * MIB)
    first = passed_bytes(machines)
    run_action(machines, 0, 128 * MIB)
    second = passed_bytes(machines) - first
    # 20 accesses/s for 5 s; then 5 ms: 1 - exp(-0.1) = 9.5 % of 64 frames
    assert first == 128 * MIB
    assert second <= 20 * 2 * MIB


def test_young_folios_are_drawn_with_the_right_probability(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """Pages of rate r are young with probability 1 - exp(-r t) after a time t."""
    condition = Filter(FilterType.YOUNG, allow=True)
    workload = make_workload([0.5] * 8, piece_mib=512, fast_share=0.9, fast_fill=1.0)
    machines = machine_with(two_tiers, workload, _stat(condition))
    machines.run(1.0)
    exposure = float(machines.world.machines["exposure_s"][0])
    run_action(machines, 0, 3072 * MIB)
    share = passed_bytes(machines) / (3072 * MIB)
    expected = 1.0 - np.exp(-0.5 * exposure)
    assert share == pytest.approx(expected, abs=4.0 * np.sqrt(0.25 / 1536))


def test_a_core_filter_that_allows_skips_the_others(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """Memory that an address filter lets pass is not asked again; the rest is."""
    window = Filter(FilterType.ADDR, allow=True, address_range=AddressRange(0, 32 * MIB))
    none = Filter(FilterType.MEMCG, allow=True, memcg_path="/nobody")
    workload = make_workload([0.0] * 4, fast_share=0.5, fast_fill=1.0)
    scheme = Scheme(Action.STAT, AccessPattern(), filters=(window, none))
    machines = machine_with(two_tiers, workload, scheme)
    telemetry = machines.run(0.11)
    assert passed_bytes(machines) == 32 * MIB
    assert telemetry.stats.sz_tried[0, 0, 0] == 128 * MIB
