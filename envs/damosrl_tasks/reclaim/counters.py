"""The life-time counters that reclaim looks at."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from damosrl.knobs import FloatArray
from damosrl.machine import Telemetry
from damosrl_tasks.growth import CounterSet, total
from damosrl_tasks.reclaim.schemes import PAGEOUT
from damosrl_tasks.reclaim.swap import swap_use


@dataclass(frozen=True)
class Counters(CounterSet):
    """Life-time counters of N machines, or what they grew by; arrays ``(N,)`` float64.

    Args:
        time_s: Machine time.
        swapped_in_bytes: Bytes that faults brought back.
        swapped_out_bytes: Bytes paged out, by the scheme or by direct reclaim.
        refaulted_bytes: Bytes brought back soon after they had gone out, or the other way.
        tried_bytes: Tried by the scheme.
        applied_bytes: Paged out by it.
        exceeds: Quota windows that ran out.
        psi_some_us: Time some task stalled for memory.
        psi_full_us: Time all tasks stalled for memory.
        kdamond_cpu_us: CPU time of the kdamond.
    """

    time_s: FloatArray
    swapped_in_bytes: FloatArray
    swapped_out_bytes: FloatArray
    refaulted_bytes: FloatArray
    tried_bytes: FloatArray
    applied_bytes: FloatArray
    exceeds: FloatArray
    psi_some_us: FloatArray
    psi_full_us: FloatArray
    kdamond_cpu_us: FloatArray


def read_counters(telemetry: Telemetry) -> Counters:
    """Copy the counters out of a telemetry reading; NaN where the machine does not tell."""
    stats, swap = telemetry.stats, swap_use(telemetry)

    def copy(values: Any) -> FloatArray:
        return np.array(values, dtype=np.float64)

    return Counters(
        time_s=copy(telemetry.time_s),
        swapped_in_bytes=copy(swap.in_bytes),
        swapped_out_bytes=copy(swap.out_bytes),
        refaulted_bytes=copy(swap.refaulted_bytes),
        tried_bytes=total(stats.sz_tried, (PAGEOUT,)),
        applied_bytes=total(stats.sz_applied, (PAGEOUT,)),
        exceeds=total(stats.qt_exceeds, (PAGEOUT,)),
        psi_some_us=copy(telemetry.pressure.some_total_us),
        psi_full_us=copy(telemetry.pressure.full_total_us),
        kdamond_cpu_us=copy(telemetry.kdamond_cpu_us),
    )
