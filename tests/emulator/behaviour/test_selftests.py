"""The kernel's DAMON selftests as small emulated runs (semantics 7)."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import pytest

from damosrl.damon import (
    AccessPattern,
    AddressRange,
    Attrs,
    Context,
    GoalMetric,
    Ops,
    Quota,
    QuotaGoal,
    Range,
    Scheme,
    Stats,
    Target,
)
from damosrl.damon.modules import (
    DamonLruSort,
    DamonReclaim,
    DamonStat,
    Module,
    Mtier,
    PhysicalLayout,
)
from damosrl.emulator.engine import run_until
from damosrl.emulator.loading import check_status, load_context
from damosrl.emulator.scripted import APPLIED, ScriptedWorld, empty_script
from damosrl.emulator.staging import request_commit, request_goals
from damosrl.emulator.state import EXACT, RUNNING, EngineState, allocate
from damosrl.emulator.tried import read_tried, request_tried

MIB = 1 << 20
BLOCK = 10 * MIB
FOR_EVER = 2**64 - 1
ACCESSED = AccessPattern(nr_accesses=Range(1, 2**32 - 1))
SNAPSHOT = Scheme(access_pattern=AccessPattern())


class Machine:
    """One context on a scripted world; time only goes forward."""

    def __init__(
        self,
        what: Context,
        spans: Sequence[Sequence[int]] = (),
        free_permil: int = 0,
        seed: int = 7,
    ) -> None:
        schemes = len(what.schemes)
        self.state = allocate(1, region_capacity=2048, schemes=schemes)
        self.world = empty_script(schemes, 4096)._replace(
            access_target=np.zeros(len(spans), np.int64),
            access_span=np.array(spans, np.uint64).reshape(-1, 4),
            free_mem=np.array([[0, free_permil]], np.uint64),
        )
        load_context(self.state, 0, what, seed, monitor=EXACT)
        self.now_ms = 0

    def run(self, milliseconds: int) -> None:
        """Let time pass."""
        self.now_ms += milliseconds
        run_until(self.state, self.world, 0, 1, np.array([self.now_ms * 1000]))
        check_status(self.state)

    def scheme(self, name: str, scheme: int = 0) -> int:
        """Return a number of a scheme's record."""
        return int(self.state.schemes[name][0, scheme])

    def tried(self) -> tuple[int, int]:
        """Return number and size of the regions that the next pass handles."""
        self.state = request_tried(self.state, 0)
        self.run(100)
        (scheme,) = read_tried(self.state, 0)
        return len(scheme.regions), scheme.total_bytes


def _watched(size: int, *schemes: Scheme, **parts: Any) -> Context:
    target = Target(1, (AddressRange(0, size),))
    return Context(Ops.FVADDR, (target,), schemes=schemes, **parts)


def _alternating(size: int, period_ms: int, until_ms: int) -> list[list[int]]:
    """Access two neighbouring ranges in turn, as the selftests' access_memory does."""
    return [
        [turn % 2 * size, (turn % 2 + 1) * size, 1000 * start, 1000 * (start + period_ms)]
        for turn, start in enumerate(range(0, until_ms, period_ms))
    ]


def _even_blocks(blocks: int) -> list[list[int]]:
    """Access every other block all the time, as access_memory_even does."""
    return [[n * BLOCK, (n + 1) * BLOCK, 0, FOR_EVER] for n in range(0, blocks, 2)]


def test_damos_quota() -> None:
    """No window tries more than its quota, and each that tries all of it counts as exceeded."""
    quota = Quota(sz_bytes=MIB, reset_interval_ms=100)
    machine = Machine(
        _watched(4 * BLOCK, Scheme(access_pattern=ACCESSED, quota=quota)),
        _alternating(BLOCK, 1000, 4000),
    )
    full, tried = 0, 0
    for _ in range(30):
        machine.run(100)
        window = machine.scheme("sz_tried") - tried
        tried += window
        assert window <= MIB
        assert machine.scheme("qt_exceeds") == full  # a window is counted when the next begins
        full += window == MIB
    assert full >= 20


def test_damos_quota_goal() -> None:
    """The effective quota follows the user's feedback 0, 15000, 5000, 18000, down to one byte."""
    goal = QuotaGoal(GoalMetric.USER_INPUT, 10_000)

    def fed(feedback: int) -> Context:
        goals = (replace(goal, current_value=feedback),)
        quota = Quota(reset_interval_ms=100, goals=goals)
        return _watched(4 * BLOCK, Scheme(access_pattern=AccessPattern(), quota=quota))

    machine = Machine(fed(0))
    for feedback in (0, 15_000, 5000, 18_000):
        machine.state = request_goals(machine.state, [0], fed(feedback))
        first = machine.scheme("esz")
        for _ in range(10):
            before = machine.scheme("esz")
            machine.run(100)
            after = machine.scheme("esz")
            assert after == before == 1 or (after > before) == (feedback < 10_000)
        assert (machine.scheme("esz") > first) == (feedback < 10_000)


@pytest.mark.parametrize("seed", range(3))
def test_damos_tried_regions(seed: int) -> None:
    """Fourteen blocks, every other one accessed, are told apart: 14 regions in the median."""
    machine = Machine(_watched(14 * BLOCK, SNAPSHOT), _even_blocks(14), seed=seed)
    counts = [machine.tried()[0] for _ in range(40)]
    assert median(counts) >= 14


@pytest.mark.parametrize(("lowest", "most"), [(20, 100), (3, 10)])
def test_nr_regions_stay_in_bounds(lowest: int, most: int) -> None:
    """The number of regions keeps to its bounds, whatever the blocks would ask for."""
    attrs = Attrs(min_nr_regions=lowest, max_nr_regions=most)
    machine = Machine(_watched(14 * BLOCK, SNAPSHOT, attrs=attrs), _even_blocks(14))
    counts = [machine.tried()[0] for _ in range(50)]
    assert lowest <= min(counts)
    assert max(counts) <= most


def test_nr_regions_follow_an_online_change() -> None:
    """After a commit of 3 to 7 the regions of 14 blocks become 7 or fewer."""
    machine = Machine(_watched(14 * BLOCK, SNAPSHOT), _even_blocks(14))
    machine.run(2000)
    assert machine.tried()[0] > 7
    narrow = Attrs(min_nr_regions=3, max_nr_regions=7)
    machine.state = request_commit(machine.state, [0], _watched(14 * BLOCK, SNAPSHOT, attrs=narrow))
    machine.run(200)
    counts = [machine.tried()[0] for _ in range(50)]
    assert min(counts) >= 3
    assert max(counts) <= 7


def test_working_set_size_estimation() -> None:
    """The size of accessed regions is within 20 % of the working set, at 50 and 75 per cent."""
    machine = Machine(
        _watched(10 * BLOCK, Scheme(access_pattern=ACCESSED)), _alternating(BLOCK, 2000, 20_000)
    )
    machine.run(1000)
    sizes = sorted(machine.tried()[1] for _ in range(100))
    for percentile in (50, 75):
        assert abs(sizes[percentile * len(sizes) // 100] / BLOCK - 1) <= 0.2


def _applied(machine: Machine) -> list[list[int]]:
    world: ScriptedWorld = machine.world
    rows: list[list[int]] = world.applied[: world.lengths[APPLIED]].tolist()
    return rows


def _stats(state: EngineState, scheme: int) -> Stats:
    record = state.schemes[0, scheme]
    names = [name for name in Stats.__slots__ if name != "max_nr_snapshots"]
    return Stats(**{name: int(record[name]) for name in names})


def test_reclaim_module_runs() -> None:
    """DAMON_RECLAIM's kdamond reclaims what idles while free memory is short (reclaim.sh)."""
    ram = PhysicalLayout((AddressRange(0, 8 * BLOCK),))
    module = DamonReclaim(min_age=1_000_000)
    context = module.document(ram).kdamonds[0].contexts[0]
    hot = [[0, 2 * BLOCK, 0, FOR_EVER]]
    machine = Machine(context, hot, free_permil=300)
    machine.run(10_000)
    assert int(machine.state.contexts["status"][0]) == RUNNING
    told = module.statistics([_stats(machine.state, 0)])
    assert told["nr_reclaim_tried_regions"] == len(_applied(machine)) > 0
    assert told["bytes_reclaimed_regions"] >= 5 * BLOCK
    assert all(row[6] >= 10 and row[5] == 0 for row in _applied(machine))
    asleep = Machine(context, hot, free_permil=501)
    asleep.run(10_000)
    assert not _applied(asleep)


def test_lru_sort_module_runs() -> None:
    """DAMON_LRU_SORT's kdamond sorts hot and idle memory to either list (lru_sort.sh)."""
    ram = PhysicalLayout((AddressRange(0, 8 * BLOCK),))
    module = DamonLruSort(cold_min_age=1_000_000)
    context = module.document(ram).kdamonds[0].contexts[0]
    machine = Machine(context, [[0, 2 * BLOCK, 0, FOR_EVER]], free_permil=100)
    machine.run(10_000)
    assert int(machine.state.contexts["status"][0]) == RUNNING
    told = module.statistics([_stats(machine.state, s) for s in (0, 1)])
    assert told["bytes_lru_sorted_hot_regions"] > 0
    assert told["bytes_lru_sorted_cold_regions"] > 0
    for _, scheme, _, start, end, count, age in _applied(machine):
        if scheme == 0:
            assert count >= 10
            assert start < 2 * BLOCK
        else:
            assert (count, age >= 10) == (0, True)
            assert end > 2 * BLOCK


@pytest.mark.parametrize(
    "module",
    [
        DamonReclaim(
            skip_anon=True,
            quota_mem_pressure_us=100,
            autotune_monitoring_intervals=True,
            wmarks_low=50,
        ),
        DamonLruSort(filter_young_pages=True, active_mem_bp=6000, sample_interval=10_000),
        DamonStat(),
        Mtier(detect_node_addresses=True),
    ],
    ids=lambda module: module.NAME,
)
def test_every_feature_of_modules_is_emulated(module: Module) -> None:
    """Kdamonds of modules for physical memory run with all that their parameters switch on."""
    spans = (AddressRange(0, 4 * BLOCK), AddressRange(4 * BLOCK, 8 * BLOCK))
    layout = PhysicalLayout(system_ram=spans, nodes=spans)
    for kdamond in module.document(layout).kdamonds:
        machine = Machine(kdamond.contexts[0], free_permil=100)
        machine.run(3000)
        assert int(machine.state.contexts["status"][0]) == RUNNING
        assert int(machine.state.contexts["passed"][0]) > 0
        assert int(machine.state.regions.nr_regions[0]) >= 10
