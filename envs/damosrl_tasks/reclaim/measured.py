"""What happened in an interval, as numbers for the info and for the tables of a run."""

import numpy as np

from damosrl.knobs import FloatArray
from damosrl.machine import GroundTruth, Telemetry
from damosrl_tasks.interval import common_measures
from damosrl_tasks.reclaim.counters import Counters
from damosrl_tasks.reclaim.swap import holdings

SLOWDOWN_PRICE = 3.0
"""Cost of running twice as long, in units of all the memory in use.

Slower by x takes x more machines; memory is about a third of a machine's cost (Meta's fleet: Weiner
et al., TMO, ASPLOS 2022, figure 3), so x machines cost as much as 3 x their memory.
"""


def tco_cost(held_ratio: FloatArray, slowdown: FloatArray) -> FloatArray:
    """Return the cost of an interval in units of all the memory in use; less is better.

    Example:
        >>> float(tco_cost(np.array([0.7]), np.array([1.05]))[0])
        0.85
    """
    return np.round(held_ratio + SLOWDOWN_PRICE * np.maximum(slowdown - 1.0, 0.0), 12)


def measured(
    telemetry: Telemetry, grown: Counters, truth: GroundTruth | None, multiplier: FloatArray
) -> dict[str, FloatArray]:
    """Return what happened in the interval that just ended, arrays ``(N,)``.

    What only an emulator knows is NaN on a kernel; the latency is that of its probe.
    """
    common = common_measures(telemetry, grown, truth)
    held = holdings(telemetry)
    return {
        **common,
        "resident_ratio": held.resident / held.everything,
        "pool_ratio": held.pool / held.everything,
        "saved_ratio": held.saved_ratio,
        "tco_cost": tco_cost(held.held_ratio, common["slowdown"]),
        "swapped_in_bytes": grown.swapped_in_bytes,
        "swapped_out_bytes": grown.swapped_out_bytes,
        "refaulted_bytes": grown.refaulted_bytes,
        "multiplier": multiplier,
    }
