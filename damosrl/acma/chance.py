"""Random numbers of a machine: splitmix64 (Steele, Lea, Flood, OOPSLA 2014), state in an array."""

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.compiling import kernel

Stream = NDArray[np.uint64]
"""State of one machine's generator, ``(1,)``."""


@kernel
def draw(stream: Stream) -> np.uint64:
    """Draw 64 random bits."""
    stream[0] += np.uint64(0x9E3779B97F4A7C15)
    bits = stream[0]
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


@kernel
def below(stream: Stream, bound: int) -> int:
    """Draw a whole number of 0 .. bound - 1; the bias is below bound / 2^53."""
    return int(float(draw(stream) >> np.uint64(11)) * (bound / 9007199254740992.0))


@kernel
def unit(stream: Stream) -> float:
    """Draw a number of [0, 1)."""
    return float(draw(stream) >> np.uint64(11)) / 9007199254740992.0


@kernel
def rounded(stream: Stream, value: float) -> int:
    """Round to one of the two whole numbers beside a value, so that the mean is the value."""
    whole = int(np.floor(value))
    return whole + int(unit(stream) < value - whole)
