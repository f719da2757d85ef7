"""What kdamonds see of processes: hot memory, what comes and goes, and who is gone."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from damosrl.damon import (
    AccessPattern,
    Action,
    AddressRange,
    Context,
    Document,
    Kdamond,
    Ops,
    Scheme,
    Target,
)
from damosrl.emulator.jit import kernel
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.state import NO_TARGET, EngineState
from damosrl.emulator.virtual_monitor import fill_process_hits
from damosrl.emulator.workload.address_space import Process, Vma, default_process
from damosrl.emulator.workload.model import Workload
from damosrl.errors import DocumentError
from damosrl.machine import OPS_NAMES, Plan, Telemetry

MIB = 1 << 20
PAGE = 4096
HEAP, MMAP, STACK = 0x10_0000_0000, 0x20_0000_0000, 0x30_0000_0000
MakeProcesses = Callable[..., Workload]
Watch = Callable[..., Document]
Rows = NDArray[np.int64]


def _rows(telemetry: Telemetry, kdamond: int = 0, machine: int = 0) -> Rows:
    """Return target, start, end, nr_accesses and age of all regions."""
    snapshot = telemetry.snapshot
    used = snapshot.nr_regions[machine, kdamond]
    columns = (
        snapshot.target,
        snapshot.start,
        snapshot.end,
        snapshot.nr_accesses,
        snapshot.age,
    )
    return np.stack([item[machine, kdamond, :used].astype(np.int64) for item in columns], axis=1)


def _loaded(
    config: MachineConfig, document: Document, workload: Workload, monitor: str = "fast"
) -> EmulatedMachines:
    machines = EmulatedMachines(config, 1, document, monitor)  # type: ignore[arg-type]
    machines.load(0, workload, seed=3)
    return machines


def _three(pid: int, memory_mib: int = 256, offset_mib: int = 0, **life: float) -> Process:
    """Return a process with three areas, the middle one with all memory but 4 MiB."""
    middle = (memory_mib - 4) * MIB
    offset = offset_mib * MIB
    areas = (
        Vma(HEAP, 2 * MIB, offset),
        Vma(MMAP, middle, offset + 2 * MIB),
        Vma(STACK, 2 * MIB, offset + 2 * MIB + middle),
    )
    return Process(pid, areas, **life)


@pytest.mark.parametrize("monitor", ["fast", "exact"])
def test_vaddr_finds_the_hot_set(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch, monitor: str
) -> None:
    """Regions of high counts lie where the process is hot, at its virtual addresses."""
    workload = make_processes([0.0, 800.0, 0.0, 0.0, 0.0, 0.0, 800.0, 0.0])
    machines = _loaded(two_tiers, watch(Target(1)), workload, monitor)
    rows = _rows(machines.run(15.0))
    heap, mmapped, _ = default_process(8 * 64 * MIB).vmas
    hot = [(heap.start + 64 * MIB, heap.start + 128 * MIB)]
    hot.append((mmapped.start + 256 * MIB, mmapped.start + 320 * MIB))
    seen = rows[rows[:, 3] >= 15]
    inside = sum(
        max(min(end, high) - max(start, low), 0)
        for _, start, end, _, _ in seen.tolist()
        for low, high in hot
    )
    assert inside >= 0.8 * 128 * MIB
    assert (seen[:, 2] - seen[:, 1]).sum() <= inside + 32 * MIB
    assert machines.telemetry().kdamonds.ops[0, 0] == OPS_NAMES.index(Ops.VADDR)


def test_user_regions_last_until_the_first_update(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """On vaddr the three-regions rule overwrites given regions at the first ops update (1.4)."""
    given_range = AddressRange(start=MMAP, end=MMAP + 8 * MIB)
    target = Target(1, regions=(given_range,))
    for ops, stays in ((Ops.VADDR, False), (Ops.FVADDR, True)):
        document = watch(target, ops=ops)
        machines = _loaded(two_tiers, document, make_processes([9.0] * 4, [_three(1)]))
        before = _rows(machines.run(0.9))
        after = _rows(machines.run(0.2))
        assert (before[0, 1], before[-1, 2]) == (MMAP, MMAP + 8 * MIB)
        assert (after[0, 1] == MMAP) == stays
        assert (after[-1, 2] == STACK + 2 * MIB) == (not stays)


def test_fvaddr_without_regions_watches_nothing(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """Nothing is monitored, and the kdamond goes on as long as the process lives (1.2)."""
    machines = _loaded(two_tiers, watch(Target(1), ops=Ops.FVADDR), make_processes([9.0] * 4))
    telemetry = machines.run(3.0)
    assert telemetry.snapshot.nr_regions[0, 0] == 0
    assert telemetry.kdamonds.pid[0, 0] > 0


def test_one_area_gives_no_regions_until_there_are_three(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """With less than two gaps a target starts empty; updates leave it so, then fill it."""
    areas = (
        Vma(HEAP, 64 * MIB, 0),
        Vma(MMAP, 64 * MIB, 64 * MIB, from_s=2.5),
        Vma(STACK, 128 * MIB, 128 * MIB, from_s=2.5, to_s=6.5),
    )
    machines = _loaded(two_tiers, watch(Target(1)), make_processes([9.0] * 4, [Process(1, areas)]))
    assert machines.run(2.4).snapshot.nr_regions[0, 0] == 0
    rows = _rows(machines.run(1.0))
    assert (rows[0, 1], rows[-1, 2]) == (HEAP, STACK + 128 * MIB)
    rows = _rows(machines.run(6.0))  # two areas again: EINVAL, regions stay as they are
    assert (rows[0, 1], rows[-1, 2]) == (HEAP, STACK + 128 * MIB)


def test_mapped_memory_is_found_and_counted(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """An area that is mapped takes frames at once and regions at the next update; both go again."""
    areas = (
        Vma(HEAP, 64 * MIB, 0),
        Vma(MMAP, 64 * MIB, 64 * MIB),
        Vma(MMAP + 96 * MIB, 64 * MIB, 128 * MIB, from_s=2.5, to_s=5.5),
        Vma(STACK, 64 * MIB, 192 * MIB),
    )
    workload = make_processes([5.0, 5.0, 900.0, 5.0], [Process(1, areas)])
    machines = _loaded(two_tiers, watch(Target(1)), workload)

    def used(telemetry: Telemetry) -> float:
        node_bytes = telemetry.node_total_bytes - telemetry.node_free_bytes
        return float(node_bytes.sum())

    low, high = MMAP + 96 * MIB, MMAP + 160 * MIB
    before, late = machines.run(2.4), machines.run(2.6)
    after = machines.run(2.0)
    assert used(late) - used(before) == 64 * MIB == used(late) - used(after)
    for telemetry, mapped in ((before, False), (late, True), (after, False)):
        rows = _rows(telemetry)
        inside = rows[(rows[:, 1] < high) & (rows[:, 2] > low)]
        assert bool(len(inside)) == mapped
        if mapped:
            assert inside[:, 3].max() >= 15


def test_a_dying_process_among_two(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """Regions of a dead process stay and read not accessed; schemes pass it by (1.2, 2.5)."""
    processes = [_three(1, 128, 0, end_s=4.0), _three(2, 128, 128)]
    everything = Scheme(Action.STAT, AccessPattern(), apply_interval_us=500_000)
    document = watch(Target(1), Target(2), schemes=(everything,), least=20)
    machines = _loaded(two_tiers, document, make_processes([800.0] * 4, processes))
    before = _rows(machines.run(3.9))
    stats = machines.telemetry().stats
    machines.engine.schemes["cursor_target"][0, 0] = 0
    after = _rows(machines.run(3.1))
    for target, lives in ((0, False), (1, True)):
        ours = after[after[:, 0] == target]
        assert len(ours) > 3
        assert ours[0, 1] == before[before[:, 0] == target][0, 1] == HEAP
        assert (ours[:, 3].max() >= 15) == lives
    assert machines.engine.schemes["cursor_target"][0, 0] == NO_TARGET
    telemetry = machines.run(1.0)
    assert telemetry.kdamonds.pid[0, 0] > 0
    memory = float((telemetry.node_total_bytes - telemetry.node_free_bytes).sum())
    assert memory == 128 * MIB
    tried = machines.telemetry().stats.sz_tried[0, 0, 0] - stats.sz_tried[0, 0, 0]
    assert tried == (2 + 8) * 128 * MIB  # one pass over both, then over the living one alone


def test_a_kdamond_ends_with_its_last_process(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """It is gone with targets and regions, others and time go on."""
    watched = [watch(Target(pid)).kdamonds[0] for pid in (1, 2)]
    everywhere = Kdamond((Context(Ops.PADDR),))
    processes = [_three(1, 128, 0, end_s=2.0), _three(2, 128, 128)]
    machines = _loaded(
        two_tiers, Document((*watched, everywhere)), make_processes([800.0] * 4, processes)
    )
    assert (machines.run(1.9).kdamonds.pid > 0).all()
    telemetry = machines.run(1.0)
    assert telemetry.kdamonds.pid[0].tolist()[0] == -1
    assert (telemetry.kdamonds.pid[0, 1:] > 0).all()
    assert telemetry.snapshot.nr_regions[0, 0] == 0
    assert (telemetry.snapshot.nr_regions[0, 1:] > 0).all()
    later = machines.run(1.0)
    assert later.time_s[0] == pytest.approx(3.9)
    assert _rows(later, 1)[:, 3].max() >= 15


def test_a_target_without_a_process_is_refused(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """Start and commit name the pids that live (EINVAL); what runs is left as it is."""
    workload = make_processes([9.0] * 4, [_three(4, 128), _three(5, 128, 128, start_s=3.0)])
    with pytest.raises(DocumentError, match=r"no process.*got 5; allowed: 4"):
        _loaded(two_tiers, watch(Target(5)), workload)
    machines = _loaded(two_tiers, watch(Target(4)), workload)
    with pytest.raises(DocumentError, match="got 1; allowed: 4"):
        machines.commit(Plan(watch(Target(1)), {}))
    machines.run(3.5)
    machines.commit(Plan(watch(Target(5)), {}))
    rows = _rows(machines.run(1.5))
    assert (rows[0, 1], rows[-1, 2]) == (HEAP, STACK + 2 * MIB)
    assert machines.engine.pids[0, 0] == 5


def test_from_physical_to_virtual_by_commit(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """A commit may change the operation set; the next update finds the process's memory."""
    machines = _loaded(two_tiers, watch(Target(), ops=Ops.PADDR), make_processes([9.0] * 4))
    physical = _rows(machines.run(1.0))
    assert physical[0, 1] == 0
    machines.commit(Plan(watch(Target(1)), {}))
    heap, _, stack = default_process(256 * MIB).vmas
    rows = _rows(machines.run(2.0))
    assert (rows[0, 1], rows[-1, 2]) == (heap.start, stack.end)


@kernel
def fill_hits(world: MemoryWorld, state: EngineState) -> None:
    """Fill the hit probabilities of the first context."""
    fill_process_hits(world, state, 0)


def test_swapped_memory_is_not_accessed(
    with_swap: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """Of a piece of which half is swapped, half of the samples hit, however hot it is."""
    workload = make_processes([1e5], [_three(1, 256)], piece_mib=256, fast_fill=1.0)
    machines = _loaded(with_swap, watch(Target(1)), workload)
    fill_hits(machines.world, machines.engine)
    used = int(machines.engine.regions.nr_regions[0])
    assert used >= 10
    assert machines.engine.hit_probability[0, :used] == pytest.approx(0.5, abs=1e-6)


SCHEDULE = st.lists(
    st.tuples(
        st.integers(1, 8),
        st.integers(0, 8),
        st.sampled_from([0.0, 1.5, 2.5, 3.5]),
        st.sampled_from([0.5, 1.5, 9.0]),
    ),
    min_size=1,
    max_size=8,
)
"""Areas: size, gap behind it, when it is mapped, and for how long."""


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(schedule=SCHEDULE, monitor=st.sampled_from(["fast", "exact"]))
def test_any_schedule_of_mappings_keeps_the_invariants(
    two_tiers: MachineConfig,
    make_processes: MakeProcesses,
    watch: Watch,
    schedule: list[tuple[int, int, float, float]],
    monitor: str,
) -> None:
    """Regions are sorted, disjoint, inside what the last update found; no byte is lost."""
    place, offset, areas = HEAP, 0, []
    for size, gap, from_s, lasts_s in schedule:
        areas.append(Vma(place, size * 8 * MIB, offset, from_s, from_s + lasts_s))
        place += (size + gap) * 8 * MIB
        offset += size * 8 * MIB
    for _ in range(2):  # what is always there
        areas.append(Vma(place + 2**30, 8 * MIB, offset))
        place, offset = place + 2**31, offset + 8 * MIB
    workload = make_processes([300.0], [Process(1, tuple(areas))], piece_mib=offset // MIB)
    document = watch(Target(1), update_us=200_000, least=5, most=30)
    machines = _loaded(two_tiers, document, workload, monitor)
    for step in range(12):
        telemetry = machines.run(0.5)
        now_s = (step + 1) * 0.5 - 0.25  # mappings change at half seconds, an update follows
        mapped = [area for area in areas if area.from_s <= now_s < area.to_s]
        node_bytes = telemetry.node_total_bytes - telemetry.node_free_bytes
        assert node_bytes.sum() == sum(area.size_bytes for area in mapped)
        rows = _rows(telemetry)
        assert (rows[:, 1] < rows[:, 2]).all()
        assert (rows[1:, 1] >= rows[:-1, 2]).all()
        assert (rows[:, 3] <= 20).all()
        gaps = sorted(
            (left.end - right.start, left.end, right.start)
            for left, right in pairwise(mapped)
            if left.end < right.start
        )
        if len(gaps) >= 2:
            assert (rows[0, 1], rows[-1, 2]) == (mapped[0].start, mapped[-1].end)
            third = gaps[2][0] if len(gaps) > 2 else 0
            for _, low, high in [gap for gap in gaps[:2] if gap[0] < third]:
                assert not ((rows[:, 1] < high) & (rows[:, 2] > low)).any()


SEEDS = 150
MOMENTS = 4
MEASURES = 4
BOUND = math.sqrt(math.log(2 * MOMENTS * MEASURES / 1e-4) / SEEDS)


def _measures(
    config: MachineConfig, document: Document, workload: Workload, monitor: str
) -> NDArray[np.float64]:
    machines = EmulatedMachines(config, SEEDS, document, monitor)  # type: ignore[arg-type]
    for index in range(SEEDS):
        machines.load(index, workload, seed=1000 * index + len(monitor))
    rows = []
    for _ in range(MOMENTS):
        snapshot = machines.run(0.25).snapshot
        sizes = (snapshot.end - snapshot.start)[:, 0].astype(float)
        counts, ages = snapshot.nr_accesses[:, 0].astype(float), snapshot.age[:, 0].astype(float)
        rows.append(
            [
                snapshot.nr_regions[:, 0].astype(float),
                (sizes * counts).sum(axis=1),
                (sizes * counts**2).sum(axis=1),
                (sizes * ages).sum(axis=1),
            ]
        )
    return np.array(rows)


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    largest = 0.0
    for moment in range(MOMENTS):
        for measure in range(MEASURES):
            pair = np.sort(one[moment, measure]), np.sort(other[moment, measure])
            both = np.concatenate(pair)
            shares = [np.searchsorted(item, both, side="right") / SEEDS for item in pair]
            largest = max(largest, float(np.abs(shares[0] - shares[1]).max()))
    return largest


def test_fast_equals_exact_on_processes(
    with_swap: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """Regions, counts, their spread and ages agree in distribution, mid-window and at its end.

    Kolmogorov-Smirnov over 150 seeds each, 4 moments x 4 measures, family-wise error 1e-4; a
    workload a tenth hotter is told apart.
    """
    processes = [_three(1, 192, 0), _three(2, 192, 192)]
    rates = np.array([20.0, 150.0, 0.0, 60.0, 5.0, 90.0])
    document = watch(Target(1), Target(2), update_us=300_000, most=40)
    workload = make_processes(rates, processes, fast_fill=1.0)
    hotter = make_processes(rates * 1.15, processes, fast_fill=1.0)
    exact = _measures(with_swap, document, workload, "exact")
    assert _distance(exact, _measures(with_swap, document, workload, "fast")) < BOUND
    assert _distance(exact, _measures(with_swap, document, hotter, "fast")) > BOUND


def test_a_batch_is_what_its_machines_are_alone(
    two_tiers: MachineConfig, make_processes: MakeProcesses, watch: Watch
) -> None:
    """Processes of one machine are no matter of another, whatever tables they share."""
    workloads = [
        make_processes([9.0, 400.0] * 8, [_three(1, 1024)]),
        make_processes([400.0, 9.0, 9.0, 9.0]),
        make_processes([50.0] * 4, [_three(1, 128, end_s=1.0), _three(3, 128, 128)]),
    ]
    document = watch(Target(1))
    batch = EmulatedMachines(two_tiers, 3, document, threads=2)
    for index, workload in enumerate(workloads):
        batch.load(index, workload, seed=index)
    together = batch.run(3.3)
    for index, workload in enumerate(workloads):
        single = EmulatedMachines(two_tiers, 1, document)
        single.load(0, workload, seed=index)
        alone = single.run(3.3)
        assert np.array_equal(_rows(together, machine=index), _rows(alone))
        assert together.kdamonds.pid[index] == alone.kdamonds.pid[0]
        assert together.node_free_bytes[index].tolist() == alone.node_free_bytes[0].tolist()
