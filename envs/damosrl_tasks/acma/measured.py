"""The numbers of an interval for tables: what was saved, lost, served and switched off."""

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.blocks import BLOCK_BYTES, LEAF_BYTES
from damosrl.knobs import FloatArray
from damosrl_tasks.acma.interval import Interval
from damosrl_tasks.acma.reward import work_cost


def measured(interval: Interval) -> dict[str, FloatArray]:
    """Return arrays ``(N,)`` by name; rank numbers are shares of all ranks' idle power."""
    gauges, guests = interval.now.gauges, interval.now.guests
    return {
        "time_s": interval.now.time_s.copy(),
        "cost_ratio": work_cost(interval),
        "slowdown": interval.slowdown,
        "worst_slowdown": interval.worst_slowdown,
        "saved_ratio": 1.0 - interval.share("held_bytes"),
        "held_ratio": interval.share("held_bytes"),
        "overrun_ratio": interval.now.overrun_bytes / interval.now.capacity_bytes,
        "whole_free_ratio": interval.share("whole_bytes"),
        "broken_ratio": np.asarray(gauges.broken_ratio.mean(axis=1)),
        "psi_some_ratio": np.asarray(interval.pressure_ratio.max(axis=1)),
        "psi_full_ratio": np.asarray(interval.full_pressure_ratio.max(axis=1)),
        "failed_bytes": interval.total("failed_leaves") * LEAF_BYTES,
        "given_bytes": interval.total("given_blocks") * float(BLOCK_BYTES),
        "returned_bytes": interval.total("returned_blocks") * float(BLOCK_BYTES),
        "moved_bytes": interval.total("moved_total") * float(LEAF_BYTES),
        "paged_out_bytes": interval.total("out_total") * float(LEAF_BYTES),
        "cma_requests": interval.total("cma_requests"),
        "cma_served": interval.total("cma_served"),
        "cma_from_stack": interval.total("cma_from_stack"),
        "cma_us": interval.total("cma_us"),
        "cma_success": success(guests),
        "unplug_failures": interval.total("unplug_failures"),
        "dark_saved_j": guests["dark_ranks"].sum(axis=1)
        * interval.now.dark_saving_w
        * interval.seconds,
        "rank_exits": interval.total("rank_exits"),
        "dark_ratio": dark_ratio(interval),
    }


def success(guests: NDArray[np.void]) -> FloatArray:
    """Return contiguous requests served of those asked for since the boot, ``(N,)``; 1 if none."""
    asked, served = guests["cma_requests"].sum(axis=1), guests["cma_served"].sum(axis=1)
    return np.where(asked > 0, served / np.maximum(asked, 1), 1.0)


def dark_ratio(interval: Interval) -> FloatArray:
    """Return the memory in dark ranks as a share of all guests' memory, ``(N,)``."""
    dark = interval.now.guests["dark_ranks"] * interval.now.rank_bytes[:, None]
    return np.asarray(dark.sum(axis=1) / interval.memory_bytes)
