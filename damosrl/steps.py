"""Relative actions: from a direction for each knob to the next knob positions.

An environment with relative or discrete actions and a policy that was trained on them turn
directions into positions by this one rule, so that such a policy can also act where positions
are wanted.
"""

import math

import numpy as np

from damosrl.knobs import FloatArray, Quantity, QuantitySet

LARGEST_FACTOR = 2.0
"""A full step on a log scale doubles or halves, as the kernel's quota loop does at most
(Linux 7.3 mm/damon/core.c, damon_feed_loop_next_input)."""

LARGEST_SHARE = 0.15
"""No full step is longer than this share of a knob's range."""


def stepped(knobs: QuantitySet, in_force: FloatArray, direction: FloatArray) -> FloatArray:
    """Return the normalised positions one step away from those in force.

    A knob that is off starts from its smallest value when turned up, and goes off when turned
    down beyond it.

    Args:
        knobs: The k knobs.
        in_force: Normalised positions in force, ``(..., k)``.
        direction: -1 (a full step down) .. 1 (a full step up), clipped, ``(..., k)``; 0 keeps.
            NaN gives NaN, which asks to keep a knob as it is.

    Returns:
        Normalised positions ``(..., k)`` in [-1, 1].

    Example:
        >>> quota = Quantity("quota", "bytes/s", 1.0, 1024.0, "A quota.", scale="log")
        >>> knobs = QuantitySet((quota,))
        >>> up = stepped(knobs, quota.to_normal(np.array([8.0])), np.array([1.0]))
        >>> round(float(quota.to_physical(up)[0]), 6)
        16.0
    """
    floor = np.array([_floor(knob) for knob in knobs.items])
    size = np.array([full_step(knob) for knob in knobs.items])
    steps = np.clip(direction, -1.0, 1.0)
    stays_off = (in_force < floor) & (steps <= 0.0)
    moved = np.maximum(in_force, floor) + steps * size
    return np.clip(np.where(stays_off, -1.0, moved), -1.0, 1.0)


def full_step(knob: Quantity) -> float:
    """Return the length of a full step of a knob on its normalised axis."""
    share = LARGEST_SHARE
    if knob.scale == "log":
        share = min(share, math.log(LARGEST_FACTOR) / math.log(knob.high / knob.low))
    return (1.0 - _floor(knob)) * share


def _floor(knob: Quantity) -> float:
    return -1.0 if knob.off_below is None else knob.off_below
