"""Heat by address: the truth, and what the monitors report, on one grid of bins."""

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Ops
from damosrl.emulator.jit import lean_kernel
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.rate_store import GridModel
from damosrl.emulator.rates import hits_up_to, update_hits, update_sums
from damosrl.machine import OPS_NAMES, IntArray, Telemetry

FloatArray = NDArray[np.float64]


@lean_kernel
def _hits_below(
    world: MemoryWorld, m: int, interval_s: float, frames: FloatArray, hits: FloatArray
) -> None:
    """Sum hit probability below frame borders, the memory nodes being one address space."""
    nodes = world.nodes.shape[1] - 1
    for node in range(nodes):
        update_sums(world, m, node, interval_s)
    for place in range(len(frames)):
        left, total = frames[place], 0.0
        for node in range(nodes):
            inside = min(left, float(world.nodes[m, node].total))
            total += hits_up_to(world, m, node, inside)
            left -= inside
        hits[place] = total


def physical_heat(world: MemoryWorld, m: int, bins: int, interval_s: float) -> FloatArray:
    """Return the mean hit probability of bins over the physical memory, ``(bins,)``."""
    frames = np.linspace(0.0, float(world.nodes["total"][m, :-1].sum()), bins + 1)
    hits = np.zeros(bins + 1)
    _hits_below(world, m, interval_s, frames, hits)
    return np.clip(np.diff(hits) / np.diff(frames), 0.0, 1.0)


def virtual_heat(
    world: MemoryWorld, m: int, bins: int, interval_s: float, model: GridModel
) -> FloatArray:
    """Return the mean hit probability of bins over the workload's address space, ``(bins,)``."""
    update_hits(world, m, interval_s)
    hit = world.hit[m, : len(model.piece_frames)]
    borders = np.concatenate([[0], np.cumsum(model.piece_frames)])
    below = np.concatenate([[0.0], np.cumsum(hit * model.piece_frames)])
    grid = np.linspace(0, borders[-1], bins + 1)
    return np.clip(np.diff(np.interp(grid, borders, below)) / np.diff(grid), 0.0, 1.0)


def monitor_heat(telemetry: Telemetry, m: int, bins: int, units: IntArray) -> FloatArray:
    """Return the access rate that the monitors report by physical address, ``(bins,)``.

    A region's rate is its count over the samples of an aggregation, 0..1. Where several kdamonds
    watch the same memory it is the mean of what they say; where none does, 0.

    Args:
        telemetry: What the monitors say.
        m: Machine.
        bins: Number of bins of equal size over the memory of all nodes.
        units: Bytes per core address of each kdamond, ``(K,)``.
    """
    snapshot = telemetry.snapshot
    grid = np.linspace(0.0, float(telemetry.node_total_bytes[m].sum()), bins + 1)
    heat, covered = np.zeros(bins), np.zeros(bins)
    for kdamond in np.flatnonzero(telemetry.kdamonds.ops[m] == OPS_NAMES.index(Ops.PADDR)):
        count = snapshot.nr_regions[m, kdamond]
        if count == 0:
            continue
        samples = max(int(telemetry.samples_per_aggregation[m, kdamond]), 1)
        start = snapshot.start[m, kdamond, :count].astype(np.float64) * units[kdamond]
        end = snapshot.end[m, kdamond, :count].astype(np.float64) * units[kdamond]
        borders = np.column_stack((start, end)).ravel()
        rate = snapshot.nr_accesses[m, kdamond, :count] / samples
        heat += _on_bins(grid, borders, (end - start) * rate)
        covered += _on_bins(grid, borders, end - start)
    return np.clip(np.divide(heat, covered, out=np.zeros(bins), where=covered > 0.0), 0.0, 1.0)


def _on_bins(grid: FloatArray, borders: FloatArray, amounts: FloatArray) -> FloatArray:
    """Share out what lies evenly in each region (start, end, start, end, ...) to bins."""
    below = np.zeros(len(borders))
    below[1::2] = np.cumsum(amounts)
    below[2::2] = below[1:-1:2]
    return np.diff(np.interp(grid, borders, below))
