"""What the regions of all monitors add up to: histograms, access shares, counts.

In NumPy, so that the host of a kernel compiles nothing; `compiled_monitor` does it for batches.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from damosrl.knobs import FloatArray
from damosrl.machine import IntArray, Telemetry

HEAT_EDGES_PERCENT = (0, 5, 10, 20, 40, 70)
"""Lower bin edges of the temperature histograms, % of the largest access count."""
COLD_AGES_S = (1, 5, 20)
"""Lower edges of the (cumulative) cold-age histogram, seconds."""
HEAT_EDGES = np.array(HEAT_EDGES_PERCENT, dtype=np.int64)
COLD_AGES_US = np.array(COLD_AGES_S, dtype=np.int64) * 1_000_000


class MonitorSummary(NamedTuple):
    """Sums over regions, for N machines with K kdamonds, one per memory node."""

    heat: FloatArray
    """Share of a node's monitored bytes by temperature bin, ``(N, K, B)``."""
    cold_age: FloatArray
    """Share of a node's bytes without access for at least `COLD_AGES_S`, ``(N, K, C)``."""
    weight: FloatArray
    """Bytes x access rate (share of the largest) by node, ``(N, K)``."""
    regions: IntArray
    """Most regions of a kdamond, ``(N,)``."""
    oldest: IntArray
    """Largest age of a region, aggregation intervals, ``(N, K)``."""


Summarise = Callable[[Telemetry], MonitorSummary]
"""Sums up snapshots, compiled or not."""


def empty_summary(telemetry: Telemetry) -> MonitorSummary:
    """Return a summary of nothing, with the counts of regions."""
    nr_regions = telemetry.snapshot.nr_regions
    machines, kdamonds = nr_regions.shape
    return MonitorSummary(
        heat=np.zeros((machines, kdamonds, len(HEAT_EDGES_PERCENT))),
        cold_age=np.zeros((machines, kdamonds, len(COLD_AGES_S))),
        weight=np.zeros((machines, kdamonds)),
        regions=nr_regions.max(axis=1),
        oldest=np.zeros((machines, kdamonds), dtype=np.int64),
    )


def summarise(telemetry: Telemetry) -> MonitorSummary:
    """Sum up the snapshot of every machine; equals `compiled_monitor.summarise_compiled`.

    Bytes, and bytes times accesses, are whole numbers below 2^53: sums do not depend on order.
    """
    summary = empty_summary(telemetry)
    for machine, kdamond in np.ndindex(*telemetry.snapshot.nr_regions.shape):
        _add_kdamond(summary, telemetry, machine, kdamond)
        _to_shares(summary.heat[machine, kdamond], summary.cold_age[machine, kdamond])
    return summary


def _add_kdamond(summary: MonitorSummary, telemetry: Telemetry, machine: int, kdamond: int) -> None:
    snapshot = telemetry.snapshot
    place = (machine, kdamond, slice(int(snapshot.nr_regions[machine, kdamond])))
    size = (snapshot.end[place] - snapshot.start[place]).astype(np.float64)
    accesses, age = snapshot.nr_accesses[place].astype(np.int64), snapshot.age[place]
    largest = max(int(telemetry.samples_per_aggregation[machine, kdamond]), 1)
    bins = np.searchsorted(-(-HEAT_EDGES[1:] * largest // 100), accesses, side="right")
    summary.heat[machine, kdamond] = np.bincount(bins, size, len(HEAT_EDGES))
    summary.weight[machine, kdamond] = (size * accesses).sum() / largest
    summary.oldest[machine, kdamond] = age.max(initial=0)
    idle_us = age * telemetry.aggregation_us[machine, kdamond]
    is_cold = (accesses == 0) & (idle_us >= COLD_AGES_US[:, None])
    summary.cold_age[machine, kdamond] = np.where(is_cold, size, 0.0).sum(axis=1)


def _to_shares(heat: FloatArray, cold_age: FloatArray) -> None:
    """Divide one node's bytes by all of them."""
    total = heat.sum()
    if total > 0.0:
        heat /= total
        cold_age /= total
