"""The names, units, ranges and meanings of what a reclaim tuner sees."""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import Quantity, QuantitySet
from damosrl.machine import Source
from damosrl_tasks.reclaim.idleness import AGES_S
from damosrl_tasks.reclaim.knobs import KNOBS
from damosrl_tasks.shapes import last_action, rate, share, small_share


def _memory() -> list[Quantity]:
    return [
        Quantity("free", "%", 0.0, 100.0, "Free share of the node.", scale="symlog"),
        Quantity(
            "resident",
            "bytes",
            2.0**24,
            2.0**46,
            "Memory in use on the node.",
            scale="log",
            default=2.0**24,
        ),
    ]


def _swap() -> list[Quantity]:
    return [
        share("resident_share", "Resident bytes of all in use, swapped ones included.", 1.0),
        share("saved_share", "Swapped bytes less the pool of their copies, of all in use."),
        share("swap_use", "Swap space in use, of its size."),
        Quantity(
            "compression",
            "ratio",
            1.0,
            16.0,
            "Swapped bytes over the memory that their copies take; 16 on a disk, 1 if none.",
            scale="log",
            default=1.0,
        ),
    ]


def _idle() -> list[Quantity]:
    cold = "Bytes idle for {} s or more beyond free memory, of resident ones."
    touched = "Bytes touched since the last decision after {} s or more idle, of resident ones."
    return [
        *(small_share(f"cold_{age}", cold.format(age)) for age in AGES_S),
        *(small_share(f"touched_{age}", touched.format(age), 1e-4) for age in AGES_S),
        share("working_set", "Bytes seen accessed in the last aggregation, of resident ones."),
        share("region_use", "Regions, of the limit."),
    ]


def _reclaim() -> list[Quantity]:
    return [
        share("quota_use", "Bytes tried, of the size quota."),
        share("success", "Bytes paged out of bytes tried; 1 if none.", 1.0),
        share("exceeds", "Share of windows in which the quota ran out."),
        rate("swap_in", "Bytes that faults brought back per second."),
        rate("swap_out", "Bytes paged out per second."),
    ]


def _pressure() -> list[Quantity]:
    avg = "Memory PSI {} avg10."
    now = "Share of the last decision interval in which some task stalled for memory."
    return [
        Quantity("psi_some", "%", 0.0, 100.0, avg.format("some"), scale="symlog"),
        Quantity("psi_some_60", "%", 0.0, 100.0, "Memory PSI some avg60.", scale="symlog"),
        Quantity("psi_full", "%", 0.0, 100.0, avg.format("full"), scale="symlog"),
        Quantity("psi_now", "%", 0.0, 100.0, now, scale="symlog"),
    ]


REFAULTS = rate("refaults", "Bytes per second that came back soon after they had gone out.")

OBSERVATION = QuantitySet(
    (*_memory(), *_swap(), *_idle(), *_reclaim(), REFAULTS, *_pressure(), *last_action(KNOBS))
)

SOURCES: Mapping[str, tuple[Source, ...]] = {
    **dict.fromkeys((item.name for item in _memory()), (Source.NODES,)),
    "resident_share": (Source.NODES, Source.SWAP),
    "saved_share": (Source.NODES, Source.SWAP, Source.SWAP_POOL),
    "swap_use": (Source.SWAP,),
    "compression": (Source.SWAP, Source.SWAP_POOL),
    **dict.fromkeys((item.name for item in _idle()), (Source.SNAPSHOT,)),
    **dict.fromkeys(("swap_in", "swap_out"), (Source.SWAPPING,)),
    **dict.fromkeys((item.name for item in _pressure()), (Source.PRESSURE,)),
    "refaults": (Source.REFAULTS,),
}
"""What each feature needs of the telemetry beyond statistics of the scheme."""

UNKNOWN = np.array([float(item.to_normal(np.array(item.default))) for item in OBSERVATION.items])
"""Normalised value of each feature, ``(d,)``, where its source is missing."""


def observed(missing: Collection[Source]) -> NDArray[np.bool_]:
    """Tell which features are known, ``(d,)``.

    Args:
        missing: Sources that the machine does not have.
    """
    return np.array([not set(SOURCES.get(name, ())) & set(missing) for name in OBSERVATION.names])
