"""The telemetry of hosts with guests: what every machine tells, and the gauges of its guests."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.blocks import LEAF_BYTES
from damosrl.acma.reading import Reading
from damosrl.knobs import FloatArray
from damosrl.machine import GroundTruth, Pressure, Shortage, Telemetry

AVERAGES_S = np.array([10.0, 60.0, 300.0])


@dataclass(frozen=True)
class HostTelemetry(Telemetry):
    """Telemetry of N hosts; pressure is that of the guest that suffers most.

    Args:
        reading: Gauges and records of the guests.
    """

    reading: Reading | None = None

    @property
    def hosts(self) -> Reading:
        """The gauges.

        Raises:
            ValueError: This telemetry carries none.
        """
        if self.reading is None:
            raise ValueError("this telemetry carries no gauges of guests")
        return self.reading


def host_telemetry(reading: Reading, averages: FloatArray) -> HostTelemetry:
    """Put a reading into the form in which every machine reports.

    Args:
        reading: A look at the hosts.
        averages: Pressure of the last 10, 60 and 300 s, some and full, ``(2, N, 3)``, 0..1.
    """
    held_bytes = reading.gauges.held_bytes.sum(axis=1)
    some_us, full_us = (reading.guests[name].max(axis=1) for name in ("pressure_us", "full_us"))
    some, full = averages
    return HostTelemetry.bare(
        reading.time_s,
        node_total_bytes=reading.capacity_bytes[:, None],
        node_free_bytes=np.maximum(reading.capacity_bytes - held_bytes, 0.0)[:, None],
        pressure=Pressure(some_us, full_us, some, full),
        migrated_down_bytes=reading.guests["out_total"].sum(axis=1) * float(LEAF_BYTES),
        shortage=Shortage(
            reading.guests["failed_leaves"].sum(axis=1) * float(LEAF_BYTES), reading.overrun_bytes
        ),
        reading=reading,
    )


def no_averages(machines: int) -> FloatArray:
    """Return running means of pressure before anything stalled, ``(2, N, 3)``."""
    return np.zeros((2, machines, len(AVERAGES_S)))


def next_averages(averages: FloatArray, guests: NDArray[np.void], seconds: float) -> FloatArray:
    """Decay running means ``(2, N, 3)`` of pressure over 10, 60 and 300 s.

    Args:
        averages: As they were: some and full stalls.
        guests: `damosrl.acma.state.GUEST` records ``(N, G)``; the guest that suffers most counts.
        seconds: Time that passed.
    """
    weight = np.exp(-seconds / AVERAGES_S)
    pressure = np.stack([guests[name].max(axis=1) for name in ("pressure", "full_pressure")])
    return np.asarray(averages * weight + pressure[..., None] * (1.0 - weight))


def host_truth(reading: Reading) -> GroundTruth:
    """Return what only the emulator knows: slowdown, as the mean over a host's guests."""
    slowdown = reading.guests["slowdown"].mean(axis=1)
    unknown = np.full(len(slowdown), np.nan)
    return GroundTruth(slowdown, 1.0 / slowdown, unknown, unknown, unknown)
