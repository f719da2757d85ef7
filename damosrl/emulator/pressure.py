"""Pressure stall information of memory, computed as kernel/sched/psi.c (7.3) does.

Totals grow with the share of time in which some or all non-idle tasks of a processor stall, averaged
over processors; averages are updated every 2 s by the fixed-point formula of the load average
with the kernel's constants.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import kernel

FIXED_1 = 2048
PERIOD_US = 2_000_000.0
DECAY = (1677, 1981, 2034)
"""exp(-2 s / 10 s), exp(-2 s / 60 s), exp(-2 s / 300 s) times `FIXED_1`."""

SOME, FULL = 0, 1

FloatArray = NDArray[np.float64]


class Stalls(NamedTuple):
    """Memory PSI of N machines; the middle axis is (some, full)."""

    total_us: FloatArray
    """Life-time stall time, ``(N, 2)``."""
    average: NDArray[np.int64]
    """Averages over 10, 60 and 300 s in units of 1/2048 per cent, ``(N, 2, 3)``."""
    seen_us: FloatArray
    """Totals that the averages contain, ``(N, 2)``."""
    updated_us: FloatArray
    """Time of the last update, ``(N,)``."""
    next_update_us: FloatArray
    """When the next update is due, ``(N,)``."""


def allocate_stalls(machines: int) -> Stalls:
    """Make room for the pressure of some machines."""
    return Stalls(
        total_us=np.zeros((machines, 2)),
        average=np.zeros((machines, 2, 3), np.int64),
        seen_us=np.zeros((machines, 2)),
        updated_us=np.zeros(machines),
        next_update_us=np.full(machines, PERIOD_US),
    )


@kernel
def clear_stalls(stalls: Stalls, m: int) -> None:
    """Begin at time 0 without pressure."""
    stalls.total_us[m] = 0.0
    stalls.average[m] = 0
    stalls.seen_us[m] = 0.0
    stalls.updated_us[m] = 0.0
    stalls.next_update_us[m] = PERIOD_US


@kernel
def add_stalls(
    stalls: Stalls, m: int, duration_us: float, stalled: float, threads: float, cpus: float
) -> None:
    """Add an interval in which each thread stalls a share of its time, independently.

    On a processor with k threads some stall with probability 1 - (1 - q)^k and all with q^k;
    the system's state is the average over processors.

    Args:
        stalls: Pressure.
        m: Machine.
        duration_us: Length of the interval.
        stalled: Share q of the time that a thread stalls.
        threads: Threads of the application.
        cpus: Processors; with more processors than threads each thread has its own.
    """
    tasks = max(threads / cpus, 1.0)
    stalls.total_us[m, SOME] += duration_us * (1.0 - (1.0 - stalled) ** tasks)
    stalls.total_us[m, FULL] += duration_us * stalled**tasks


@kernel
def calc_load(load: int, decay: int, active: int) -> int:
    """Step an average in fixed point (include/linux/sched/loadavg.h, calc_load)."""
    new = load * decay + active * (FIXED_1 - decay)
    if active >= load:
        new += FIXED_1 - 1
    return new // FIXED_1


@kernel
def update_averages(stalls: Stalls, m: int, now_us: float) -> None:
    """Bring the averages up to date if an update is due (update_averages, calc_avgs)."""
    if now_us < stalls.next_update_us[m]:
        return
    missed = int((now_us - stalls.next_update_us[m]) // PERIOD_US)
    stalls.next_update_us[m] += (1 + missed) * PERIOD_US
    period = now_us - (stalls.updated_us[m] + missed * PERIOD_US)
    stalls.updated_us[m] = now_us
    for state in range(2):
        sample = min(stalls.total_us[m, state] - stalls.seen_us[m, state], period)
        stalls.seen_us[m, state] += sample
        percent = int(sample * 100.0 // period)
        for window in range(3):
            load = stalls.average[m, state, window]
            for _ in range(missed):
                load = calc_load(load, DECAY[window], 0)
            stalls.average[m, state, window] = calc_load(load, DECAY[window], percent * FIXED_1)


@kernel
def average_ratio(stalls: Stalls, m: int, state: int, window: int) -> float:
    """Return an average as a share of time, 0..1."""
    return float(stalls.average[m, state, window]) / (100.0 * FIXED_1)
