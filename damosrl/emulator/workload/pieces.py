"""Building access models from granules: where segments lie, and pieces merged where they agree."""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.parameters import Sampler
from damosrl.errors import WorkloadError

GRANULE_BYTES = 2 * 2**20
"""Synthetic borders are multiples of this: a transparent huge page of x86-64."""
MIN_GRANULES = 16
"""Smallest footprint of a synthetic workload, 32 MiB, so that shares keep a meaning."""
MAX_PIECES = 32_768
"""Work limit: pieces of one access model."""

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


class Family(Protocol):
    """A synthetic family: parameters that become an access model, one class per file."""

    def draw(self, granules: int, sampler: Sampler) -> AccessModel:
        """Return the access model of one episode on a footprint of so many granules."""

    def describe(self) -> str:
        """Say in a few sentences, with units, what the family does."""


def access_model(
    border_granules: IntArray,
    rate_hz: NDArray[np.floating[Any]],
    epoch_s: NDArray[np.floating[Any]] | None = None,
    period_s: float = math.inf,
) -> AccessModel:
    """Build an access model on granule borders, as small as it can be said.

    Neighbouring pieces whose rates agree at all times become one, and so do epochs that follow
    each other with the same rates.

    Args:
        border_granules: ``(P + 1,)`` ascending from 0.
        rate_hz: ``(E, P)``, or ``(P,)`` for rates that never change.
        epoch_s: ``(E,)`` start of each epoch; may be left out for one epoch.
        period_s: Time after which the epochs repeat.

    Example:
        >>> access_model(np.array([0, 1, 2]), np.array([3.0, 3.0])).border_bytes
        array([      0, 4194304])
    """
    rates = np.atleast_2d(np.asarray(rate_hz, dtype=np.float32))
    epochs = np.zeros(1) if epoch_s is None else epoch_s
    first = np.ones(rates.shape[1], dtype=np.bool_)
    np.any(rates[:, 1:] != rates[:, :-1], axis=0, out=first[1:])
    rates = rates[:, first]
    changed = np.ones(len(rates), dtype=np.bool_)
    np.any(rates[1:] != rates[:-1], axis=1, out=changed[1:])
    starts = border_granules[:-1][first]
    if len(starts) > MAX_PIECES:
        raise WorkloadError(
            "the workload has too many pieces",
            got=len(starts),
            allowed=f"at most {MAX_PIECES}",
            fix="use fewer, larger clumps",
        )
    borders = np.append(starts, border_granules[-1]).astype(np.int64) * GRANULE_BYTES
    only_one = int(changed.sum()) == 1
    return AccessModel(
        border_bytes=borders,
        epoch_s=np.asarray(epochs[changed], dtype=np.float64),
        rate_hz=np.ascontiguousarray(rates[changed]),
        period_s=math.inf if only_one else period_s,
    )


def even_borders(granules: int, parts: int) -> IntArray:
    """Cut a footprint into parts of equal size up to one granule, ``(parts + 1,)`` granules."""
    return np.arange(parts + 1, dtype=np.int64) * granules // parts


def share_of(granules: int, share: float) -> int:
    """Turn a share of the footprint into granules, at least one."""
    return max(1, round(granules * share))


def place_segments(rng: np.random.Generator, granules: int, sizes: IntArray) -> IntArray:
    """Lay segments at random places that do not overlap.

    The free granules are dealt out to the gaps before, between and behind the segments by uniform
    cuts, so that every gap has the same mean.

    Args:
        rng: Source of randomness.
        granules: Room.
        sizes: ``(S,)`` granules of each segment, in the order of their addresses.

    Returns:
        First granule of each segment, ``(S,)``, ascending.
    """
    free = granules - int(sizes.sum())
    before = np.sort(rng.integers(0, free + 1, len(sizes)))
    return before + np.cumsum(sizes) - sizes


def cut(total: int, parts: int) -> IntArray:
    """Cut granules into at most so many parts, sizes equal up to one granule, none empty."""
    return np.diff(even_borders(total, min(parts, total)))


def borders_of(granules: int, starts: IntArray, ends: IntArray) -> IntArray:
    """Return all borders of segments, with the footprint's own, ascending."""
    return np.unique(np.concatenate((starts, ends, [0, granules])))


def paint(
    row: FloatArray, borders: IntArray, starts: IntArray, ends: IntArray, rate_hz: float
) -> None:
    """Set the rate of the pieces inside segments; segments begin and end on borders."""
    for first, last in zip(
        np.searchsorted(borders, starts), np.searchsorted(borders, ends), strict=True
    ):
        row[first:last] = rate_hz


def split_rate(
    mean_rate_hz: float, granules: int, hot_granules: int, access_share: float
) -> tuple[float, float]:
    """Return the rates per page of a hot part and of the rest, so that their mean is given.

    Args:
        mean_rate_hz: Accesses per second per page over the footprint.
        granules: Footprint.
        hot_granules: Size of the hot part, at least one.
        access_share: Share of all accesses that go to the hot part; all do if there is no rest.

    Example:
        >>> split_rate(10.0, 100, 25, 0.5)
        (20.0, 6.666666666666667)
    """
    total = mean_rate_hz * granules
    rest = granules - hot_granules
    if rest == 0:
        return mean_rate_hz, 0.0
    return access_share * total / hot_granules, (1.0 - access_share) * total / rest
