"""Reading what a kernel could tell from the arrays of engine and world; all results are copies."""

from collections.abc import Callable, Sequence

import numpy as np

from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.pressure import FULL, SOME, average_ratio
from damosrl.emulator.regions import copy_regions
from damosrl.emulator.state import RUNNING, EngineState
from damosrl.machine import (
    FloatArray,
    GroundTruth,
    IntArray,
    Kdamonds,
    Pressure,
    SchemeStats,
    Snapshot,
    SwapUse,
    Telemetry,
)

FIRST_PID = 300
"""Process id of kdamond.0; kernel threads start early."""

Chunk = Callable[[int, int], int]
InThreads = Callable[[Chunk], list[int]]
"""Calls ``chunk(first, last)`` for the machines, shared out to threads."""


def read_telemetry(
    engine: EngineState,
    world: MemoryWorld,
    configs: Sequence[MachineConfig],
    in_threads: InThreads,
) -> Telemetry:
    """Return all that a kernel could tell now.

    Args:
        engine: Monitors and schemes.
        world: Memory.
        configs: Of every machine.
        in_threads: Shares the copying of regions out to threads.
    """
    nodes, machines, count = world.nodes, world.machines, len(configs)
    shape = (count, len(engine.contexts) // count)
    granule = machines["granule_bytes"][:, None]
    latency = ratio(machines["latency_sum_ns"], machines["accesses"])
    probed = np.array([config.latency_probe for config in configs])
    return Telemetry(
        time_s=machines["time_s"].copy(),
        node_total_bytes=nodes["total"][:, :-1] * granule,
        node_free_bytes=nodes["free"][:, :-1] * granule,
        snapshot=read_snapshot(engine, count, in_threads),
        kdamonds=read_kdamonds(engine, count),
        samples_per_aggregation=engine.contexts["aggr_samples"].astype(np.int64).reshape(shape),
        aggregation_us=engine.contexts["aggr_us"].astype(np.int64).reshape(shape),
        stats=read_stats(engine, count),
        pressure=read_pressure(world),
        migrated_up_bytes=machines["up_bytes"].copy(),
        migrated_down_bytes=machines["down_bytes"].copy(),
        returned_bytes=machines["returned_bytes"].copy(),
        kdamond_cpu_us=machines["kdamond_us"].copy(),
        latency_ns=np.where(probed, latency, np.nan),
        swap=SwapUse(
            total_bytes=nodes["total"][:, -1] * granule[:, 0],
            used_bytes=(nodes["total"] - nodes["free"])[:, -1] * granule[:, 0],
            pool_bytes=machines["pool_bytes"].copy(),
            in_bytes=machines["swapped_in_bytes"].copy(),
            out_bytes=machines["swapped_out_bytes"].copy(),
            refaulted_bytes=machines["returned_bytes"].copy(),
        ),
    )


def read_truth(world: MemoryWorld) -> GroundTruth:
    """Return what only the emulator knows about the last run."""
    machines = world.machines
    served = machines["accesses"]
    return GroundTruth(
        slowdown=ratio(machines["possible"], served),
        throughput_per_s=ratio(served, machines["elapsed_s"]),
        mean_latency_ns=ratio(machines["latency_sum_ns"], served),
        p99_latency_ns=ratio(machines["p99_sum_ns"], served),
        fast_share=ratio(machines["fast_accesses"], served),
    )


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return a quotient; NaN where nothing was counted."""
    return np.divide(
        numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0
    )


def read_snapshot(engine: EngineState, machines: int, in_threads: InThreads) -> Snapshot:
    """Return the regions of all kdamonds as schemes see them now."""
    used = engine.regions.nr_regions
    kdamonds = len(used) // machines
    shape = (len(used), int(used.max()))
    start, end = np.empty(shape, np.uint64), np.empty(shape, np.uint64)
    sums, age = np.empty(shape, np.uint32), np.empty(shape, np.uint32)

    def copy(first: int, last: int) -> int:
        contexts = (first * kdamonds, last * kdamonds)
        copy_regions(engine, *contexts, start, end, sums, age)
        return last - first

    in_threads(copy)
    axes = (machines, kdamonds, shape[1])
    return Snapshot(
        nr_regions=used.reshape(axes[:2]).copy(),
        start=start.reshape(axes),
        end=end.reshape(axes),
        nr_accesses=sums.reshape(axes),
        age=age.reshape(axes),
        target=_targets(engine, shape[1]).reshape(axes),
    )


def _targets(engine: EngineState, regions: int) -> IntArray:
    if (engine.contexts["nr_targets"] <= 1).all():
        return np.zeros((len(engine.contexts), regions), np.int64)
    targets = engine.regions.target[:, :regions].copy()
    targets[np.arange(regions) >= engine.regions.nr_regions[:, None]] = 0
    return targets


def read_kdamonds(engine: EngineState, machines: int) -> Kdamonds:
    """Return which kdamonds run, and what they watch."""
    contexts = engine.contexts
    kdamonds = len(contexts) // machines
    pid = FIRST_PID + np.tile(np.arange(kdamonds), machines)
    pid[contexts["status"] != RUNNING] = -1
    shape = (machines, kdamonds)
    return Kdamonds(pid=pid.reshape(shape), ops=contexts["ops"].reshape(shape).copy())


def read_stats(engine: EngineState, machines: int) -> SchemeStats:
    """Return the counters of all schemes."""
    schemes = engine.schemes
    shape = (machines, len(schemes) // machines, -1)
    counters = ("nr_tried", "sz_tried", "nr_applied", "sz_applied", "qt_exceeds", "esz")
    names = (*counters, "sz_ops_filter_passed")
    columns = [schemes[name].astype(np.int64).reshape(shape) for name in names]
    return SchemeStats(*columns)


def read_pressure(world: MemoryWorld) -> Pressure:
    """Return PSI of memory."""
    psi = world.psi
    averages = [average_ratio(psi[name]) for name in ("avg10", "avg60", "avg300")]
    average = np.stack(averages, axis=-1)
    return Pressure(
        some_total_us=psi["total_us"][:, SOME].copy(),
        full_total_us=psi["total_us"][:, FULL].copy(),
        some_avg=average[:, SOME],
        full_avg=average[:, FULL],
    )
