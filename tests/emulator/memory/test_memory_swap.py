"""Swapped pages cost stall time, come back, and push out what is cold."""

from collections.abc import Callable

import numpy as np
import pytest

from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.memory_state import FREE
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.workload.model import Workload

MIB = 1 << 20


@pytest.fixture
def swapping(with_swap: MachineConfig, make_template: Callable[..., object]) -> EmulatedMachines:
    """Return a machine with a swap store and schemes that move nothing."""
    return EmulatedMachines(with_swap, 1, make_template(1))  # type: ignore[arg-type]


def _frames_by_piece(machines: EmulatedMachines, node: int, pieces: int) -> list[int]:
    world, counts = machines.world, [0] * pieces
    slot = int(world.nodes["first"][0, node])
    while slot >= 0:
        extent = world.slots[0, slot]
        if extent["piece"] != FREE:
            counts[int(extent["piece"])] += int(extent["length"])
        slot = int(extent["after"])
    return counts


def test_cold_memory_in_swap_costs_nothing(
    swapping: EmulatedMachines, make_workload: Callable[..., Workload]
) -> None:
    """With the hot set in memory and untouched pages swapped out nobody stalls."""
    swapping.load(0, make_workload([50.0, 50.0, 0.0, 0.0], placement="bad", fast_fill=1.0), seed=1)
    assert _frames_by_piece(swapping, -1, 4)[:2] == [0, 0]
    telemetry = swapping.run(20.0)
    assert telemetry.pressure.some_total_us[0] == 0.0
    assert swapping.truth().slowdown[0] == pytest.approx(1.0)


def test_faults_bring_back_the_hot_and_push_out_the_cold(
    swapping: EmulatedMachines, make_workload: Callable[..., Workload]
) -> None:
    """When another part of memory becomes hot it faults in, stalls end, cold memory goes out."""
    rates = [[50.0, 50.0, 0.0, 0.0], [0.0, 0.0, 50.0, 40.0]]
    workload = make_workload(rates, epoch_s=(0.0, 5.0), placement="good", fast_fill=1.0)
    swapping.load(0, workload, seed=1)
    swapping.run(5.0)
    during = swapping.run(2.0)
    slow = float(swapping.truth().slowdown[0])
    swapping.run(60.0)
    before = swapping.telemetry().pressure.some_total_us[0]
    after = swapping.run(10.0)
    assert during.pressure.some_total_us[0] > 0.0
    assert slow > 1.001
    assert after.pressure.some_total_us[0] == before
    assert swapping.truth().slowdown[0] == pytest.approx(1.0)
    assert _frames_by_piece(swapping, 0, 4)[2:] == [32, 32]


def test_thrashing_conserves_memory(
    swapping: EmulatedMachines, make_workload: Callable[..., Workload]
) -> None:
    """However hard pages fly in and out, each stays exactly once, and time goes on."""
    swapping.load(0, make_workload([300.0] * 4), seed=3)
    telemetry = swapping.run(30.0)
    memory, store = (np.array(_frames_by_piece(swapping, node, 4)) for node in (0, 1))
    assert (memory + store).tolist() == [32] * 4
    truth = swapping.truth()
    assert truth.slowdown[0] > 2.0
    assert np.isfinite(truth.slowdown[0])
    assert 0.5 < telemetry.pressure.some_avg[0, 0] <= 1.0
    assert telemetry.pressure.full_avg[0, 0] <= telemetry.pressure.some_avg[0, 0]


def test_more_memory_in_swap_means_more_stalls(
    with_swap: MachineConfig,
    make_template: Callable[..., object],
    make_workload: Callable[..., Workload],
) -> None:
    """Stall time grows with the rate at which swapped memory is touched."""
    machines = EmulatedMachines(with_swap, 3, make_template(1))  # type: ignore[arg-type]
    for index, rate in enumerate((0.0, 0.01, 1.0)):
        machines.load(
            index, make_workload([50.0, 50.0, rate, rate], placement="good", fast_fill=1.0), seed=1
        )
    totals = machines.run(2.0).pressure.some_total_us
    assert totals[0] == 0.0
    assert totals[0] < totals[1] < totals[2]


def test_as_many_pages_come_back_as_are_touched(
    with_swap: MachineConfig,
    make_template: Callable[..., object],
    make_workload: Callable[..., Workload],
) -> None:
    """On average a swapped page with rate r comes back in a time t with chance 1 - exp(-r t)."""
    machines = EmulatedMachines(with_swap, 64, make_template(1))  # type: ignore[arg-type]
    for index in range(64):
        workload = make_workload([50.0, 50.0, 0.3, 0.1], placement="good", fast_fill=1.0)
        machines.load(index, workload, seed=index)
    out = np.array(_frames_by_piece(machines, -1, 4))
    before = machines.telemetry().swap
    swap = machines.run(1.0).swap
    assert before is not None
    assert swap is not None
    frames = (swap.in_bytes - before.in_bytes) / (2 * MIB)
    exposure_s = machines.world.machines["exposure_s"].mean()
    expected = (out * -np.expm1(-np.array([50.0, 50.0, 0.3, 0.1]) * exposure_s)).sum()
    assert out.sum() > 0
    assert frames.mean() == pytest.approx(expected, rel=0.02)
