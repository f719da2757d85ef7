"""How long memory has been idle, what is in use, and what is touched after having been idle."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import FloatArray
from damosrl.machine import Telemetry

AGES_S = (1, 5, 15, 30, 60, 120, 240)
"""Lower edges of the (cumulative) idle-age histograms, seconds."""
BINS = 128
"""Equal parts of a node's addresses whose idle age is remembered from one reading to the next."""

AGES = np.array(AGES_S, dtype=np.float64)


class Idleness(NamedTuple):
    """Sums over the regions of one kdamond, for N machines."""

    idle_bytes: FloatArray
    """Bytes without access for at least `AGES_S`, free memory included, ``(N, A)``."""
    used_bytes: FloatArray
    """Bytes in regions that were seen accessed in the last aggregation interval, ``(N,)``."""
    age_s: FloatArray
    """Time since the last access of each address bin; 0 where accessed, ``(N, BINS)``."""
    regions: NDArray[np.int64]
    """Regions, ``(N,)``."""


def idleness(telemetry: Telemetry) -> Idleness:
    """Sum up the snapshot of the first kdamond of every machine."""
    snapshot = telemetry.snapshot
    counts = snapshot.nr_regions[:, 0]
    valid = np.arange(snapshot.start.shape[2]) < counts[:, None]
    machine, _ = np.nonzero(valid)
    start, end = (edge[:, 0][valid].astype(np.float64) for edge in (snapshot.start, snapshot.end))
    size, accessed = end - start, snapshot.nr_accesses[:, 0][valid] > 0
    interval_s = telemetry.aggregation_us[machine, 0] * 1e-6
    age_s = np.where(accessed, 0.0, snapshot.age[:, 0][valid] * interval_s)
    return Idleness(
        idle_bytes=_histogram(machine, size, age_s, len(counts)),
        used_bytes=np.asarray(
            np.bincount(machine, np.where(accessed, size, 0.0), len(counts)), np.float64
        ),
        age_s=_binned(machine, start, end, age_s, len(counts)),
        regions=counts,
    )


def _histogram(
    machine: NDArray[np.int64], size: FloatArray, age_s: FloatArray, count: int
) -> FloatArray:
    """Return bytes at least as old as each edge; a tolerance keeps whole intervals whole."""
    edges = len(AGES_S) + 1
    place = machine * edges + np.searchsorted(AGES - 1e-6, age_s, side="right")
    sums = np.bincount(place, size, count * edges).reshape(count, edges)
    return np.asarray(np.cumsum(sums[:, ::-1], axis=1)[:, ::-1][:, 1:])


def _binned(
    machine: NDArray[np.int64],
    start: FloatArray,
    end: FloatArray,
    age_s: FloatArray,
    count: int,
) -> FloatArray:
    """Return the age at the centre of each bin: one search over all machines' regions."""
    if not len(machine):
        return np.zeros((count, BINS))
    low, high = np.full(count, np.inf), np.zeros(count)
    np.minimum.at(low, machine, start)
    np.maximum.at(high, machine, end)
    span = np.maximum(high - low, 1.0)
    keys = machine + (end - low[machine]) / span[machine]
    centres = np.arange(count)[:, None] + (np.arange(BINS) + 0.5) / BINS
    place = np.minimum(np.searchsorted(keys, centres), len(keys) - 1)
    return np.where(machine[place] == np.arange(count)[:, None], age_s[place], 0.0)


class Touched:
    """Share of a node's bytes that had been idle and was touched again since the last reading.

    It is g-swap's promotion histogram (Lagar-Cavilla et al., Software-defined far memory in
    warehouse-scale computers, ASPLOS 2019) as a region monitor can tell it: from the ages of
    `BINS` parts of memory, so short visits between two readings may be missed.

    Args:
        num_machines: N.
    """

    def __init__(self, num_machines: int) -> None:
        self._age_s = np.zeros((num_machines, BINS))
        self.share = np.zeros((num_machines, len(AGES_S)))
        """By the age before the touch, at least `AGES_S`, ``(N, A)``."""

    def reset(self, which: NDArray[np.bool_], now: Idleness) -> None:
        """Forget the past of the marked machines."""
        self._age_s[which] = now.age_s[which]
        self.share[which] = 0.0

    def update(self, now: Idleness) -> None:
        """Take in a reading."""
        touched = now.age_s <= 0.0
        before = self._age_s[:, :, None] >= AGES - 1e-6
        self.share = (touched[:, :, None] & before).mean(axis=1)
        self._age_s = now.age_s
