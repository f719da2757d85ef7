"""Observations that two forms of one policy are compared on, extremes included."""

import numpy as np

from damosrl.knobs import Float32Array, FloatArray

COUNT = 10_000
BEYOND = 10.0
"""Features lie in [-1, 1]; a fifth of the observations leaves it by up to this factor."""


def probe_observations(
    width: int, generator: np.random.Generator, count: int = COUNT
) -> Float32Array:
    """Draw observations ``(count, width)`` float32.

    All -1, all +1, all zero, all NaN, and every feature alone at -1, +1 and NaN come first. The
    rest are corners of the range, values inside it, values beyond it, and values with gaps.

    Args:
        width: Number of features d.
        generator: Where the rest is drawn from.
        count: How many; more than ``4 + 3 d``.

    Example:
        >>> probe_observations(3, np.random.default_rng(0)).shape
        (10000, 3)
    """
    fixed = _fixed(width)
    sizes = np.full(5, (count - len(fixed)) // 5)
    sizes[-1] += count - len(fixed) - sizes.sum()
    inside, beyond, corners, gaps, small = (
        generator.uniform(-1.0, 1.0, (size, width)) for size in sizes.tolist()
    )
    beyond *= BEYOND
    corners = np.sign(corners)
    gaps[generator.random(gaps.shape) < 0.2] = np.nan
    small *= 0.01
    drawn = np.concatenate([fixed, inside, beyond, corners, gaps, small])
    return drawn.astype(np.float32)


def _fixed(width: int) -> FloatArray:
    values = (-1.0, 1.0, np.nan)
    uniform = [np.full((1, width), value) for value in (*values, 0.0)]
    alone = [np.where(np.eye(width, dtype=np.bool_), value, 0.0) for value in values]
    return np.concatenate([*uniform, *alone])
