"""The knobs of memory tiering and the schemes' numbers that they set.

Ranges hold the best configurations known (kernel samples/damon/mtier.c, damo's mem_tier.sh and
our own searches): multiplicative knobs lie on a log scale, none is per page.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import FloatArray, Quantity, QuantitySet

MIB = float(2**20)
OFF_BYTES = 1
"""A size quota of 0 means unlimited in DAMOS; one byte moves nothing."""

PROMOTION, DEMOTION, HOT, COLD_AGE, FREE = range(5)
"""Places of the knobs on the action axis."""

KNOBS = QuantitySet(
    (
        Quantity(
            "promotion_quota",
            "bytes/s",
            MIB,
            1024 * MIB,
            "Size quota of every migrate_hot scheme; below -0.9 off.",
            scale="log",
            off_below=-0.9,
            default=200 * MIB,
        ),
        Quantity(
            "demotion_quota",
            "bytes/s",
            MIB,
            1024 * MIB,
            "Size quota of every migrate_cold scheme; below -0.9 off.",
            scale="log",
            off_below=-0.9,
            default=200 * MIB,
        ),
        Quantity(
            "hot_threshold",
            "%",
            5.0,
            100.0,
            "Access rate from which a region is promoted, of the largest measurable rate.",
            scale="log",
            default=15.0,
        ),
        Quantity(
            "cold_age",
            "s",
            0.0,
            30.0,
            "Time a region must have kept its access rate before it is demoted.",
            scale="symlog",
            default=0.0,
        ),
        Quantity(
            "free_target",
            "%",
            0.5,
            5.0,
            "Free share of the fast tier at which demotion stops.",
            scale="log",
            default=2.0,
        ),
    )
)


@dataclass(frozen=True)
class SchemeNumbers:
    """The knobs as DAMOS counts them, for N machines; arrays ``(N,)`` int64.

    Args:
        promotion_bytes: Size quota per reset interval.
        demotion_bytes: Size quota per reset interval.
        hot_min_nr_accesses: Smallest access count to promote, samples.
        cold_max_nr_accesses: Largest access count to demote, samples.
        cold_min_age: Smallest age to demote, aggregation intervals.
        free_bp: Free target, basis points of the node.
    """

    promotion_bytes: NDArray[np.int64]
    demotion_bytes: NDArray[np.int64]
    hot_min_nr_accesses: NDArray[np.int64]
    cold_max_nr_accesses: NDArray[np.int64]
    cold_min_age: NDArray[np.int64]
    free_bp: NDArray[np.int64]


def scheme_numbers(
    knobs: FloatArray,
    *,
    samples_per_aggregation: int,
    aggregation_s: float,
    reset_s: float,
    hysteresis_ratio: float,
) -> SchemeNumbers:
    """Turn physical knobs into whole numbers for the schemes.

    Cold lies strictly below hot, by the hysteresis ratio: without a gap, regions near the
    threshold are moved up and down for ever.

    Args:
        knobs: ``(N, 5)`` in the order and units of `KNOBS`.
        samples_per_aggregation: Largest possible access count.
        aggregation_s: Aggregation interval, seconds.
        reset_s: Reset interval of the quotas, seconds.
        hysteresis_ratio: Cold threshold as a share of the hot one, 0..1.

    Example:
        >>> knobs = KNOBS.defaults()[None]
        >>> numbers = scheme_numbers(
        ...     knobs,
        ...     samples_per_aggregation=20,
        ...     aggregation_s=0.1,
        ...     reset_s=1.0,
        ...     hysteresis_ratio=0.5,
        ... )
        >>> int(numbers.hot_min_nr_accesses[0]), int(numbers.cold_max_nr_accesses[0])
        (3, 1)
    """
    hot = knobs[:, HOT] / 100.0 * samples_per_aggregation
    hot_min = np.clip(np.ceil(hot - 1e-6), 1, samples_per_aggregation)
    cold_max = np.minimum(np.floor(hysteresis_ratio * hot + 1e-6), hot_min - 1)
    return SchemeNumbers(
        promotion_bytes=_whole(np.maximum(knobs[:, PROMOTION] * reset_s, OFF_BYTES)),
        demotion_bytes=_whole(np.maximum(knobs[:, DEMOTION] * reset_s, OFF_BYTES)),
        hot_min_nr_accesses=_whole(hot_min),
        cold_max_nr_accesses=_whole(cold_max),
        cold_min_age=_whole(knobs[:, COLD_AGE] / aggregation_s),
        free_bp=_whole(knobs[:, FREE] * 100.0),
    )


def _whole(values: FloatArray) -> NDArray[np.int64]:
    return np.asarray(np.rint(values), dtype=np.int64)
