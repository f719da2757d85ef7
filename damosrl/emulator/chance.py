"""How many of many things happen, each with the same probability, in a time that does not grow."""

import math
from typing import Any

import numpy as np

from damosrl.emulator.counting import binomial, threshold_of
from damosrl.emulator.jit import lean_kernel
from damosrl.emulator.rng import draw, stream

FEW = 4096
"""Trials that are tossed one by one, eight in a word."""

RARE = 64.0
"""Events to expect up to which the gaps between them are drawn."""


@lean_kernel
def unit_real(context: Any) -> float:
    """Draw a number uniform in (0, 1] from a context's or a machine's generator."""
    return (float(draw(context)) + 1.0) / 4294967296.0


@lean_kernel
def rare_events(context: Any, trials: np.int64, probability: float) -> np.int64:
    """Count events by the gaps between them (Devroye, Non-Uniform Random Variates, X.4.2)."""
    events = np.int64(0)
    place, scale = 0.0, math.log1p(-probability)
    while True:
        place += math.floor(math.log(unit_real(context)) / scale) + 1.0
        if place > trials:
            return events
        events += 1


@lean_kernel
def draw_binomial(context: Any, trials: np.int64, probability: float) -> np.int64:
    """Draw how many of some independent trials succeed.

    Exact up to `FEW` trials, and where less than `RARE` successes or failures are to be expected;
    beyond, the rounded normal distribution of the same mean and variance (whose distance from the
    binomial is below 0.6 / sqrt(n p (1 - p)), Berry and Esseen: below 0.08 here).

    Args:
        context: A record with a generator, ``rng`` and ``draws``.
        trials: Number of trials, 0 or more.
        probability: Probability of success.

    Example:
        >>> from damosrl.emulator.state import CONTEXT
        >>> int(draw_binomial(np.zeros(1, CONTEXT)[0], np.int64(7), 1.0))
        7
    """
    if trials <= 0 or probability <= 0.0:
        return np.int64(0)
    if probability >= 1.0:
        return np.int64(trials)
    if probability > 0.5:
        return np.int64(trials) - _up_to_half(context, np.int64(trials), 1.0 - probability)
    return _up_to_half(context, np.int64(trials), probability)


@lean_kernel
def _up_to_half(context: Any, trials: np.int64, probability: float) -> np.int64:
    mean = trials * probability
    if trials <= FEW:
        events, _ = binomial(stream(context), trials, threshold_of(probability))
        return np.int64(events)
    if mean < RARE:
        return rare_events(context, trials, probability)
    radius = math.sqrt(-2.0 * math.log(unit_real(context)) * mean * (1.0 - probability))
    value = mean + radius * math.cos(2.0 * math.pi * unit_real(context))
    return np.int64(min(max(math.floor(value + 0.5), 0.0), float(trials)))
