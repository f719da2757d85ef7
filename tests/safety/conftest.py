"""Telemetry of idle machines, to be varied by each test."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike

from damosrl.knobs import Quantity, QuantitySet
from damosrl.machine import Kdamonds, Pressure, SchemeStats, Shortage, Snapshot, Telemetry
from damosrl.task import TaskSpec

Readings = Callable[..., Telemetry]


@pytest.fixture(name="spec")
def _spec() -> TaskSpec:
    """A task with a quota that can be off, a plain log knob and a symlog knob."""
    knobs = QuantitySet(
        (
            Quantity(
                "quota", "bytes/s", 1.0, 1024.0, "A quota.", "log", off_below=-0.9, default=64.0
            ),
            Quantity("share", "%", 1.0, 100.0, "A share.", "log", default=10.0),
            Quantity("age", "s", 0.0, 30.0, "An age.", "symlog"),
        )
    )
    observation = QuantitySet((Quantity("seen", "ratio", 0.0, 1.0, "Something."),))
    return TaskSpec("test", observation, knobs, 1.0)


@pytest.fixture(name="reading")
def _reading() -> Readings:
    """Build telemetry of N machines of 1000 bytes.

    Time, PSI avg10 (ratio; some and full), migrated bytes, and memory that is lacking if told.
    """

    def build(
        time_s: ArrayLike,
        psi: ArrayLike = 0.0,
        migrated: ArrayLike = 0.0,
        full: ArrayLike = 0.0,
        lacking: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> Telemetry:
        times = np.atleast_1d(np.asarray(time_s, dtype=np.float64))
        count = len(times)
        zero = np.zeros(count)
        average, full_average = np.zeros((count, 3)), np.zeros((count, 3))
        average[:, 0], full_average[:, 0] = psi, full
        shortage = None
        if lacking is not None:
            shortage = Shortage(*(zero + np.asarray(bytes_) for bytes_ in lacking))
        none = np.zeros((count, 1, 1), dtype=np.int64)
        return Telemetry(
            time_s=times,
            node_total_bytes=np.full((count, 2), 500.0),
            node_free_bytes=np.zeros((count, 2)),
            snapshot=Snapshot(
                np.zeros((count, 1), dtype=np.int64),
                none.astype(np.uint64),
                none.astype(np.uint64),
                none.astype(np.uint32),
                none.astype(np.uint32),
                none,
            ),
            kdamonds=Kdamonds(none[..., 0], none[..., 0]),
            samples_per_aggregation=np.full((count, 1), 20),
            aggregation_us=np.full((count, 1), 100_000),
            stats=SchemeStats(*([none] * 7)),
            pressure=Pressure(zero, zero, average, full_average),
            migrated_up_bytes=zero + np.asarray(migrated),
            migrated_down_bytes=zero,
            returned_bytes=zero,
            kdamond_cpu_us=zero,
            latency_ns=zero,
            shortage=shortage,
        )

    return build


@pytest.fixture(name="idle")
def _idle(reading: Readings) -> Telemetry:
    """Two machines at time 0."""
    return reading([0.0, 0.0])
