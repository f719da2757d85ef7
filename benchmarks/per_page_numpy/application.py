"""The closed loop of the application: throughput under loaded latency (Little, 1961)."""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.workload.model import Application

FloatArray = NDArray[np.float64]
LINE_BYTES = 64.0
PEAK_SHARE = 0.98


class ClosedLoop:
    """Requests in flight = throughput * (think time + mean latency), latency grows with load.

    Args:
        config: Machine, for its latency curves.
        application: Threads and their requests in flight.
    """

    def __init__(self, config: MachineConfig, application: Application) -> None:
        self._curves = [
            (np.array(tier.curve_gbps), np.array(tier.curve_ns)) for tier in config.memory_tiers
        ]
        self._peaks = np.array([gbps[-1] for gbps, _ in self._curves])
        self._in_flight = application.threads * application.parallelism
        self._think_ns = application.think_time_ns
        self.all_fast = self.throughput(np.array([1.0, 0.0]), np.zeros(2), 1.0)

    def throughput(self, shares: FloatArray, background_gbps: FloatArray, running: float) -> float:
        """Return accesses per ns by bisection.

        Args:
            shares: Share of the accesses that each tier serves, ``(2,)``.
            background_gbps: Migration traffic on each tier, ``(2,)``.
            running: Share of the threads' time that migration leaves.
        """
        background = np.minimum(background_gbps, PEAK_SHARE * self._peaks)
        in_flight = self._in_flight * running
        limits = [
            (self._peaks[tier] - background[tier]) / (shares[tier] * LINE_BYTES)
            for tier in range(2)
            if shares[tier] > 0.0
        ]
        high = float(min(in_flight / (self._think_ns + 1e-3), *limits))
        if self._needed(high, shares, background) <= in_flight:
            return high
        low = 0.0
        for _ in range(50):
            middle = 0.5 * (low + high)
            if self._needed(middle, shares, background) > in_flight:
                high = middle
            else:
                low = middle
        return high

    def _needed(self, throughput: float, shares: FloatArray, background: FloatArray) -> float:
        load = throughput * shares * LINE_BYTES + background
        latency = [np.interp(load[tier], *self._curves[tier]) for tier in range(2)]
        return float(throughput * (self._think_ns + shares @ np.array(latency)))
