"""The knobs of proactive reclaim and the scheme's numbers that they set."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import FloatArray, Quantity, QuantitySet

MIB = float(2**20)
OFF_BYTES = 1
"""A size quota of 0 means unlimited in DAMOS; one byte reclaims nothing."""

QUOTA, COLD_AGE, PSI_TARGET = range(3)
"""Places of the knobs on the action axis."""

KNOBS = QuantitySet(
    (
        Quantity(
            "reclaim_quota",
            "bytes/s",
            MIB,
            1024 * MIB,
            "Size quota of the pageout scheme; below -0.9 off.",
            scale="log",
            off_below=-0.9,
            default=128 * MIB,
        ),
        Quantity(
            "cold_age",
            "s",
            1.0,
            300.0,
            "Time without access after which memory may be paged out.",
            scale="log",
            default=120.0,
        ),
        Quantity(
            "psi_target",
            "%",
            0.01,
            10.0,
            "Share of time stalled for memory at which paging out stops (direct, temporal), or to "
            "which the kernel's loop steers (consist).",
            scale="log",
            default=1.0,
        ),
    )
)
"""Ranges hold DAMON_RECLAIM's defaults (mm/damon/reclaim.c, 7.3): 128 MiB per second, 120 s."""


@dataclass(frozen=True)
class SchemeNumbers:
    """The knobs as DAMOS counts them, for N machines; arrays ``(N,)`` int64.

    Args:
        quota_bytes: Size quota per reset interval.
        min_age: Smallest age to page out, aggregation intervals.
        psi_us: Stall time per reset interval, target of the goal.
    """

    quota_bytes: NDArray[np.int64]
    min_age: NDArray[np.int64]
    psi_us: NDArray[np.int64]


def scheme_numbers(knobs: FloatArray, *, aggregation_s: float, reset_s: float) -> SchemeNumbers:
    """Turn physical knobs into whole numbers for the scheme.

    Args:
        knobs: ``(N, 3)`` in the order and units of `KNOBS`.
        aggregation_s: Aggregation interval, seconds.
        reset_s: Reset interval of the quota, seconds.

    Example:
        >>> numbers = scheme_numbers(KNOBS.defaults()[None], aggregation_s=0.1, reset_s=1.0)
        >>> int(numbers.min_age[0]), int(numbers.psi_us[0])
        (1200, 10000)
    """
    return SchemeNumbers(
        quota_bytes=_whole(np.maximum(knobs[:, QUOTA] * reset_s, OFF_BYTES)),
        min_age=_whole(knobs[:, COLD_AGE] / aggregation_s),
        psi_us=_whole(np.maximum(knobs[:, PSI_TARGET] / 100.0 * reset_s * 1e6, 1.0)),
    )


def _whole(values: FloatArray) -> NDArray[np.int64]:
    return np.asarray(np.rint(values), dtype=np.int64)
