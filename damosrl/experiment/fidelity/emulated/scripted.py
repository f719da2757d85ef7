"""The engine alone, fed with values that the guest measured: goals, free memory, snapshots."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from damosrl.damon import AddressRange, Attrs, Context, Target
from damosrl.damon.recorded import RecordedSnapshot
from damosrl.emulator.conformance.rig import rig
from damosrl.emulator.engine import run_until
from damosrl.emulator.intervals import tune_intervals
from damosrl.emulator.loading import check_status, load_context
from damosrl.emulator.scripted import AGGREGATION, ESZ, ScriptedWorld, empty_script
from damosrl.emulator.state import allocate
from damosrl.machine import IntArray

MEMORY = (AddressRange(0, 2**30),)
"""What is monitored where it does not matter."""


def effective_quotas(context: Context, values: Sequence[int]) -> list[int]:
    """Return the effective quotas of a scheme whose goal had a value in each window.

    Args:
        context: One scheme with one goal and a ``reset_interval_ms`` of several aggregations.
        values: The goal's metric, window after window.

    Returns:
        Bytes, where they changed: the ``damos_esz`` events.
    """
    first_us = context.attrs.intervals.aggr_us
    window_us = context.schemes[0].quota.reset_interval_ms * 1000
    starts = [max(first_us + window_us * place - first_us // 2, 0) for place in range(len(values))]
    script = empty_script(1, len(values) + 1)._replace(
        goal_first=np.array([[0, len(values)]]),
        goal_series=np.array(list(zip(starts, values, strict=True)), np.uint64),
    )
    world = _run(context, script, starts[-1] + first_us)
    quotas: list[int] = world.esz[: world.lengths[ESZ], 2].tolist()
    return quotas


def aggregation_times(
    context: Context, time_us: IntArray, free_permil: IntArray, end_us: int, overshoot: float
) -> IntArray:
    """Return when a kdamond between watermarks aggregates while free memory changes.

    Args:
        context: Schemes with watermarks.
        time_us: From when each value of free memory holds, us.
        free_permil: The values, permil of all memory.
        end_us: When to stop.
        overshoot: Real length of a sampling interval over the one asked for.
    """
    rows = end_us // context.attrs.intervals.aggr_us + 2
    free = np.stack([time_us, free_permil], axis=1).astype(np.uint64)
    script = empty_script(len(context.schemes), rows * context.attrs.max_nr_regions)
    world = _run(context, script._replace(free_mem=free), end_us, overshoot)
    return world.aggregations[: world.lengths[AGGREGATION], 0].astype(np.int64)


def tuned_interval(attrs: Attrs, sample_us: int, snapshot: RecordedSnapshot) -> int | None:
    """Return the sampling interval that the engine sets on seeing a snapshot; None for none.

    Args:
        attrs: Attributes the kdamond was started with.
        sample_us: Sampling interval in force, us.
        snapshot: What it sees.
    """
    goal, samples = attrs.intervals.goal, attrs.samples_per_aggregation
    columns = (snapshot.start, snapshot.end, snapshot.nr_accesses, snapshot.nr_accesses)
    regions = [(*map(int, row), 0) for row in zip(*columns, strict=True)]
    context = {
        "sample_us": sample_us,
        "aggr_us": sample_us * samples,
        "aggr_samples": samples,
        "ops_update_us": attrs.intervals.ops_update_us,
        "goal_access_bp": goal.access_bp,
        "goal_aggrs": goal.aggrs,
        "goal_min_sample_us": goal.min_sample_us,
        "goal_max_sample_us": goal.max_sample_us,
    }
    state = rig([regions], context=context)
    return int(state.contexts["sample_us"][0]) if tune_intervals(state, 0) else None


def _run(
    context: Context, script: ScriptedWorld, end_us: int, overshoot: float = 1.0
) -> ScriptedWorld:
    watched = replace(context, targets=(Target(regions=MEMORY),))
    regions = 2 * context.attrs.max_nr_regions
    state = allocate(1, region_capacity=regions, schemes=len(context.schemes), goals=1)
    load_context(state, 0, watched, seed=1, overshoot=overshoot)
    run_until(state, script, 0, 1, np.array([end_us], np.int64))
    check_status(state)
    return script
