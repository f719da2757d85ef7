"""kswapd keeps memory free: watermarks by hand, what it takes and where it goes."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.damon import Document
from damosrl.emulator.kswapd import keep_free, watermarks
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.workload.model import Workload

GIB = 1 << 30
HUGE = 2 << 20
MakeWorld = Callable[..., MemoryWorld]


def test_watermarks_equal_the_hand_computed_ones() -> None:
    """4 + 8 GiB: min_free_kbytes = 14188, a third of it is node 0's; a thousandth lies between."""
    # pages of node 0: 3547 // 3 = 1182; gap max(295, 1048); so 1182, 2230, 3278
    assert watermarks(np.array([4 * GIB, 8 * GIB]), 4096)[:, 0].tolist() == [1182, 2230, 3278]
    assert watermarks(np.array([4 * GIB, 8 * GIB]), HUGE)[:, 0].tolist() == [3, 5, 7]


def test_min_free_kbytes_stays_within_its_limits() -> None:
    """A small machine keeps 128 KiB, the largest 256 MiB."""
    assert watermarks(np.array([HUGE // 8]), 4096)[0, 0] == 32
    assert watermarks(np.array([64 * 1024 * GIB]), 4096)[0, 0] == 65536


@given(st.lists(st.integers(1, 2**22), min_size=1, max_size=4))
def test_watermarks_are_in_order_and_grow_with_the_node(frames: list[int]) -> None:
    """0 <= min <= low <= high, and the larger of two nodes keeps no less free."""
    marks = watermarks(np.array(frames) * HUGE, HUGE)
    assert (marks[0] >= 0).all()
    assert (np.diff(marks, axis=0) >= 0).all()
    order = np.argsort(frames)
    assert (np.diff(marks[:, order], axis=1) >= 0).all()


@pytest.fixture
def make_full(
    two_tiers: MachineConfig, with_swap: MachineConfig, make_world: MakeWorld
) -> Callable[..., MemoryWorld]:
    """Return a maker of two nodes of 10 frames, 40 of swap, and watermarks 1, 2 and 4."""

    def make(used: Sequence[int], hot: int = 0) -> MemoryWorld:
        config = MachineConfig("full", (*two_tiers.tiers, with_swap.tiers[1]), kswapd=True)
        pieces = [hot, sum(used) - hot] if hot else [sum(used)]
        rates = [1000.0, 0.0] if hot else [0.0]
        world = make_world(config, pieces, [10, 10, 40], used, rates)
        for field, value in (("min_frames", 1), ("low_frames", 2), ("high_frames", 4)):
            world.nodes[field][0, :2] = value
        return world

    return make


def _free(world: MemoryWorld) -> list[int]:
    return [int(free) for free in world.nodes["free"][0]]


@pytest.mark.parametrize(
    ("used", "free"),
    [
        ([8, 8, 0], [2, 2, 40]),  # both at the low watermark: asleep
        ([10, 4, 0], [4, 2, 40]),  # 4 frames of node 0 find room in node 1
        ([10, 8, 0], [4, 1, 37]),  # 1 does, above its min watermark; 3 go to swap
        ([10, 10, 0], [4, 1, 35]),  # node 1 makes room first: 4 to swap; then 3 down, 1 to swap
    ],
)
def test_memory_goes_to_the_next_node_else_to_swap(
    make_full: Callable[..., MemoryWorld], used: list[int], free: list[int]
) -> None:
    """A node below its low watermark is reclaimed up to the high one."""
    world = make_full(used)
    keep_free(world, 0, 1.0)
    assert _free(world) == free


def test_a_thread_does_what_its_time_allows(make_full: Callable[..., MemoryWorld]) -> None:
    """A frame is 512 pages of 1 us: in 1.1 ms two of the four frames wanted are moved."""
    world = make_full([10, 4, 0])
    keep_free(world, 0, 1.1e-3)
    assert _free(world) == [2, 4, 40]


def test_hot_memory_is_passed_over(make_full: Callable[..., MemoryWorld]) -> None:
    """Of 5 frames touched all the time and 5 idle ones, the idle ones go."""
    world = make_full([10, 4, 0], hot=5)
    keep_free(world, 0, 1.0)
    assert _free(world)[:2] == [4, 2]
    slots = world.slots[0]
    below, hot = int(world.nodes["first"][0, 1]), 0
    while below >= 0:
        hot += int(slots["length"][below]) * (int(slots["piece"][below]) == 0)
        below = int(slots["after"][below])
    assert hot == 0


def test_a_machine_without_kswapd_reclaims_nothing(
    two_tiers: MachineConfig, make_world: MakeWorld
) -> None:
    """The option is off by default: full nodes stay full."""
    world = make_world(two_tiers, [20], [10, 10, 0], [10, 10, 0], [0.0])
    world.nodes["low_frames"][0, :2] = 2
    keep_free(world, 0, 1.0)
    assert _free(world) == [0, 0, 0]


def test_faults_need_not_wait_for_writing_while_kswapd_keeps_up(
    with_swap: MachineConfig,
    make_template: Callable[..., Document],
    make_workload: Callable[..., Workload],
) -> None:
    """Swapped memory becomes warm while memory is full: with kswapd the same faults stall less."""
    swap = replace(with_swap.tiers[1], store_ns=20_000.0)
    config = replace(with_swap, tiers=(with_swap.tiers[0], swap))
    machines = EmulatedMachines([config, replace(config, kswapd=True)], 2, make_template(1))
    rates = [[50.0, 0.0, 0.0, 0.0], [50.0, 0.0, 0.2, 0.0]]
    for index in range(2):
        workload = make_workload(rates, epoch_s=(0.0, 2.0), placement="good", fast_fill=1.0)
        machines.load(index, workload, seed=1)
    assert machines.run(2.0).node_free_bytes[1, 0] > machines.telemetry().node_free_bytes[0, 0]
    telemetry = machines.run(4.0)
    stalled_us = telemetry.pressure.some_total_us
    assert 0.0 < stalled_us[1] < 0.5 * stalled_us[0]
    assert telemetry.node_free_bytes[0, 0] == 0
    assert telemetry.node_free_bytes[1, 0] >= machines.world.nodes["low_frames"][1, 0] * HUGE
