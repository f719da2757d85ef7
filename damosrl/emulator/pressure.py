"""Pressure stall information of memory, computed as kernel/sched/psi.c (7.3) does.

Totals grow with the share of time in which some or all non-idle tasks of a processor stall,
averaged over processors; averages are updated every 2 s by the fixed-point formula of the load
average with the kernel's constants.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import inner_kernel, lean_kernel

FIXED_1 = 2048
PERIOD_US = 2_000_000.0
DECAY_10, DECAY_60, DECAY_300 = 1677, 1981, 2034
"""exp(-2 s / 10 s), exp(-2 s / 60 s), exp(-2 s / 300 s) times `FIXED_1`."""

SOME, FULL = 0, 1

PSI = np.dtype(
    [("total_us", "f8"), ("seen_us", "f8"), ("avg10", "i8"), ("avg60", "i8"), ("avg300", "i8")]
)
"""One stall state: life-time stall time, the part that the averages contain, and the averages in
units of 1/2048 per cent."""


@lean_kernel
def clear_pressure(psi: NDArray[np.void], machine: Any) -> None:
    """Begin at time 0 without pressure.

    Args:
        psi: `PSI` records of one machine, ``(2,)``.
        machine: Its `damosrl.emulator.memory_state.MACHINE` record.
    """
    for state in range(2):
        psi[state].total_us = 0.0
        psi[state].seen_us = 0.0
        psi[state].avg10 = 0
        psi[state].avg60 = 0
        psi[state].avg300 = 0
    machine.psi_updated_us = 0.0
    machine.psi_next_us = PERIOD_US


@lean_kernel
def add_stalls(
    psi: NDArray[np.void], duration_us: float, stalled: float, threads: float, cpus: float
) -> None:
    """Add an interval in which each thread stalls a share of its time, independently.

    On a processor with k threads some stall with probability 1 - (1 - q)^k and all with q^k;
    the system's state is the average over processors.

    Args:
        psi: `PSI` records of one machine, ``(2,)``.
        duration_us: Length of the interval.
        stalled: Share q of the time that a thread stalls.
        threads: Threads of the application.
        cpus: Processors; with more processors than threads each thread has its own.
    """
    tasks = max(threads / cpus, 1.0)
    psi[SOME].total_us += duration_us * (1.0 - (1.0 - stalled) ** tasks)
    psi[FULL].total_us += duration_us * stalled**tasks


@lean_kernel
def calc_load(load: int, decay: int, active: int) -> int:
    """Step an average in fixed point (include/linux/sched/loadavg.h, calc_load)."""
    new = load * decay + active * (FIXED_1 - decay)
    if active >= load:
        new += FIXED_1 - 1
    return new // FIXED_1


@inner_kernel
def _advance(load: int, decay: int, missed: int, active: int) -> int:
    for _ in range(missed):
        load = calc_load(load, decay, 0)
    return calc_load(load, decay, active)


@lean_kernel
def update_averages(psi: NDArray[np.void], machine: Any, now_us: float) -> None:
    """Bring the averages up to date if an update is due (update_averages, calc_avgs).

    Args:
        psi: `PSI` records of one machine, ``(2,)``.
        machine: Its `damosrl.emulator.memory_state.MACHINE` record.
        now_us: Machine time.
    """
    if now_us < machine.psi_next_us:
        return
    missed = int((now_us - machine.psi_next_us) // PERIOD_US)
    machine.psi_next_us += (1 + missed) * PERIOD_US
    period = now_us - (machine.psi_updated_us + missed * PERIOD_US)
    machine.psi_updated_us = now_us
    for state in range(2):
        one = psi[state]
        sample = min(one.total_us - one.seen_us, period)
        one.seen_us += sample
        active = int(sample * 100.0 // period) * FIXED_1
        one.avg10 = _advance(one.avg10, DECAY_10, missed, active)
        one.avg60 = _advance(one.avg60, DECAY_60, missed, active)
        one.avg300 = _advance(one.avg300, DECAY_300, missed, active)


def average_ratio(average: NDArray[np.int64]) -> NDArray[np.float64]:
    """Turn averages into shares of time, 0..1."""
    return average / (100.0 * FIXED_1)
