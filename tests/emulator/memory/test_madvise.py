"""Advices change lists, ages and folios of resident memory, and cost what they copy."""

import numpy as np
import pytest

from damosrl.damon import Action
from damosrl.emulator.jit import kernel
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.madvise import advise
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.state import code_of
from damosrl.emulator.workload.model import PageClass
from tests.emulator.memory.conftest import MakeWorkload
from tests.emulator.memory.physical import MIB, column, machine_with

SMALL = "64 KiB"


@kernel
def advise_piece(world: MemoryWorld, piece: int, frames: int, action: int) -> float:
    """Advise on the first frames of every extent of a piece in node 0; return the time taken."""
    total_ns, slot = 0.0, world.nodes[0, 0].first
    while slot != NONE:
        if world.slots[0, slot].piece == piece:
            most = min(frames, world.slots[0, slot].length)
            slot, copy_ns = advise(world, 0, 0, slot, most, action, world.machines[0].time_s)
            total_ns += copy_ns
        else:
            slot = world.slots[0, slot].after
    return total_ns


def _advise(machines: EmulatedMachines, action: Action, frames: int, piece: int = 1) -> float:
    return float(advise_piece(machines.world, piece, frames, code_of(action)))


@pytest.fixture
def machines(two_tiers: MachineConfig, make_workload: MakeWorkload) -> EmulatedMachines:
    """Return node 0 with pieces 0 and 1, of 1024 frames of 64 KiB each."""
    workload = make_workload([3.0] * 4, fast_share=0.5, fast_fill=1.0)
    return machine_with(two_tiers, workload, granule=SMALL)


def test_cold_makes_pages_old_and_inactive(machines: EmulatedMachines) -> None:
    """What was advised on is inactive and has not been accessed since; the rest stays."""
    slots = machines.world.slots
    slots["active"][0, slots["piece"][0] != FREE] = 1
    machines.world.machines["exposure_s"] = 2.0
    assert _advise(machines, Action.COLD, 100) == 0.0
    assert column(machines, 0, "active") == [1] * 1024 + [0] * 100 + [1] * 924
    assert column(machines, 0, "old_at") == [0] * 1024 + [6] * 100 + [0] * 924
    assert machines.world.nodes["waiting_bytes"][0].sum() == 0.0


@pytest.mark.parametrize(
    ("action", "by_kdamond"), [(Action.COLLAPSE, True), (Action.HUGEPAGE, False)]
)
def test_huge_folios_are_whole_and_copied(
    machines: EmulatedMachines, action: Action, by_kdamond: bool
) -> None:
    """Of 100 frames of 64 KiB, 96 make three folios of 2 MiB; 6 MiB are read and written once."""
    move_page_ns = float(machines.world.machines["move_page_ns"][0])
    expected_ns = 6 * MIB / 4096 * move_page_ns if by_kdamond else 0.0
    assert _advise(machines, action, 100) == pytest.approx(expected_ns)
    assert column(machines, 0, "order") == [0] * 1024 + [9] * 96 + [0] * 928
    assert machines.world.nodes["waiting_bytes"][0, 0] == 12 * MIB
    assert machines.world.machines["copy_waiting_bytes"][0] == 6 * MIB
    assert machines.world.machines["kdamond_us"][0] == pytest.approx(expected_ns * 1e-3)
    _advise(machines, action, 1024)  # what is huge already is not copied again
    assert column(machines, 0, "order") == [0] * 1024 + [9] * 1024
    assert machines.world.machines["copy_waiting_bytes"][0] == 64 * MIB


def test_nohugepage_splits(two_tiers: MachineConfig, make_workload: MakeWorkload) -> None:
    """Folios of 2 MiB become pages, for nothing, and the extent is one again when all are."""
    workload = make_workload(
        [3.0] * 4, pages=[PageClass(folio="2 MiB")] * 4, fast_share=0.5, fast_fill=1.0
    )
    machines = machine_with(two_tiers, workload, granule=SMALL)
    assert _advise(machines, Action.NOHUGEPAGE, 64) == 0.0
    assert column(machines, 0, "order") == [9] * 1024 + [0] * 64 + [9] * 960
    _advise(machines, Action.NOHUGEPAGE, 1024)
    assert column(machines, 0, "order") == [9] * 1024 + [0] * 1024


def test_huge_folios_are_hotter(machines: EmulatedMachines) -> None:
    """The monitor sees a collapsed folio accessed as soon as any of its 512 pages is."""
    before = machines.heat_truth(0, 64)
    _advise(machines, Action.COLLAPSE, 1024)
    after = machines.heat_truth(0, 64)
    speed = float(machines.world.machines["speed"][0])
    assert before.max() == pytest.approx(-np.expm1(-3.0 * speed * 0.005), rel=5e-3)
    assert after.max() == pytest.approx(-np.expm1(-512 * 3.0 * speed * 0.005), rel=5e-3)
