"""The best assignment of memory to nodes, against trying all of them, and on a machine."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.emulator.assignment import FREE_SHARE, greedy_moves
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.oracle import resident_frames
from damosrl.emulator.workload.source import workload_source
from damosrl_tasks.tiering.task import TieringTask

LATENCY_NS = np.array([100.0, 180.0, 900.0])


@settings(deadline=None, max_examples=150)
@given(
    rate=st.lists(st.floats(0.0, 100.0), min_size=1, max_size=6),
    capacity=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(6, 7)),
    where=st.integers(0, 10**6),
)
def test_greedy_filling_is_the_cheapest_assignment(
    rate: list[float], capacity: tuple[int, int, int], where: int
) -> None:
    """No other assignment of pages to frames has a smaller sum of rate times latency."""
    pages, rates = len(rate), np.array(rate)
    frames = np.zeros((3, pages), np.int64)
    node = np.random.default_rng(where).integers(0, 3, pages)
    frames[node, np.arange(pages)] = 1
    moves = greedy_moves(rates, frames, np.array(capacity))
    after = frames + moves.sum(axis=0) - moves.sum(axis=1)
    assert np.array_equal(after.sum(axis=0), frames.sum(axis=0))
    assert (after.sum(axis=1) <= capacity).all()
    slots = np.repeat(LATENCY_NS, capacity)[:pages]  # leaving a fast frame free is never cheaper
    least = min(float(rates @ np.array(order)) for order in set(permutations(slots)))
    assert float(LATENCY_NS @ (after @ rates)) == pytest.approx(least)


@given(st.lists(st.integers(0, 5), min_size=6, max_size=6))
def test_equally_hot_memory_stays(frames: list[int]) -> None:
    """Where all is equally hot and fits, nothing is moved down; up only into room."""
    there = np.array(frames).reshape(3, 2)
    capacity = there.sum(axis=1)
    moves = greedy_moves(np.ones(2), there, capacity)
    assert not moves.any()


def _machine(workload_name: str, seed: int) -> EmulatedMachines:
    machines = EmulatedMachines("hbm_dram_cxl_nvme", 1, TieringTask(1, 3).template)
    workload = workload_source(workload_name).draw(np.random.default_rng(seed))
    machines.load(0, workload, seed)
    return machines


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("workload", ["zipf_parallel", "static_hot_parallel"])
@pytest.mark.parametrize("budget_mib", [0, 64, 4096])
def test_a_machine_is_sorted_within_the_budget(seed: int, workload: str, budget_mib: int) -> None:
    """Bytes are conserved, the budget holds, and in time nothing is left to be moved."""
    machines = _machine(workload, seed)
    before = machines.world.nodes["free"][0].copy()
    moved = machines.assign(0, budget_mib * 2**20, 10.0)
    after = machines.world.nodes["free"][0]
    assert 0 <= moved <= budget_mib * 2**20
    assert after.sum() == before.sum()
    assert (moved == 0) == (budget_mib == 0)
    while moved or budget_mib == 0:
        moved, budget_mib = machines.assign(0, 128 * 2**20, 10.0), 1
    world, model = machines.world, machines._store.model(0)
    frames = np.zeros((4, len(model.piece_frames)), np.int64)
    for node in range(4):
        resident_frames(world, 0, node, frames[node])
    capacity = np.floor(world.nodes["total"][0] * (1.0 - FREE_SHARE)).astype(np.int64)
    assert not greedy_moves(model.expected_rate_hz(0.0, 10.0), frames, capacity).any()
