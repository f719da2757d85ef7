"""What a tuner of auto-scaling turns, and what that means for a host."""

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.state import INTENDED, KNOB, OFF, POSTED, QUOTAS
from damosrl.knobs import FloatArray, Quantity, QuantitySet
from damosrl.machine import QuotaLoop
from damosrl_tasks.acma.config import AcmaConfig

_SIZES = (
    Quantity("min_memory", "%", 5.0, 100.0, "ACMA never leaves a guest less.", default=10.0),
    Quantity("max_memory", "%", 5.0, 100.0, "ACMA never lets a guest grow above.", default=100.0),
)
_TARGET = Quantity(
    "pressure_target",
    "%",
    0.01,
    10.0,
    "Share of time that some task of a guest may stall for memory; 0 switches ACMA off.",
    scale="log",
    off_below=-0.9,
)
RFC_TARGET = 0.001
"""The RFC's pressure target: 1000 us of stall per 1000 ms."""
SCHEMES = ("reclaim", "shrink", "grow")


def _quota(name: str, meaning: str, high: float = 200.0) -> Quantity:
    return Quantity(name, "ms/s", 0.1, high, meaning, scale="log", off_below=-0.9)


_QUOTAS = tuple(
    _quota(f"{scheme}_quota", f"Time that the {scheme} scheme takes.") for scheme in SCHEMES
)
_RIVALS = (
    Quantity("balloon", "%", 0.0, 80.0, "Share of every guest asked back by its balloon."),
    Quantity("unplug", "%", 0.0, 80.0, "Share of every guest to be unplugged."),
    _quota("compaction", "Time that periodic compaction takes.", 100.0),
    Quantity("page_reporting", "switch", 0.0, 1.0, "Free page reporting, on from 0.5."),
    Quantity(
        "reclaim_rate",
        "bytes/s",
        2.0**20,
        2.0**30,
        "Cold memory paged out, as DAMON_RECLAIM does.",
        scale="log",
        off_below=-0.9,
    ),
)


def knob_set(config: AcmaConfig) -> QuantitySet:
    """Return the knobs that a configuration offers."""
    control = (_TARGET,) if config.control == "parameters" else _QUOTAS
    return QuantitySet(_SIZES + control + (_RIVALS if config.rivals else ()))


def rules(
    config: AcmaConfig,
    loops: NDArray[np.object_] | QuotaLoop,
    wanted: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Return which rule ACMA follows on every machine, ``(N,)``.

    The kernel's own goal loop on all three schemes (`QuotaLoop.CONSIST`, and ``TEMPORAL``, which
    the RFC does not know) is the RFC as posted, whatever the knobs are; a tuner's own
    (`QuotaLoop.DIRECT`) is the RFC as its cover letter means it, or the quotas that the tuner sets,
    where it is wanted.
    """
    own = INTENDED if config.control == "parameters" else QUOTAS
    names = {
        QuotaLoop.DIRECT: own,
        QuotaLoop.CONSIST: POSTED,
        QuotaLoop.TEMPORAL: POSTED,
        QuotaLoop.OFF: OFF,
    }
    each = [loops] * len(wanted) if isinstance(loops, QuotaLoop) else list(loops)
    chosen = np.array([names[loop] for loop in each], np.int64)
    return np.where(wanted | (chosen == POSTED), chosen, OFF)


def host_knobs(
    config: AcmaConfig,
    offered: QuantitySet,
    knobs: FloatArray,
    loops: NDArray[np.object_] | QuotaLoop,
) -> NDArray[np.void]:
    """Turn knobs ``(N, k)`` in physical units into `damosrl.acma.state.KNOB` records ``(N,)``.

    A minimum above the maximum, which two free knobs can ask for, becomes the maximum. The RFC as
    posted has its own pressure target where none is given, and page reporting carries its messages.
    """
    values = dict(zip(offered.names, knobs.T, strict=True))
    records = np.zeros(len(knobs), KNOB)
    records["maximum"] = values["max_memory"] / 100.0
    records["minimum"] = np.minimum(values["min_memory"] / 100.0, records["maximum"])
    if config.control == "parameters":
        records["target"] = values["pressure_target"] / 100.0
        wanted = records["target"] > 0.0
    else:
        for place, scheme in enumerate(SCHEMES):
            records["quota_ms"][:, place] = values[f"{scheme}_quota"]
        wanted = records["quota_ms"].sum(axis=1) > 0.0
        records["target"] = RFC_TARGET
    records["rule"] = rules(config, loops, wanted)
    posted = records["rule"] == POSTED
    records["target"][posted & ~wanted] = RFC_TARGET
    records["reporting"] = 1
    if config.rivals:
        records["balloon"] = values["balloon"] / 100.0
        records["unplug"] = values["unplug"] / 100.0
        records["compaction_ms"] = values["compaction"]
        records["reporting"] = posted | (values["page_reporting"] >= 0.5)
        records["reclaim_bytes"] = values["reclaim_rate"]
    return records
