"""What a daemon must be told besides the policy: the conditions under which it was trained."""

from typing import Annotated, Any

import msgspec
import numpy as np

from damosrl.knobs import Float32Array
from damosrl.machine import QuotaLoop

LOW_QUANTILE, HIGH_QUANTILE = 0.001, 0.999
"""A few outliers do not widen the range in which a policy counts as experienced."""


class ObservedRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which values of each feature a policy has met.

    Args:
        low: Smallest, normalised, one per feature (d).
        high: Largest, normalised, one per feature (d).
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, observations: Float32Array) -> "ObservedRange":
        """Return the range from the 0.001 to the 0.999 quantile of observations ``(n, d)``.

        Observations count as clipped to [-1, 1], where features lie.

        A feature that never was a number keeps its whole range: nothing is known against it.

        Example:
            >>> ObservedRange.of(np.array([[0.0, np.nan], [0.5, np.nan]], np.float32)).low
            (0.0005000000237487257, -1.0)
        """
        features = observations.shape[1]
        known = np.flatnonzero(np.isfinite(observations).any(axis=0))
        low, high = np.full(features, -1.0), np.full(features, 1.0)
        numbers = np.where(np.isfinite(observations), observations, np.nan)[:, known]
        low[known], high[known] = np.nanquantile(
            np.clip(numbers.astype(np.float64), -1.0, 1.0), (LOW_QUANTILE, HIGH_QUANTILE), axis=0
        )
        return cls(tuple(low.tolist()), tuple(high.tolist()))


class Deployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The conditions under which a policy was trained, and so is to be run.

    Args:
        task_settings: The values of the choice of conf/task. Empty where the bundle does not say
            (schema version 1): the task's own defaults may differ from those of training.
        frames: Decisions per observation; the spec's features are those of all frames.
        quota_loop: Loop under the policy's numbers.
        safety: The values of the choice of conf/safety in force: limits, slew, dead_band,
            breaker, fallback. `damosrl.safety.safety_config` reads them; they have been checked
            against the spec.
        observed: What the policy has met; None where the bundle does not say.

    Example:
        >>> Deployment(safety={"slew": {"demotion_quota": 2.0}}).quota_loop
        <QuotaLoop.DIRECT: 'direct'>
    """

    task_settings: dict[str, Any] = {}
    frames: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    quota_loop: QuotaLoop = QuotaLoop.DIRECT
    safety: dict[str, Any] = {}
    observed: ObservedRange | None = None
