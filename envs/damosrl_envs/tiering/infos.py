"""The info of a step: arrays ``(N, ...)`` by name, and Gymnasium's way of saying whose they are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.machine import GroundTruth, Telemetry
from damosrl_tasks.tiering.counters import Counters

Info = dict[str, Any]
US_PER_S = 1e6


def measured(telemetry: Telemetry, grown: Counters, truth: GroundTruth | None) -> Info:
    """Return what happened in the interval that just ended, arrays ``(N,)``.

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
        "promoted_bytes": grown.promoted_bytes,
        "demoted_bytes": grown.demoted_bytes,
        "returned_bytes": grown.returned_bytes,
        "psi_some_ratio": grown.psi_some_us / elapsed_us,
        "psi_full_ratio": grown.psi_full_us / elapsed_us,
        "kdamond_cpu_ratio": grown.kdamond_cpu_us / elapsed_us,
        "fast_free_ratio": telemetry.node_free_bytes[:, 0]
        / np.maximum(telemetry.node_total_bytes[:, 0], 1.0),
    }


def masked(info: Mapping[str, Any], mask: NDArray[np.bool_]) -> Info:
    """Add Gymnasium's masks: ``_name`` says which machines ``name`` is about."""
    result: Info = {}
    for name, values in info.items():
        result[name] = masked(values, mask) if isinstance(values, Mapping) else values
        result[f"_{name}"] = mask.copy()
    return result


def single(info: Mapping[str, Any], machine: int = 0) -> Info:
    """Return one machine's part of an info without masks."""
    return {
        name: single(values, machine) if isinstance(values, Mapping) else values[machine]
        for name, values in info.items()
    }
