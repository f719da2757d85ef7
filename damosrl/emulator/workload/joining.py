"""Access models one after another in one address space."""

import math
from collections.abc import Sequence

import numpy as np

from damosrl.emulator.workload.model import AccessModel
from damosrl.errors import WorkloadError

MAX_EPOCHS = 8192
"""Work limit: epochs of a joined model."""

SAME_TIME_S = 1e-3
"""Epochs that begin nearer than this to one another begin together."""


def join(models: Sequence[AccessModel]) -> AccessModel:
    """Put access models one after another; an epoch begins wherever one of them begins one.

    All repeat after the longest of their periods: a shorter one goes round until then and starts
    anew, cut off if it does not fit a whole number of times.

    Args:
        models: At least one, in the order of addresses.

    Raises:
        WorkloadError: One repeats and another one ends constant after several epochs, so no period
            holds both; or there are too many epochs.

    Example:
        >>> one = AccessModel(np.array([0, 4096]), np.zeros(1), np.ones((1, 1), np.float32))
        >>> join([one, one]).border_bytes
        array([   0, 4096, 8192])
    """
    period_s = _period(models)
    starts = [_starts(model, period_s) for model in models]
    epoch_s = np.unique(np.concatenate(starts))
    epoch_s = epoch_s[np.diff(epoch_s, prepend=-math.inf) > SAME_TIME_S]
    epoch_s = epoch_s[epoch_s < period_s - SAME_TIME_S]
    if len(epoch_s) > MAX_EPOCHS:
        raise WorkloadError(
            "the workloads of the tenants change too often together",
            got=f"{len(epoch_s)} epochs",
            allowed=f"at most {MAX_EPOCHS}",
            fix="choose periods that differ less",
        )
    rates = [
        model.rate_hz[[model.epoch_at(start + SAME_TIME_S) for start in epoch_s]]
        for model in models
    ]
    ends = np.cumsum([model.footprint_bytes for model in models])
    borders = [
        model.border_bytes[1:] + end - model.footprint_bytes
        for model, end in zip(models, ends, strict=True)
    ]
    return AccessModel(
        border_bytes=np.concatenate([[0], *borders]),
        epoch_s=epoch_s,
        rate_hz=np.ascontiguousarray(np.concatenate(rates, axis=1)),
        period_s=period_s,
    )


def _period(models: Sequence[AccessModel]) -> float:
    finite = [model.period_s for model in models if math.isfinite(model.period_s)]
    ending = any(math.isinf(model.period_s) and len(model.epoch_s) > 1 for model in models)
    if finite and ending:
        raise WorkloadError(
            "a workload that repeats and one that ends cannot run side by side",
            got=f"a period of {max(finite):g} s beside none",
            allowed="all repeat, or none; constant ones go with either",
        )
    return max(finite, default=math.inf)


def _starts(model: AccessModel, period_s: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return when a model's epochs begin within a period, its own repeated as often as needed."""
    if math.isinf(model.period_s):
        return model.epoch_s
    rounds = np.arange(math.ceil(period_s / model.period_s)) * model.period_s
    return np.asarray((rounds[:, None] + model.epoch_s).ravel())
