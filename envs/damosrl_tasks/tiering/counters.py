"""Differences of the life-time counters between two readings of a machine."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import FloatArray
from damosrl.machine import Telemetry
from damosrl_tasks.growth import CounterSet
from damosrl_tasks.tiering.schemes import Layout, Mover


@dataclass(frozen=True)
class Counters(CounterSet):
    """Life-time counters of N machines, or what they grew by; arrays float64.

    Those of schemes are ``(N, borders)``, see `damosrl_tasks.tiering.tiers`; the others ``(N,)``.

    Args:
        time_s: Machine time.
        promoted_bytes: Bytes moved to a faster node.
        demoted_bytes: Bytes moved to a slower node.
        returned_bytes: Bytes that went back where they had come from.
        promotion_tried_bytes: Tried by the migrate_hot schemes of each border.
        promotion_applied_bytes: Applied by them.
        promotion_exceeds: Quota windows of theirs that ran out.
        demotion_tried_bytes: The same of the migrate_cold schemes.
        demotion_applied_bytes: Applied by them.
        demotion_exceeds: Quota windows of theirs that ran out.
        psi_some_us: Time some task stalled for memory.
        psi_full_us: Time all tasks stalled for memory.
        kdamond_cpu_us: CPU time of the kdamonds.
    """

    time_s: FloatArray
    promoted_bytes: FloatArray
    demoted_bytes: FloatArray
    returned_bytes: FloatArray
    promotion_tried_bytes: FloatArray
    promotion_applied_bytes: FloatArray
    promotion_exceeds: FloatArray
    demotion_tried_bytes: FloatArray
    demotion_applied_bytes: FloatArray
    demotion_exceeds: FloatArray
    psi_some_us: FloatArray
    psi_full_us: FloatArray
    kdamond_cpu_us: FloatArray


def read_counters(telemetry: Telemetry, layout: Layout) -> Counters:
    """Copy the counters out of a telemetry reading."""
    stats = telemetry.stats

    def total(counter: NDArray[np.int64], movers: tuple[Mover, ...]) -> FloatArray:
        borders = 1 + max(mover.border for mover in movers)
        sums = np.zeros((len(counter), borders))
        for mover in movers:
            sums[:, mover.border] += counter[:, mover.kdamond, mover.scheme]
        return sums

    def copy(values: FloatArray) -> FloatArray:
        return np.array(values, dtype=np.float64)

    return Counters(
        time_s=copy(telemetry.time_s),
        promoted_bytes=copy(telemetry.migrated_up_bytes),
        demoted_bytes=copy(telemetry.migrated_down_bytes),
        returned_bytes=copy(telemetry.returned_bytes),
        promotion_tried_bytes=total(stats.sz_tried, layout.promotions),
        promotion_applied_bytes=total(stats.sz_applied, layout.promotions),
        promotion_exceeds=total(stats.qt_exceeds, layout.promotions),
        demotion_tried_bytes=total(stats.sz_tried, layout.demotions),
        demotion_applied_bytes=total(stats.sz_applied, layout.demotions),
        demotion_exceeds=total(stats.qt_exceeds, layout.demotions),
        psi_some_us=copy(telemetry.pressure.some_total_us),
        psi_full_us=copy(telemetry.pressure.full_total_us),
        kdamond_cpu_us=copy(telemetry.kdamond_cpu_us),
    )
