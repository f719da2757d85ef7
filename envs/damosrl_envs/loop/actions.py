"""The forms an action can take, all meaning a normalised request for every knob."""

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from damosrl.errors import UnknownNameError
from damosrl.knobs import FloatArray, QuantitySet
from damosrl.safety import EventKind
from damosrl.safety.events import EventBits, mark
from damosrl.steps import stepped
from damosrl.task import ActionKind

KINDS: tuple[ActionKind, ...] = ("absolute", "relative", "discrete")


class ActionForm:
    """One of the forms: its space, and its way to a request.

    Args:
        kind: ``absolute``: positions in [-1, 1]; ``relative``: steps in [-1, 1], 1 being up by
            at most a factor of 2; ``discrete``: 0 down, 1 keep, 2 up by that step.
        knobs: What is turned.

    Raises:
        UnknownNameError: No such form.

    Example:
        >>> from damosrl_tasks.tiering.knobs import KNOBS
        >>> ActionForm("discrete", KNOBS).space
        MultiDiscrete([3 3 3 3 3])
    """

    def __init__(self, kind: str, knobs: QuantitySet) -> None:
        if kind not in KINDS:
            raise UnknownNameError("action", kind, KINDS)
        self.kind = kind
        self._knobs = knobs
        self.space: gymnasium.Space[Any] = (
            gymnasium.spaces.MultiDiscrete(np.full(len(knobs), 3))
            if kind == "discrete"
            else gymnasium.spaces.Box(-1.0, 1.0, (len(knobs),), np.float32)
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
        return stepped(self._knobs, applied, values), bits
