"""Telemetry with regions, built by hand: what the features are made of."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from damosrl.machine import Kdamonds, Pressure, SchemeStats, Snapshot, Telemetry

MIB = 2**20
Region = tuple[int, int, int]
"""Size in MiB, nr_accesses, age in aggregation intervals."""
Build = Callable[..., Telemetry]


def _snapshot(nodes: Sequence[Sequence[Region]], machines: int) -> Snapshot:
    most = max(len(regions) for regions in nodes) + 2
    shape = (machines, len(nodes), most)
    count = np.zeros(shape[:2], dtype=np.int64)
    start, end = np.zeros(shape, dtype=np.uint64), np.zeros(shape, dtype=np.uint64)
    accesses, age = np.full(shape, 99, dtype=np.uint32), np.full(shape, 99, dtype=np.uint32)
    for node, regions in enumerate(nodes):
        count[:, node] = len(regions)
        address = 0
        for place, (size, nr_accesses, region_age) in enumerate(regions):
            start[:, node, place], end[:, node, place] = address, address + size * MIB
            accesses[:, node, place], age[:, node, place] = nr_accesses, region_age
            address += size * MIB
    return Snapshot(count, start, end, accesses, age, np.zeros(start.shape, np.int64))


@pytest.fixture(name="build")
def _build() -> Build:
    """Build telemetry of N equal machines, to be varied by `replace`; node 0 has 100 MiB."""

    def build(
        nodes: Sequence[Sequence[Region]] = (((100, 0, 0),), ((300, 0, 0),)),
        machines: int = 1,
        free_mib: float = 10.0,
        **fields: Any,
    ) -> Telemetry:
        zero = np.zeros(machines)
        count = len(nodes)
        none = np.zeros((machines, count, 2 if count > 2 else 1), dtype=np.int64)
        lower = [0.0] * (count - 1)
        telemetry = Telemetry(
            time_s=zero,
            node_total_bytes=np.tile([100.0 * MIB, *(300.0 * MIB for _ in lower)], (machines, 1)),
            node_free_bytes=np.tile([free_mib * MIB, *lower], (machines, 1)),
            snapshot=_snapshot(nodes, machines),
            kdamonds=Kdamonds(np.full((machines, count), 300), np.full((machines, count), 2)),
            samples_per_aggregation=np.full((machines, count), 20),
            aggregation_us=np.full((machines, count), 100_000),
            stats=SchemeStats(*([none] * 7)),
            pressure=Pressure(zero, zero, np.zeros((machines, 3)), np.zeros((machines, 3))),
            migrated_up_bytes=zero,
            migrated_down_bytes=zero,
            returned_bytes=zero,
            kdamond_cpu_us=zero,
            latency_ns=zero,
        )
        return replace(telemetry, **fields)

    return build
