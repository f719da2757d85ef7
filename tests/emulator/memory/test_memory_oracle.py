"""The oracle is the upper end of the scale: never worse than doing nothing, never hasty."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from damosrl.damon import Document
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.oracle import resident_frames
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.workload.model import Workload

MIB = 1 << 20
GIB = 1 << 30
MakeTemplate = Callable[..., Document]
MakeWorkload = Callable[..., Workload]


def _slowdowns(
    config: MachineConfig, template: Document, workload: Workload, *, guided: bool, steps: int = 60
) -> tuple[float, EmulatedMachines]:
    machines = EmulatedMachines(config, 1, template)
    machines.load(0, workload, seed=1)
    slowdowns = []
    for _ in range(steps):
        if guided:
            machines.rebalance(0, 1 * GIB, 10.0)
        machines.run(1.0)
        slowdowns.append(float(machines.truth().slowdown[0]))
    return float(np.mean(slowdowns)), machines


def _zipf(seed: int) -> list[float]:
    rates = 900.0 / np.arange(1, 33) ** 1.1
    np.random.default_rng(seed).shuffle(rates)
    return [float(rate) for rate in rates]


def _cases(make_workload: MakeWorkload) -> dict[str, Workload]:
    window = np.eye(16, dtype=np.float32) * 900.0 + 1.0
    return {
        "bad": make_workload([1.0] * 6 + [900.0] * 2, placement="bad"),
        "good": make_workload([1.0] * 6 + [900.0] * 2, placement="good"),
        "zipf": make_workload(_zipf(1), piece_mib=16),
        "uniform": make_workload([300.0] * 8, fast_fill=1.0),
        "scan": make_workload(window, epoch_s=np.arange(16) * 4.0, period_s=64.0),
        "fast scan": make_workload(window, epoch_s=np.arange(16) * 1.0, period_s=16.0),
        "heavy": make_workload([900.0] * 2 + [1.0] * 6, placement="good", threads=64),
        "idle": make_workload([0.0] * 4),
    }


@pytest.mark.parametrize(
    "name", ["bad", "good", "zipf", "uniform", "scan", "fast scan", "heavy", "idle"]
)
def test_oracle_is_never_worse_than_nothing(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload, name: str
) -> None:
    """On every kind of workload moving with foresight costs nothing against not moving."""
    workload, template = _cases(make_workload)[name], make_template(quota_bytes=1)
    nothing, _ = _slowdowns(two_tiers, template, workload, guided=False)
    oracle, _ = _slowdowns(two_tiers, template, workload, guided=True)
    assert oracle <= nothing * 1.001


def test_oracle_reaches_the_best_placement(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """From the worst placement it gets to where the best one starts, and then stays still."""
    rates, template = [1.0] * 6 + [900.0] * 2, make_template(quota_bytes=1)
    best, _ = _slowdowns(
        two_tiers, template, make_workload(rates, placement="good", fast_fill=1.0), guided=False
    )
    _, machines = _slowdowns(
        two_tiers, template, make_workload(rates, placement="bad"), guided=True
    )
    assert machines.truth().slowdown[0] == pytest.approx(best, rel=0.02)
    moved = machines.telemetry().migrated_up_bytes[0]
    assert machines.rebalance(0, 1 * GIB, 10.0) == 0.0
    assert moved <= 2 * 128 * MIB


def test_oracle_leaves_uniform_access_alone(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """Where nothing can be gained nothing is moved."""
    machines = EmulatedMachines(two_tiers, 1, make_template(quota_bytes=1))
    machines.load(0, make_workload([300.0] * 8, fast_fill=1.0, placement="random"), seed=1)
    assert machines.rebalance(0, 1 * GIB, 10.0) == 0.0


def test_heavy_load_keeps_hot_memory_in_slow_memory(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """When the fast tier is saturated the oracle balances latencies: hot memory goes down."""
    workload = make_workload([900.0] * 4 + [0.0] * 12, piece_mib=32, placement="good", threads=64)
    template = make_template(quota_bytes=1)
    nothing, still = _slowdowns(two_tiers, template, workload, guided=False, steps=20)
    oracle, machines = _slowdowns(two_tiers, template, workload, guided=True, steps=20)
    share = machines.truth().fast_share[0]
    unbalanced, balanced = (
        batch.world.nodes["latency_ns"][0, 0] / batch.world.nodes["latency_ns"][0, 1]
        for batch in (still, machines)
    )
    assert oracle < 0.9 * nothing
    assert 0.4 < share < 0.9
    assert unbalanced > 3.0
    assert balanced < 1.5


def test_budget_is_kept(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """No call moves more than it was allowed to."""
    machines = EmulatedMachines(two_tiers, 1, make_template(quota_bytes=1))
    machines.load(0, make_workload([1.0] * 6 + [900.0] * 2, placement="bad"), seed=1)
    for budget in (0, 3 * MIB, 16 * MIB, 50 * MIB):
        assert machines.rebalance(0, budget, 10.0) <= budget


def test_three_tiers_sort_themselves(
    make_template: MakeTemplate, make_workload: MakeWorkload, two_tiers: MachineConfig
) -> None:
    """With three memory tiers the hottest memory ends in the first, the coldest in the last."""
    config = MachineConfig("three", (*two_tiers.tiers, two_tiers.tiers[1]))
    workload = make_workload([1.0] * 6 + [300.0] * 2, placement="bad", threads=2)
    template = make_template(3, 1)
    nothing, _ = _slowdowns(config, template, workload, guided=False, steps=30)
    oracle, machines = _slowdowns(config, template, workload, guided=True, steps=30)
    assert oracle < nothing
    assert machines.truth().fast_share[0] > 0.9


@pytest.mark.parametrize("guide", ["rebalance", "assign"])
def test_hot_memory_comes_back_from_swap_before_it_is_touched(
    with_swap: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload, guide: str
) -> None:
    """Memory is full; the half that is swapped turns hot: it changes places with the other half."""
    rates = [[50.0] * 2 + [0.0] * 2, [0.0] * 2 + [50.0] * 2]
    workload = make_workload(rates, epoch_s=(0.0, 1.0), placement="good", fast_fill=1.0)
    machines = EmulatedMachines(with_swap, 2, make_template(1, 1))
    for index in range(2):
        machines.load(index, workload, seed=1)
    assert _swapped(machines, 0).tolist() == [0, 0, 32, 32]
    machines.run(1.0)
    while getattr(machines, guide)(0, 32 * MIB, 10.0):
        assert 64 <= _swapped(machines, 0).sum() <= 65  # a frame stays free to change places
    assert _swapped(machines, 0)[2:].sum() <= 1
    machines.run(1.0)
    guided, alone = machines.truth().slowdown
    assert guided < 1.002
    assert alone > 1.01


def _swapped(machines: EmulatedMachines, index: int) -> NDArray[np.int64]:
    frames = np.zeros(4, np.int64)
    resident_frames(machines.world, index, machines.world.nodes.shape[1] - 1, frames)
    return frames


def test_swapped_memory_is_left_alone_when_it_stays_cold(
    with_swap: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """Nothing is fetched that nobody will touch."""
    machines = EmulatedMachines(with_swap, 1, make_template(1, 1))
    machines.load(0, make_workload([50.0, 50.0, 0.0, 0.0], placement="good", fast_fill=1.0), 1)
    assert machines.rebalance(0, 1 * GIB, 10.0) == 0.0
