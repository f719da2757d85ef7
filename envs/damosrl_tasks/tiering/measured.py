"""What happened in an interval, as numbers for the info and for the tables of a run."""

import numpy as np

from damosrl.knobs import FloatArray
from damosrl.machine import GroundTruth, Telemetry
from damosrl.nodes import node_name
from damosrl_tasks.tiering.counters import Counters

US_PER_S = 1e6


def measured(
    telemetry: Telemetry, grown: Counters, truth: GroundTruth | None
) -> dict[str, FloatArray]:
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
        **{
            node_name(node, "used_bytes"): used
            for node, used in enumerate(
                (telemetry.node_total_bytes - telemetry.node_free_bytes).T.copy()
            )
        },
    }
