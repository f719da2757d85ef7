"""The forms an action can take, all meaning a normalised request for every knob."""

import math
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from damosrl.errors import UnknownNameError
from damosrl.knobs import FloatArray, Quantity, QuantitySet
from damosrl.safety import EventKind
from damosrl.safety.events import EventBits, mark
from damosrl_envs.tiering.config import ActionKind

KINDS: tuple[ActionKind, ...] = ("absolute", "relative", "discrete")
LARGEST_FACTOR = 2.0
LARGEST_SHARE = 0.15
"""Bounds of a relative step: this factor on a log scale, and this share of the range."""


class ActionForm:
    """One of the forms: its space, and its way to a request.

    Args:
        kind: ``absolute``: positions in [-1, 1]; ``relative``: steps in [-1, 1], 1 being up by
            at most a factor of 2; ``discrete``: 0 down, 1 keep, 2 up by that step.
        knobs: What is turned.

    Raises:
        UnknownNameError: No such form.

    Example:
        >>> from damosrl_envs.tiering.knobs import KNOBS
        >>> ActionForm("discrete", KNOBS).space
        MultiDiscrete([3 3 3 3 3])
    """

    def __init__(self, kind: str, knobs: QuantitySet) -> None:
        if kind not in KINDS:
            raise UnknownNameError("action", kind, KINDS)
        self.kind = kind
        self._count = len(knobs)
        self._floor = np.array(
            [-1.0 if knob.off_below is None else knob.off_below for knob in knobs.items]
        )
        self._step = np.array([largest_step(knob) for knob in knobs.items])
        self.space: gymnasium.Space[Any] = (
            gymnasium.spaces.MultiDiscrete(np.full(self._count, 3))
            if kind == "discrete"
            else gymnasium.spaces.Box(-1.0, 1.0, (self._count,), np.float32)
        )

    def decode(self, actions: NDArray[Any], applied: FloatArray) -> tuple[FloatArray, EventBits]:
        """Turn actions into requests; never raises on values.

        Args:
            actions: ``(N, k)``, any values.
            applied: Normalised action in force, ``(N, k)``.

        Returns:
            Requests ``(N, k)`` and `EventKind.LIMIT` bits of values outside the form's range.

        Raises:
            ValueError: The shape is wrong.
        """
        values = np.asarray(actions, dtype=np.float64)
        if values.shape != applied.shape:
            raise ValueError(
                f"action has shape {values.shape[1:]} for {len(values) if values.ndim else 0} "
                f"machines, expected {applied.shape[1:]} for {applied.shape[0]}: one value per knob"
            )
        bits = np.zeros(applied.shape, dtype=np.uint8)
        if self.kind == "absolute":
            return values, bits
        if self.kind == "discrete":
            values = values - 1.0
        mark(bits, np.abs(values) > 1.0, EventKind.LIMIT)
        return self._moved(np.clip(values, -1.0, 1.0), applied), bits

    def _moved(self, steps: FloatArray, applied: FloatArray) -> FloatArray:
        """Add steps; a knob that is off starts from its smallest value when turned up."""
        off = applied < self._floor
        base = np.maximum(applied, self._floor)
        moved = np.where(off & (steps <= 0.0), -1.0, base + steps * self._step)
        return np.where(np.isnan(steps), np.nan, np.clip(moved, -1.0, 1.0))


def largest_step(knob: Quantity) -> float:
    """Return the normalised distance of one full relative step of a knob."""
    floor = -1.0 if knob.off_below is None else knob.off_below
    share = LARGEST_SHARE
    if knob.scale == "log":
        share = min(share, math.log(LARGEST_FACTOR) / math.log(knob.high / knob.low))
    return (1.0 - floor) * share
