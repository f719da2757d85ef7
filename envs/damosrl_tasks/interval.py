"""What happened in an interval, as far as every task of DAMON tells it."""

from typing import Protocol

import numpy as np

from damosrl.knobs import FloatArray
from damosrl.machine import GroundTruth, Telemetry

US_PER_S = 1e6


class Grown(Protocol):
    """Growth of counters over an interval; arrays ``(N,)``."""

    @property
    def time_s(self) -> FloatArray:
        """Length of the interval."""
        ...

    @property
    def psi_some_us(self) -> FloatArray:
        """Time some task stalled for memory."""
        ...

    @property
    def psi_full_us(self) -> FloatArray:
        """Time all tasks stalled for memory."""
        ...

    @property
    def kdamond_cpu_us(self) -> FloatArray:
        """CPU time of the kdamonds."""
        ...


def common_measures(
    telemetry: Telemetry, grown: Grown, truth: GroundTruth | None
) -> dict[str, FloatArray]:
    """Return time, ground truth, pressure and monitoring cost of an interval, arrays ``(N,)``.

    What only an emulator knows is NaN on a kernel; the latency is that of its probe.
    """
    elapsed_us = US_PER_S * np.maximum(grown.time_s, 1e-9)
    unknown = np.full(len(telemetry.time_s), np.nan)
    if truth is None:
        truth = GroundTruth(unknown, unknown, telemetry.latency_ns.copy(), unknown, unknown)
    return {
        "time_s": telemetry.time_s.copy(),
        "slowdown": truth.slowdown,
        "throughput_per_s": truth.throughput_per_s,
        "mean_latency_ns": truth.mean_latency_ns,
        "p99_latency_ns": truth.p99_latency_ns,
        "fast_share": truth.fast_share,
        "psi_some_ratio": grown.psi_some_us / elapsed_us,
        "psi_full_ratio": grown.psi_full_us / elapsed_us,
        "kdamond_cpu_ratio": grown.kdamond_cpu_us / elapsed_us,
    }
