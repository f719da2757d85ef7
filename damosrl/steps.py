"""Relative actions: from a direction for each knob to the next knob positions.

An environment with relative or discrete actions and a policy that was trained on them turn
directions into positions by this one rule, so that such a policy can also act where positions
are wanted.
"""

import math

import numpy as np

from damosrl.knobs import FloatArray, Quantity, QuantitySet

FACTOR = 2.0
"""A full step doubles or halves, as the kernel's own quota loop does at most (mm/damon/core.c)."""

LINEAR_STEP = 0.25
"""A full step of a linear knob, an eighth of its range; it has no natural factor."""


def stepped(knobs: QuantitySet, in_force: FloatArray, direction: FloatArray) -> FloatArray:
    """Return the normalised positions one step away from those in force.

    A full step multiplies a knob on a log scale by `FACTOR`, and on a symlog scale its distance
    from one unit below the lowest value. A quota that can be off counts as off half a step below
    its lowest value.

    Args:
        knobs: The k knobs.
        in_force: Normalised positions in force, ``(..., k)``.
        direction: -1 (a full step down) .. 1 (a full step up), ``(..., k)``; 0 keeps. NaN gives
            NaN, which asks to keep a knob as it is.

    Returns:
        Normalised positions ``(..., k)`` in [-1, 1].

    Example:
        >>> quota = Quantity("quota", "bytes/s", 1.0, 16.0, "A quota.", scale="log")
        >>> knobs = QuantitySet((quota,))
        >>> up = stepped(knobs, quota.to_normal(np.array([2.0])), np.array([1.0]))
        >>> float(quota.to_physical(up)[0])
        4.0
    """
    shape = np.broadcast_shapes(np.shape(in_force), np.shape(direction))
    positions = np.broadcast_to(np.asarray(in_force, dtype=np.float64), shape)
    directions = np.clip(np.broadcast_to(np.asarray(direction, np.float64), shape), -1.0, 1.0)
    columns = [
        _stepped(item, positions[..., place], directions[..., place])
        for place, item in enumerate(knobs.items)
    ]
    return np.stack(columns, axis=-1)


def step_size(knob: Quantity) -> float:
    """Return the length of a full step on the normalised axis."""
    if knob.scale == "linear":
        return LINEAR_STEP
    span = knob.high / knob.low if knob.scale == "log" else 1.0 + knob.high - knob.low
    floor = -1.0 if knob.off_below is None else knob.off_below
    return (1.0 - floor) * math.log(FACTOR) / math.log(span)


def _stepped(knob: Quantity, position: FloatArray, direction: FloatArray) -> FloatArray:
    size = step_size(knob)
    if knob.off_below is None:
        return np.clip(position + size * direction, -1.0, 1.0)
    off = knob.off_below - 0.5 * size
    moved = np.where(position < knob.off_below, off, position) + size * direction
    limited = np.clip(moved, knob.off_below, 1.0)
    result: FloatArray = np.where(moved <= off, -1.0, limited)
    return result
