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
FAST, SLOW = 0, 1
"""Tiers of the summaries: node 0, and all slower memory nodes together."""

HEAT_EDGES = np.array(HEAT_EDGES_PERCENT, dtype=np.int64)
COLD_AGES_US = np.array(COLD_AGES_S, dtype=np.int64) * 1_000_000


class MonitorSummary(NamedTuple):
    """Sums over regions, for N machines with K kdamonds."""

    heat: FloatArray
    """Share of a tier's monitored bytes by temperature bin, ``(N, 2, B)``."""
    cold_age: FloatArray
    """Share of the fast tier's bytes without access for at least `COLD_AGES_S`, ``(N, C)``."""
    weight: FloatArray
    """Bytes x access rate (share of the largest) by tier, ``(N, 2)``."""
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
        heat=np.zeros((machines, 2, len(HEAT_EDGES_PERCENT))),
        cold_age=np.zeros((machines, len(COLD_AGES_S))),
        weight=np.zeros((machines, 2)),
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
    for machine in range(len(summary.heat)):
        _to_shares(summary.heat[machine], summary.cold_age[machine])
    return summary


def _add_kdamond(summary: MonitorSummary, telemetry: Telemetry, machine: int, kdamond: int) -> None:
    snapshot = telemetry.snapshot
    place = (machine, kdamond, slice(int(snapshot.nr_regions[machine, kdamond])))
    size = (snapshot.end[place] - snapshot.start[place]).astype(np.float64)
    accesses, age = snapshot.nr_accesses[place].astype(np.int64), snapshot.age[place]
    largest = max(int(telemetry.samples_per_aggregation[machine, kdamond]), 1)
    tier = min(kdamond, SLOW)
    bins = np.searchsorted(-(-HEAT_EDGES[1:] * largest // 100), accesses, side="right")
    summary.heat[machine, tier] += np.bincount(bins, size, len(HEAT_EDGES))
    summary.weight[machine, tier] += (size * accesses).sum() / largest
    summary.oldest[machine, kdamond] = age.max(initial=0)
    if tier == FAST:
        idle_us = age * telemetry.aggregation_us[machine, kdamond]
        is_cold = (accesses == 0) & (idle_us >= COLD_AGES_US[:, None])
        summary.cold_age[machine] += np.where(is_cold, size, 0.0).sum(axis=1)


def _to_shares(heat: FloatArray, cold_age: FloatArray) -> None:
    """Divide one machine's bytes by the bytes of their tier."""
    total = heat.sum(axis=1)
    heat /= np.where(total > 0.0, total, 1.0)[:, None]
    cold_age /= total[FAST] if total[FAST] > 0.0 else 1.0
