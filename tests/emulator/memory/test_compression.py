"""What swapped pages take in memory, by how they compress; bytes are conserved."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from damosrl.damon import Document
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.memory_state import FREE
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.reclaim_oracle import break_even_s
from damosrl.emulator.workload.model import PageClass, Workload
from damosrl.errors import MachineError, WorkloadError
from damosrl.machine import SwapUse

MIB = 1 << 20
MakeWorkload = Callable[..., Workload]
CLASSES = (PageClass(), PageClass(compression=5.0), PageClass(compression=1.2), PageClass())


def _zram(config: MachineConfig, **swap: object) -> MachineConfig:
    memory = replace(config.tiers[0], capacity="110 %")
    store = replace(config.tiers[1], compression=2.5, **swap)  # type: ignore[arg-type]
    return replace(config, tiers=(memory, store))


def _machines(
    config: MachineConfig, make_template: Callable[..., Document], workload: Workload
) -> EmulatedMachines:
    machines = EmulatedMachines(config, 1, make_template(1))
    machines.load(0, workload, seed=1)
    return machines


def _frames(machines: EmulatedMachines, node: int, pieces: int) -> list[int]:
    world, counts = machines.world, [0] * pieces
    slot = int(world.nodes["first"][0, node])
    while slot >= 0:
        extent = world.slots[0, slot]
        if extent["piece"] != FREE:
            counts[int(extent["piece"])] += int(extent["length"])
        slot = int(extent["after"])
    return counts


def _swap(machines: EmulatedMachines) -> SwapUse:
    swap = machines.telemetry().swap
    assert swap is not None
    return swap


def test_the_pool_is_what_each_class_compresses_to(
    with_swap: MachineConfig, make_template: Callable[..., Document], make_workload: MakeWorkload
) -> None:
    """Idle memory goes out; the pool is the sum of bytes over ratio, incompressible pages whole."""
    workload = make_workload([0.0] * 4, fast_fill=1.0, pages=CLASSES)
    machines = _machines(_zram(with_swap), make_template, workload)
    assert _swap(machines).pool_bytes[0] == 0.0
    moved = machines.page_out(0, 3.0)
    # what is incompressible saves nothing: it is not worth a fault, even if none ever comes
    assert _frames(machines, -1, 4) == [32, 32, 0, 32]
    assert moved == 3 * 64 * MIB
    swap = _swap(machines)
    assert swap.used_bytes[0] == moved
    assert swap.pool_bytes[0] == pytest.approx(64 * MIB * (2 / 2.5 + 1 / 5.0))


def test_the_pool_shrinks_with_what_faults_bring_back(
    with_swap: MachineConfig, make_template: Callable[..., Document], make_workload: MakeWorkload
) -> None:
    """However pages come and go, pool and bytes are those of the pages that are out."""
    rates = [[0.0] * 4, [3.0, 0.0, 3.0, 0.5]]
    workload = make_workload(rates, epoch_s=(0.0, 2.0), fast_fill=1.0, pages=CLASSES)
    machines = _machines(_zram(with_swap), make_template, workload)
    machines.page_out(0, 3.0)
    shares = np.array([1 / 2.5, 1 / 5.0, 1.0, 1 / 2.5])
    pools = []
    for _ in range(8):
        machines.run(1.0)
        out, resident = (np.array(_frames(machines, node, 4)) for node in (-1, 0))
        assert (out + resident).tolist() == [32] * 4
        assert _swap(machines).used_bytes[0] == out.sum() * 2 * MIB
        assert _swap(machines).pool_bytes[0] == pytest.approx((out * shares).sum() * 2 * MIB)
        pools.append(float(_swap(machines).pool_bytes[0]))
    assert pools[-1] < pools[0]


def test_refused_pages_stay(
    with_swap: MachineConfig, make_template: Callable[..., Document], make_workload: MakeWorkload
) -> None:
    """A store that refuses incompressible pages leaves them resident, even when memory is full."""
    config = replace(
        _zram(with_swap, incompressible="refuse"),
        tiers=(with_swap.tiers[0], _zram(with_swap, incompressible="refuse").tiers[1]),
    )
    classes = (PageClass(compression=1.0), PageClass(), PageClass(), PageClass())
    workload = make_workload([0.0, 40.0, 40.0, 40.0], placement="good", pages=classes)
    machines = _machines(config, make_template, workload)
    before = _frames(machines, 0, 4)[0]
    machines.run(20.0)
    assert _frames(machines, 0, 4)[0] >= before
    assert sum(_frames(machines, 0, 4)) + sum(_frames(machines, -1, 4)) == 4 * 32


def test_a_full_store_takes_no_more(
    with_swap: MachineConfig, make_template: Callable[..., Document], make_workload: MakeWorkload
) -> None:
    """Paging out stops when swap space is used up."""
    config = _zram(with_swap, capacity="25 %")
    machines = _machines(config, make_template, make_workload([0.0] * 4, fast_fill=1.0))
    assert machines.page_out(0, 3.0) == 64 * MIB
    swap = _swap(machines)
    assert swap.used_bytes[0] == swap.total_bytes[0] == 64 * MIB
    assert machines.page_out(0, 3.0) == 0.0
    machines.run(2.0)


def test_a_disk_takes_no_memory(
    with_swap: MachineConfig, make_template: Callable[..., Document], make_workload: MakeWorkload
) -> None:
    """Without compression there is no pool, whatever the pages are."""
    memory = replace(with_swap.tiers[0], capacity="110 %")
    config = replace(with_swap, tiers=(memory, with_swap.tiers[1]))
    workload = make_workload([0.0] * 4, fast_fill=1.0, pages=CLASSES)
    machines = _machines(config, make_template, workload)
    assert machines.page_out(0, 3.0) == 4 * 64 * MIB
    assert _swap(machines).pool_bytes[0] == 0.0


def test_the_oracle_leaves_what_is_used(
    with_swap: MachineConfig, make_template: Callable[..., Document], make_workload: MakeWorkload
) -> None:
    """The dearer slowdown is, the less goes out; what is in use never does."""
    out = []
    for price in (1e6, 3.0, 1e-3):
        workload = make_workload([1000.0, 30.0, 0.01, 0.0], fast_fill=1.0)
        machines = _machines(_zram(with_swap), make_template, workload)
        machines.page_out(0, price)
        out.append(_frames(machines, -1, 4))
    assert [sum(frames) for frames in out] == sorted(sum(frames) for frames in out)
    assert out[0][3] == 32
    assert all(frames[0] == 0 for frames in out[:2])


def test_the_break_even_time_follows_price_store_and_class(
    with_swap: MachineConfig, make_template: Callable[..., Document], make_workload: MakeWorkload
) -> None:
    """Price x fault time x pages / threads, over the share of a page that is saved."""
    workload = make_workload([0.0] * 4, fast_fill=1.0, pages=CLASSES)
    machines = _machines(_zram(with_swap, store_ns=5000.0), make_template, workload)
    store, world = with_swap.tiers[1], machines.world
    fault_s = (store.curve_ns[0] + 5000.0) * 1e-9
    paid_s = 3.0 * fault_s * (4 * 64 * MIB / 4096) / float(world.machines["threads"][0])
    expected = paid_s / np.array([1 - 1 / 2.5, 1 - 1 / 5.0, 1.0, 1 - 1 / 2.5])
    expected[2] = math.inf
    assert break_even_s(world, 0, 3.0) == pytest.approx(expected)
    assert break_even_s(world, 0, 6.0) == pytest.approx(2.0 * expected)


def test_the_oracle_waits_for_an_idle_time_that_pays(
    with_swap: MachineConfig, make_template: Callable[..., Document], make_workload: MakeWorkload
) -> None:
    """Of memory used again later only that goes out which is idle beyond its break-even time."""
    rates = [[0.0, 0.0, 500.0, 500.0], [500.0, 0.0, 500.0, 500.0], [500.0] * 4]
    workload = make_workload(rates, epoch_s=(0.0, 2.0, 20.0), fast_fill=1.0)
    machines = _machines(_zram(with_swap), make_template, workload)
    price = 5.0 / float(break_even_s(machines.world, 0, 1.0)[0])
    machines.run(16.0)
    # four seconds are left until its next use, and a fault takes five to pay
    assert machines.page_out(0, price) == 0.0
    machines.load(0, workload, seed=1)
    machines.page_out(0, price)
    assert _frames(machines, -1, 4) == [0, 32, 0, 0]


def test_ratios_below_one_are_refused(with_swap: MachineConfig) -> None:
    """A store that needs more room than the pages it keeps is no store; nor is such a class."""
    with pytest.raises(MachineError, match="compression of tier swap"):
        replace(with_swap.tiers[1], compression=0.5)
    with pytest.raises(WorkloadError, match="compression of a page class"):
        PageClass(compression=0.9)
