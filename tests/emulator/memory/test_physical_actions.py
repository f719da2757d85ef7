"""Every action's effect on physical memory, frame by frame."""

from dataclasses import replace

import numpy as np
import pytest

from damosrl.damon import AccessPattern, Action, Filter, FilterType, Quota, Scheme
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.reclaim import reclaim
from damosrl.emulator.workload.model import PageClass
from tests.emulator.memory.conftest import MakeWorkload
from tests.emulator.memory.physical import (
    FRAME,
    MIB,
    column,
    machine_with,
    passed_bytes,
    pieces_on,
    run_action,
)

HUGE = (PageClass(folio="2 MiB"),) * 4
SMALL_GRANULE = "64 KiB"


def _scheme(action: Action, *filters: Filter, nid: int = -1) -> Scheme:
    return Scheme(action, AccessPattern(), target_nid=nid, filters=filters)


@pytest.mark.parametrize(
    "action",
    [Action.WILLNEED, Action.COLD, Action.HUGEPAGE, Action.NOHUGEPAGE, Action.COLLAPSE],
)
def test_madvise_does_not_work_on_physical_memory(
    two_tiers: MachineConfig, make_workload: MakeWorkload, action: Action
) -> None:
    """Unsupported actions apply nothing, but charge the quota and reset ages all the same."""
    quota = Quota(sz_bytes=64 * MIB, reset_interval_ms=60_000)
    scheme = replace(_scheme(action), quota=quota)
    machines = machine_with(two_tiers, make_workload([0.0] * 4, fast_share=0.9), scheme)
    telemetry = machines.run(0.35)
    assert telemetry.stats.sz_applied[0, 0, 0] == 0
    assert telemetry.stats.sz_tried[0, 0, 0] == 64 * MIB
    assert int(machines.engine.schemes["charged_sz"][0, 0]) == 64 * MIB
    ages = machines.engine.regions.age[0, : machines.engine.regions.nr_regions[0]]
    assert ages.min() < ages.max()


def test_lru_actions_move_pages_between_the_lists(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """lru_prio activates mapped frames, lru_deprio takes them back, free frames do not count."""
    workload = make_workload([0.0] * 4, fast_share=0.5, fast_fill=0.5)
    machines = machine_with(
        two_tiers, workload, _scheme(Action.LRU_PRIO), _scheme(Action.LRU_DEPRIO)
    )
    used = int(machines.world.nodes["total"][0, 0] - machines.world.nodes["free"][0, 0])
    assert 8 < used < 50
    assert run_action(machines, 8 * MIB, 100 * MIB) == (used - 4) * FRAME
    assert column(machines, 0, "active")[: used + 1] == [0] * 4 + [1] * (used - 4) + [-1]
    assert run_action(machines, 0, 16 * MIB, scheme=1) == 16 * MIB
    assert column(machines, 0, "active")[: used + 1] == [0] * 8 + [1] * (used - 8) + [-1]
    assert passed_bytes(machines) == (used - 4) * FRAME


def test_reclaim_spares_the_active_list(
    with_swap: MachineConfig, make_workload: MakeWorkload
) -> None:
    """The clock takes inactive pages first, and active ones when nothing else is left."""
    workload = make_workload([0.0] * 4, fast_fill=1.0)
    machines = machine_with(with_swap, workload, _scheme(Action.LRU_PRIO))
    before = pieces_on(machines, 0)
    run_action(machines, 0, 100 * MIB)
    assert reclaim(machines.world, 0, 14) == 14
    left = pieces_on(machines, 0)
    assert left[:50] == before[:50]
    assert left[50:] == [-1] * 14
    machines.world.nodes["total"][0, -1] += 0
    assert reclaim(machines.world, 0, 10) == min(10, 0 + 10)
    assert sum(piece >= 0 for piece in pieces_on(machines, 0)) == 40


def test_migration_moves_whole_folios_once(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """A folio that two ranges share goes with the first one, whole, and is not counted again."""
    workload = make_workload([0.0] * 4, pages=HUGE, fast_share=0.5, fast_fill=1.0)
    machines = machine_with(
        two_tiers, workload, _scheme(Action.MIGRATE_COLD, nid=1), granule=SMALL_GRANULE
    )
    assert run_action(machines, 0, 5 * MIB) == 6 * MIB
    assert run_action(machines, 5 * MIB, 8 * MIB) == 2 * MIB
    assert pieces_on(machines, 0)[: 4 * 32 + 1] == [-1] * 128 + [0]
    assert passed_bytes(machines) == 8 * MIB


def test_stat_counts_a_shared_folio_once_per_pass(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """The folio at the border of two ranges passes once, whole, though it lies in both."""
    anon = Filter(FilterType.ANON, allow=True)
    workload = make_workload([0.0] * 4, pages=HUGE, fast_share=0.5, fast_fill=1.0)
    machines = machine_with(two_tiers, workload, _scheme(Action.STAT, anon), granule=SMALL_GRANULE)
    run_action(machines, 0, 5 * MIB)
    assert passed_bytes(machines) == 6 * MIB
    run_action(machines, 5 * MIB, 7 * MIB)
    assert passed_bytes(machines) == 8 * MIB


def test_folios_that_find_no_room_stay(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """A target with room for one and a half folios takes one; nothing is torn or lost."""
    workload = make_workload([0.0] * 4, pages=HUGE, fast_share=0.5, fast_fill=1.0)
    machines = machine_with(
        two_tiers, workload, _scheme(Action.MIGRATE_COLD, nid=1), granule=SMALL_GRANULE
    )
    free = int(machines.world.nodes["free"][0, 1])
    machines.world.nodes["free"][0, 1] = 48
    assert run_action(machines, 0, 16 * MIB) == 2 * MIB
    assert int(machines.world.nodes["free"][0, 1]) == 16
    assert free >= 48


@pytest.mark.parametrize("nid", [-1, 0, 2, 7])
def test_migration_to_nowhere_does_nothing(
    two_tiers: MachineConfig, make_workload: MakeWorkload, nid: int
) -> None:
    """No node, the same node, the swap store and a node that is not there take nothing."""
    workload = make_workload([0.0] * 4, fast_share=0.5)
    machines = machine_with(two_tiers, workload, _scheme(Action.MIGRATE_HOT, nid=nid))
    before = pieces_on(machines, 0)
    assert run_action(machines, 0, 64 * MIB) == 0
    assert pieces_on(machines, 0) == before
    assert passed_bytes(machines) == 0


def test_a_filter_holds_back_its_kind(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """Only file pages go down where a filter allows no others; what passed is what moved."""
    classes = (PageClass(), PageClass(kind="file"), PageClass(), PageClass())
    workload = make_workload([0.0] * 4, pages=classes, fast_share=0.75, fast_fill=1.0)
    file_only = Filter(FilterType.ANON, matching=False, allow=True)
    machines = machine_with(two_tiers, workload, _scheme(Action.MIGRATE_COLD, file_only, nid=1))
    assert run_action(machines, 0, 192 * MIB) == 64 * MIB
    assert pieces_on(machines, 0) == [0] * 32 + [-1] * 32 + [2] * 32
    assert passed_bytes(machines) == 64 * MIB


def test_pageout_takes_what_is_old_and_makes_the_rest_old(
    with_swap: MachineConfig, make_workload: MakeWorkload
) -> None:
    """The first pass leaves pages in use and clears their bits, an idle page is gone at once."""
    workload = make_workload([200.0, 0.0, 0.0, 0.0], placement="good", fast_fill=1.0)
    machines = machine_with(with_swap, workload, _scheme(Action.PAGEOUT))
    machines.world.nodes["free"][0, -1] = machines.world.nodes["total"][0, -1]
    machines.world.machines["exposure_s"] = 1.0
    slots = machines.world.slots
    assert run_action(machines, 0, 128 * MIB) == 64 * MIB
    assert pieces_on(machines, 0) == [0] * 32 + [-1] * 32
    used = slots["piece"][0] == 0
    assert np.all(slots["old_at"][0][used & (slots["length"][0] == 32)] == 200.0)


def test_pageout_with_its_own_young_filter_keeps_to_it(
    with_swap: MachineConfig, make_workload: MakeWorkload
) -> None:
    """A young filter that allows makes pageout take pages in use, and leave the idle ones."""
    workload = make_workload([2000.0, 0.0, 0.0, 0.0], placement="good", fast_fill=1.0)
    machines = machine_with(
        with_swap, workload, _scheme(Action.PAGEOUT, Filter(FilterType.YOUNG, allow=True))
    )
    machines.world.machines["exposure_s"] = 1.0
    assert run_action(machines, 0, 128 * MIB) == 64 * MIB
    assert pieces_on(machines, 0)[:32] == [-1] * 32


def test_swapped_folios_come_back_as_pages(
    with_swap: MachineConfig, make_workload: MakeWorkload
) -> None:
    """A large folio is split when it is paged out."""
    workload = make_workload([0.0] * 4, pages=HUGE, fast_fill=1.0)
    machines = machine_with(with_swap, workload, _scheme(Action.PAGEOUT), granule=SMALL_GRANULE)
    moved = run_action(machines, 0, 3 * MIB)
    assert moved == 4 * MIB
    orders = column(machines, 1, "order")
    assert orders.count(0) >= moved // (FRAME // 32)


def test_huge_folios_are_seen_accessed_as_one(
    two_tiers: MachineConfig, make_workload: MakeWorkload
) -> None:
    """A folio of 512 pages at rate r is hit with probability 1 - exp(-512 r d)."""
    rate = 0.25
    heats = []
    for pages in ((), HUGE):
        workload = make_workload([rate] * 4, pages=pages, fast_share=0.9, fast_fill=1.0)
        machines = machine_with(two_tiers, workload)
        machines.run(0.1)
        machines.world.nodes["sums_exposure_s"] = -1.0
        heats.append(machines.heat_truth(0, 1, by="physical")[0])
        exposure = float(machines.world.machines["speed"][0]) * 0.005
    used = 256 / (machines.telemetry().node_total_bytes[0].sum() / MIB)
    assert heats[0] == pytest.approx(used * -np.expm1(-rate * exposure), rel=2e-3)
    assert heats[1] == pytest.approx(used * -np.expm1(-512 * rate * exposure), rel=2e-3)
