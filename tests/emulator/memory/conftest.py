"""Small machines for the tests of the emulated memory."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import ArrayLike

from damosrl.damon import (
    AccessPattern,
    Action,
    Context,
    Document,
    GoalMetric,
    Kdamond,
    Ops,
    Quota,
    QuotaGoal,
    Range,
    Scheme,
    Target,
    Weights,
)
from damosrl.emulator.describe import describe_machine
from damosrl.emulator.memory_state import MemoryWorld, allocate_world, grow_world
from damosrl.emulator.placement import lay_out
from damosrl.emulator.presets import MachineConfig, Tier
from damosrl.emulator.rate_store import RateStore
from damosrl.emulator.tick import begin
from damosrl.emulator.workload.model import (
    AccessModel,
    Application,
    PageClass,
    PageLayout,
    Placement,
    StartState,
    Workload,
)

MIB = 1 << 20
GRANULE = 2 * MIB
MOST = 4294967295

MakeWorkload = Callable[..., Workload]
MakeTemplate = Callable[..., Document]
MakeWorld = Callable[..., MemoryWorld]


@pytest.fixture(scope="session")
def two_tiers() -> MachineConfig:
    """Return a machine of fast and slow memory whose curves bend within reach."""
    fast = Tier("fast", curve_gbps=(1.0, 30.0, 40.0), curve_ns=(100.0, 150.0, 400.0))
    slow = Tier("slow", curve_gbps=(1.0, 20.0, 25.0), curve_ns=(200.0, 240.0, 600.0))
    return MachineConfig("two", (fast, slow))


@pytest.fixture(scope="session")
def with_swap(two_tiers: MachineConfig) -> MachineConfig:
    """Return a machine of one memory tier, half the footprint, and a swap store."""
    fast = Tier("fast", two_tiers.tiers[0].curve_gbps, two_tiers.tiers[0].curve_ns, capacity="50 %")
    swap = Tier(
        "swap",
        curve_gbps=(0.1, 2.0, 3.0),
        curve_ns=(2000.0, 3000.0, 9000.0),
        kind="swap",
        fault_p99_ns=6000.0,
        store_ns=1000.0,
    )
    return MachineConfig("swapping", (fast, swap))


@pytest.fixture(scope="session")
def make_workload() -> MakeWorkload:
    """Return a maker of workloads with pieces of equal size."""

    def make(
        rates: ArrayLike,
        *,
        piece_mib: int = 64,
        epoch_s: Sequence[float] = (0.0,),
        period_s: float = np.inf,
        placement: Placement = "first_touch",
        fast_fill: float = 0.97,
        fast_share: float = 0.25,
        threads: int = 8,
        pages: Sequence[PageClass] = (),
    ) -> Workload:
        table = np.atleast_2d(np.asarray(rates, np.float32))
        borders = np.arange(table.shape[1] + 1) * piece_mib * MIB
        return Workload(
            "test",
            "test",
            AccessModel(borders, np.asarray(epoch_s, np.float64), table, period_s),
            Application(threads=threads),
            StartState(fast_fill, placement),
            fast_share,
            PageLayout(borders, tuple(pages)) if pages else None,
        )

    return make


@pytest.fixture(scope="session")
def make_template() -> MakeTemplate:
    """Return a maker of tiering documents: cold down, hot up, one kdamond per node."""

    def make(
        nodes: int = 2,
        quota_bytes: int = 64 * MIB,
        *,
        hot: int = 3,
        cold: int = 1,
        goals: bool = False,
    ) -> Document:
        kdamonds = []
        for node in range(nodes):
            schemes = []
            free = QuotaGoal(GoalMetric.NODE_MEM_FREE_BP, target_value=200, nid=node)
            if node < nodes - 1:
                cold_range = Range(0, cold)
                schemes.append(
                    _scheme(Action.MIGRATE_COLD, cold_range, node + 1, quota_bytes, goals, free)
                )
            if node > 0:
                used = QuotaGoal(GoalMetric.NODE_MEM_USED_BP, target_value=9970, nid=node - 1)
                hot_range = Range(hot, MOST)
                schemes.append(
                    _scheme(Action.MIGRATE_HOT, hot_range, node - 1, quota_bytes, goals, used)
                )
            context = Context(Ops.PADDR, targets=(Target(),), schemes=tuple(schemes))
            kdamonds.append(Kdamond(contexts=(context,)))
        return Document(kdamonds=tuple(kdamonds))

    return make


def _scheme(
    action: Action, counts: Range, target: int, quota_bytes: int, goals: bool, goal: QuotaGoal
) -> Scheme:
    quota = Quota(
        sz_bytes=quota_bytes,
        reset_interval_ms=1000,
        weights=Weights(0, 100, 100),
        goals=(goal,) if goals else (),
    )
    return Scheme(
        action,
        AccessPattern(nr_accesses=counts),
        target_nid=target,
        apply_interval_us=1_000_000,
        quota=quota,
    )


@pytest.fixture(scope="session")
def make_world() -> MakeWorld:
    """Return a maker of one machine's memory without an engine, laid out piece by piece."""

    def make(
        config: MachineConfig,
        frames: Sequence[int],
        capacity: Sequence[int],
        used: Sequence[int],
        rates: Sequence[float],
    ) -> MemoryWorld:
        world = allocate_world(1, len(capacity), 3)
        describe_machine(world, 0, config)
        borders = np.concatenate([[0], np.cumsum(frames)]) * GRANULE
        access = AccessModel(borders, np.zeros(1), np.array([rates], np.float32))
        store = RateStore(1)
        store.place(0, access, GRANULE)
        world = grow_world(world, sum(capacity) + len(capacity), len(frames), store)
        pieces = np.arange(len(frames))
        lay_out(world, 0, np.array(capacity), np.array(used), pieces, np.array(frames, np.int64))
        world.machines["num_pieces"] = len(frames)
        world.machines["num_epochs"] = 1
        world.machines["period_s"] = np.inf
        world.machines["threads"] = 8
        world.machines["in_flight"] = 64
        world.machines["think_ns"] = 200.0
        begin(world, 0, 1)
        return world

    return make
