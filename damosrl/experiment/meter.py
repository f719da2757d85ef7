"""From life-time counters and ground truth to numbers per step and per episode."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from damosrl.knobs import FloatArray
from damosrl.machine import GroundTruth, Telemetry

US_PER_S = 1e6


class MeasuredMachine(Protocol):
    """A batch of machines that knows the truth."""

    def telemetry(self) -> Telemetry:
        """What a kernel can tell now."""

    def truth(self) -> GroundTruth:
        """What only the emulator knows, over the last interval."""


class Counters(NamedTuple):
    """Life-time counters of N machines, ``(N,)`` each."""

    time_s: FloatArray
    up_bytes: FloatArray
    down_bytes: FloatArray
    returned_bytes: FloatArray
    psi_some_us: FloatArray
    psi_full_us: FloatArray
    cpu_us: FloatArray


def read_counters(telemetry: Telemetry) -> Counters:
    """Copy the counters, since a machine may reuse its arrays."""
    return Counters(
        *(
            np.array(values, dtype=np.float64)
            for values in (
                telemetry.time_s,
                telemetry.migrated_up_bytes,
                telemetry.migrated_down_bytes,
                telemetry.returned_bytes,
                telemetry.pressure.some_total_us,
                telemetry.pressure.full_total_us,
                telemetry.kdamond_cpu_us,
            )
        )
    )


class Meter:
    """Reads N machines after every step.

    Args:
        machine: The machines, freshly reset.

    Example:
        >>> def measure(machine: MeasuredMachine, steps: int, step) -> dict[str, FloatArray]:
        ...     meter = Meter(machine)
        ...     for _ in range(steps):
        ...         meter.read(machine, reward=step())
        ...     return meter.episodes()
    """

    def __init__(self, machine: MeasuredMachine) -> None:
        self._start = self._last = read_counters(machine.telemetry())
        self._readings: list[dict[str, FloatArray]] = []

    def read(self, machine: MeasuredMachine, reward: FloatArray) -> None:
        """Take the numbers of the step that just ended; ``reward`` is ``(N,)``."""
        telemetry, truth = machine.telemetry(), machine.truth()
        now, last = read_counters(telemetry), self._last
        seconds = np.maximum(now.time_s - last.time_s, 1e-9)
        self._readings.append(
            {
                "time_s": now.time_s - self._start.time_s,
                "slowdown_ratio": _copy(truth.slowdown),
                "mean_latency_ns": _copy(truth.mean_latency_ns),
                "p99_latency_ns": _copy(truth.p99_latency_ns),
                "throughput_per_s": _copy(truth.throughput_per_s),
                "fast_share_ratio": _copy(truth.fast_share),
                "fast_free_ratio": telemetry.node_free_bytes[:, 0]
                / telemetry.node_total_bytes[:, 0],
                "promoted_bytes": now.up_bytes - last.up_bytes,
                "demoted_bytes": now.down_bytes - last.down_bytes,
                "psi_some_ratio": (now.psi_some_us - last.psi_some_us) / (US_PER_S * seconds),
                "reward": _copy(reward),
            }
        )
        self._last = now

    def steps(self) -> dict[str, FloatArray]:
        """Return every number ``(steps, N)`` by column name of steps.csv."""
        return {
            name: np.stack([reading[name] for reading in self._readings])
            for name in self._readings[0]
        }

    def episodes(self) -> dict[str, FloatArray]:
        """Return every number ``(N,)`` by column name of episodes.csv.

        Latency, throughput and fast share are means over steps (of equal length); the 99th
        percentile latency is the mean of the steps' percentiles.
        """
        steps = self.steps()
        start, end = self._start, self._last
        duration_us = US_PER_S * np.maximum(end.time_s - start.time_s, 1e-9)
        return {
            "slowdown_mean_ratio": steps["slowdown_ratio"].mean(axis=0),
            "slowdown_p95_ratio": np.quantile(steps["slowdown_ratio"], 0.95, axis=0),
            **{
                name: steps[name].mean(axis=0)
                for name in (
                    "mean_latency_ns",
                    "p99_latency_ns",
                    "throughput_per_s",
                    "fast_share_ratio",
                )
            },
            "migrated_up_bytes": end.up_bytes - start.up_bytes,
            "migrated_down_bytes": end.down_bytes - start.down_bytes,
            "returned_bytes": end.returned_bytes - start.returned_bytes,
            "psi_some_avg_ratio": (end.psi_some_us - start.psi_some_us) / duration_us,
            "psi_full_avg_ratio": (end.psi_full_us - start.psi_full_us) / duration_us,
            "kdamond_cpu_ratio": (end.cpu_us - start.cpu_us) / duration_us,
            "reward_sum": steps["reward"].sum(axis=0),
        }


def row_of(columns: Mapping[str, FloatArray], place: int | tuple[int, int]) -> dict[str, float]:
    """Return one place of every array as plain numbers, for a CSV row."""
    return {name: float(values[place]) for name, values in columns.items()}


def _copy(values: FloatArray) -> FloatArray:
    return np.array(values, dtype=np.float64)
