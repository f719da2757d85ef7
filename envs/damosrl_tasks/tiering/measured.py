"""What happened in an interval, as numbers for the info and for the tables of a run."""

import numpy as np

from damosrl.knobs import FloatArray
from damosrl.machine import GroundTruth, Telemetry
from damosrl.nodes import node_name
from damosrl_tasks.interval import common_measures
from damosrl_tasks.tiering.counters import Counters


def measured(
    telemetry: Telemetry, grown: Counters, truth: GroundTruth | None
) -> dict[str, FloatArray]:
    """Return what happened in the interval that just ended, arrays ``(N,)``.

    What only an emulator knows is NaN on a kernel; the latency is that of its probe.
    """
    common = common_measures(telemetry, grown, truth)
    return {
        **common,
        "promoted_bytes": grown.promoted_bytes,
        "demoted_bytes": grown.demoted_bytes,
        "returned_bytes": grown.returned_bytes,
        "fast_free_ratio": telemetry.node_free_bytes[:, 0]
        / np.maximum(telemetry.node_total_bytes[:, 0], 1.0),
        **{
            node_name(node, "used_bytes"): used
            for node, used in enumerate(
                (telemetry.node_total_bytes - telemetry.node_free_bytes).T.copy()
            )
        },
    }
