"""The sums of `damosrl_tasks.tiering.monitor` in one compiled pass over the snapshot of a batch.

With many machines this lies in the path of every step; a kernel's host has one and compiles none.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import kernel
from damosrl.knobs import FloatArray
from damosrl.machine import IntArray, Telemetry
from damosrl_tasks.tiering.monitor import COLD_AGES_US, HEAT_EDGES, MonitorSummary, empty_summary


def summarise_compiled(telemetry: Telemetry) -> MonitorSummary:
    """Sum up the snapshot of every machine."""
    snapshot, summary = telemetry.snapshot, empty_summary(telemetry)
    _sum_regions(
        snapshot.nr_regions,
        snapshot.start,
        snapshot.end,
        snapshot.nr_accesses,
        snapshot.age,
        telemetry.samples_per_aggregation,
        telemetry.aggregation_us,
        HEAT_EDGES,
        COLD_AGES_US,
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
                heat[machine, kdamond, edge] += size
                if accesses == 0:
                    age_us = region_age * aggregation_us[machine, kdamond]
                    for bin_ in range(len(cold_ages_us)):
                        if age_us >= cold_ages_us[bin_]:
                            cold_age[machine, kdamond, bin_] += size
            weight[machine, kdamond] = weighted / largest
            _to_shares(heat[machine, kdamond], cold_age[machine, kdamond])


@kernel
def _to_shares(heat: FloatArray, cold_age: FloatArray) -> None:
    """Divide one node's bytes by all of them."""
    total = heat.sum()
    if total > 0.0:
        heat /= total
        cold_age /= total
