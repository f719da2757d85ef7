"""What the regions of all monitors add up to: histograms, access shares, counts.

One pass over the snapshot of a whole batch, compiled: this lies in the path of every step.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import kernel
from damosrl.knobs import FloatArray
from damosrl.machine import IntArray, Telemetry

HEAT_EDGES_PERCENT = (0, 5, 10, 20, 40, 70)
"""Lower bin edges of the temperature histograms, % of the largest access count."""
COLD_AGES_S = (1, 5, 20)
"""Lower edges of the (cumulative) cold-age histogram, seconds."""
FAST, SLOW = 0, 1
"""Tiers of the summaries: node 0, and all slower memory nodes together."""

_HEAT_EDGES = np.array(HEAT_EDGES_PERCENT, dtype=np.int64)
_COLD_AGES_US = np.array(COLD_AGES_S, dtype=np.int64) * 1_000_000


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


def summarise(telemetry: Telemetry) -> MonitorSummary:
    """Sum up the snapshot of every machine."""
    snapshot = telemetry.snapshot
    machines, kdamonds = snapshot.nr_regions.shape
    summary = MonitorSummary(
        heat=np.zeros((machines, 2, len(HEAT_EDGES_PERCENT))),
        cold_age=np.zeros((machines, len(COLD_AGES_S))),
        weight=np.zeros((machines, 2)),
        regions=snapshot.nr_regions.max(axis=1),
        oldest=np.zeros((machines, kdamonds), dtype=np.int64),
    )
    _sum_regions(
        snapshot.nr_regions,
        snapshot.start,
        snapshot.end,
        snapshot.nr_accesses,
        snapshot.age,
        telemetry.samples_per_aggregation,
        telemetry.aggregation_us,
        _HEAT_EDGES,
        _COLD_AGES_US,
        summary.heat,
        summary.cold_age,
        summary.weight,
        summary.oldest,
    )
    return summary


@kernel
def _sum_regions(
    count: IntArray,
    start: NDArray[np.uint64],
    end: NDArray[np.uint64],
    nr_accesses: NDArray[np.uint32],
    age: NDArray[np.uint32],
    samples: IntArray,
    aggregation_us: IntArray,
    heat_edges: IntArray,
    cold_ages_us: IntArray,
    heat: FloatArray,
    cold_age: FloatArray,
    weight: FloatArray,
    oldest: IntArray,
) -> None:
    edges = np.zeros(len(heat_edges), dtype=np.int64)
    for machine in range(count.shape[0]):
        for kdamond in range(count.shape[1]):
            tier = min(kdamond, 1)
            largest = max(samples[machine, kdamond], 1)
            for bin_ in range(len(edges)):
                edges[bin_] = -(-heat_edges[bin_] * largest // 100)
            weighted = 0.0
            for place in range(count[machine, kdamond]):
                region = (machine, kdamond, place)
                size = np.float64(end[region] - start[region])
                accesses = np.int64(nr_accesses[region])
                region_age = np.int64(age[region])
                weighted += size * accesses
                oldest[machine, kdamond] = max(oldest[machine, kdamond], region_age)
                edge = 0
                for bin_ in range(1, len(edges)):
                    edge += accesses >= edges[bin_]
                heat[machine, tier, edge] += size
                if tier == 0 and accesses == 0:
                    age_us = region_age * aggregation_us[machine, kdamond]
                    for bin_ in range(len(cold_ages_us)):
                        if age_us >= cold_ages_us[bin_]:
                            cold_age[machine, bin_] += size
            weight[machine, tier] += weighted / largest
        _to_shares(heat[machine], cold_age[machine])


@kernel
def _to_shares(heat: FloatArray, cold_age: FloatArray) -> None:
    """Divide one machine's bytes by the bytes of their tier."""
    for tier in range(heat.shape[0]):
        total = heat[tier].sum()
        if total > 0.0:
            heat[tier] /= total
            if tier == 0:
                cold_age /= total
