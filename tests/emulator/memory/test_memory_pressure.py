"""PSI is what kernel/sched/psi.c would print."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from damosrl.emulator.jit import kernel
from damosrl.emulator.memory_state import MACHINE
from damosrl.emulator.pressure import (
    FULL,
    PSI,
    SOME,
    add_stalls,
    average_ratio,
    calc_load,
    clear_pressure,
    update_averages,
)


@kernel
def stall_for(
    psi: NDArray[np.void],
    machines: NDArray[np.void],
    seconds: int,
    stalled: float,
    threads: float,
    cpus: float,
    start_s: int,
) -> None:
    """Stall a share of the time, second by second."""
    for second in range(start_s, start_s + seconds):
        add_stalls(psi, 1e6, stalled, threads, cpus)
        update_averages(psi, machines[0], (second + 1) * 1e6)


@kernel
def begin_pressure(psi: NDArray[np.void], machines: NDArray[np.void]) -> None:
    """Clear the pressure of one machine."""
    clear_pressure(psi, machines[0])


@kernel
def jump(psi: NDArray[np.void], machines: NDArray[np.void], now_us: float) -> None:
    """Update the averages after a long time without updates."""
    update_averages(psi, machines[0], now_us)


@pytest.fixture
def psi() -> NDArray[np.void]:
    """Return the pressure records of one machine."""
    return np.zeros(2, PSI)


@pytest.fixture
def machines(psi: NDArray[np.void]) -> NDArray[np.void]:
    """Return the record of one machine whose pressure is cleared."""
    machines = np.zeros(1, MACHINE)
    begin_pressure(psi, machines)
    return machines


def test_one_step_by_hand() -> None:
    """From 0 a fully stalled period raises avg10 to (100 * 2048 * 371 + 2047) // 2048."""
    assert calc_load(0, 1677, 100 * 2048) == (100 * 2048 * (2048 - 1677) + 2047) // 2048


def test_averages_rise_like_the_kernels(psi: NDArray[np.void], machines: NDArray[np.void]) -> None:
    """After 10 s of full stall avg10 is near 1 - 1/e, avg60 and avg300 lag as their windows say."""
    stall_for(psi, machines, 10, 1.0, 4.0, 4.0, 0)
    for name, window_s in (("avg10", 10.0), ("avg60", 60.0), ("avg300", 300.0)):
        ratio = float(average_ratio(psi[name])[SOME])
        assert math.isclose(ratio, 1.0 - math.exp(-10.0 / window_s), abs_tol=0.002)


def test_averages_decay_over_missed_periods(
    psi: NDArray[np.void], machines: NDArray[np.void]
) -> None:
    """Periods without an update count as free of pressure."""
    stall_for(psi, machines, 60, 1.0, 4.0, 4.0, 0)
    before = float(average_ratio(psi["avg10"])[SOME])
    jump(psi, machines, 80e6)
    after = float(average_ratio(psi["avg10"])[SOME])
    assert math.isclose(after, before * math.exp(-2.0), abs_tol=0.002)


def test_total_is_the_share_of_time(psi: NDArray[np.void], machines: NDArray[np.void]) -> None:
    """With a processor per thread, some and full are both the share of time a thread stalls."""
    stall_for(psi, machines, 100, 0.25, 4.0, 4.0, 0)
    assert psi["total_us"].tolist() == [25e6, 25e6]


def test_threads_that_share_a_processor(psi: NDArray[np.void], machines: NDArray[np.void]) -> None:
    """With two threads per processor some is 1 - (1 - q)^2 and full is q^2."""
    stall_for(psi, machines, 100, 0.5, 8.0, 4.0, 0)
    assert math.isclose(psi["total_us"][SOME], 75e6)
    assert math.isclose(psi["total_us"][FULL], 25e6)
