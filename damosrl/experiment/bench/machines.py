"""The emulated machines that are measured: two nodes, one scheme each, as many regions as asked."""

from functools import cache
from typing import Literal

import numpy as np

from damosrl.config import load_choice
from damosrl.damon import (
    U32_MAX,
    AccessPattern,
    Action,
    Attrs,
    Context,
    Document,
    GoalMetric,
    GoalTuner,
    Kdamond,
    Ops,
    Quota,
    QuotaGoal,
    Range,
    Scheme,
    Target,
    Weights,
)
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.workload.model import Workload
from damosrl.emulator.workload.source import workload_source

MACHINE = "dram_cxl"
WORKLOAD = "static_hot"
QUOTA_BYTES = 200 * 2**20
WARM_UP_S = 60.0
Monitor = Literal["fast", "exact"]


def two_node_document(regions: int, quota_bytes: int = QUOTA_BYTES) -> Document:
    """Return one kdamond per node that keeps half of the regions each, and moves memory.

    Promotion of what is seen in a quarter of the samples, demotion of what is seen in 3 of 20 at
    most for half a second, until 1 % of the fast node is free; structure as
    samples/damon/mtier.c (7.3).

    Args:
        regions: Regions of the machine, 20 at least.
        quota_bytes: Bytes per second of each scheme.

    Example:
        >>> len(two_node_document(100).kdamonds)
        2
    """
    cold = AccessPattern(nr_accesses=Range(0, 3), age=Range(5, U32_MAX))
    hot = AccessPattern(nr_accesses=Range(5, U32_MAX), age=Range(0, U32_MAX))
    free = (QuotaGoal(GoalMetric.NODE_MEM_FREE_BP, target_value=100, nid=0),)
    schemes = (
        _scheme(Action.MIGRATE_COLD, 1, cold, free, quota_bytes),
        _scheme(Action.MIGRATE_HOT, 0, hot, (), quota_bytes),
    )
    attrs = Attrs(min_nr_regions=regions // 2, max_nr_regions=regions // 2 + 2)
    return Document(
        kdamonds=tuple(
            Kdamond(
                contexts=(
                    Context(ops=Ops.PADDR, targets=(Target(),), attrs=attrs, schemes=(scheme,)),
                )
            )
            for scheme in schemes
        )
    )


def _scheme(
    action: Action,
    target: int,
    pattern: AccessPattern,
    goals: tuple[QuotaGoal, ...],
    quota_bytes: int,
) -> Scheme:
    return Scheme(
        action=action,
        access_pattern=pattern,
        target_nid=target,
        apply_interval_us=1_000_000,
        quota=Quota(
            sz_bytes=quota_bytes,
            reset_interval_ms=1000,
            weights=Weights(sz_permil=0, nr_accesses_permil=100, age_permil=100),
            goals=goals,
            goal_tuner=GoalTuner.TEMPORAL,
        ),
    )


@cache
def drawn_workload(footprint: str = "16 GiB") -> Workload:
    """Return the same static hot set at any footprint."""
    spec = {**load_choice("workload", WORKLOAD), "footprint": footprint, "randomize": False}
    return workload_source(spec).draw(np.random.default_rng(1))


def machines(
    regions: int = 100,
    footprint: str = "16 GiB",
    count: int = 1,
    threads: int = 1,
    monitor: Monitor = "fast",
    warm_up_s: float = WARM_UP_S,
) -> EmulatedMachines:
    """Return machines that have found their hot set.

    Args:
        regions: Regions of each machine, over both nodes.
        footprint: Size of the workload.
        count: Machines.
        threads: Threads that share them.
        monitor: ``fast`` or ``exact``.
        warm_up_s: Emulated time that has passed.
    """
    batch = EmulatedMachines(MACHINE, count, two_node_document(regions), monitor, threads)
    for index in range(count):
        batch.load(index, drawn_workload(footprint), seed=index + 1)
    batch.run(warm_up_s)
    return batch


def mean_regions(batch: EmulatedMachines) -> float:
    """Return how many regions a machine really has now, over both nodes."""
    return float(batch.telemetry().snapshot.nr_regions.sum(axis=1).mean())
