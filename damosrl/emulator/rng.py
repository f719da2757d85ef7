"""Random numbers of the engine: a 64-bit linear congruential generator per context.

Draw order is part of the engine's interface: one `rand` per region and sample in exact mode, one
per attempt in the split step. Conformance cases check the number of draws and the final state.
"""

from typing import Any

import numpy as np

from damosrl.emulator.jit import inner_kernel, lean_kernel

U = np.uint64
LOW_WORD = U(0xFFFFFFFF)
HALF = U(32)
ONE = U(1)


@inner_kernel
def lcg(x: np.uint64) -> np.uint64:
    """Step the generator: x := x * 6364136223846793005 + 1442695040888963407 (Knuth, MMIX)."""
    return x * U(6364136223846793005) + U(1442695040888963407)


@inner_kernel
def draw(context: Any) -> np.uint64:
    """Return 32 random bits: the high half of the new state."""
    context.rng = lcg(context.rng)
    context.draws += ONE
    bits: np.uint64 = context.rng >> HALF
    return bits


@inner_kernel
def short_span(x: np.uint64, low: np.uint64, span: np.uint64) -> np.uint64:
    """Return the number in [low, low + span) that a state's high half stands for, span < 2^32."""
    return low + (((x >> HALF) * span) >> HALF)


@lean_kernel
def rand(context: Any, low: np.uint64, high: np.uint64) -> np.uint64:
    """Return a number uniform in [low, high) as damon_rand of kernel 7.3 does.

    One draw d for spans below 2^32: low + (d * span >> 32). Otherwise two, the first is the high
    half of D: low + (D * span >> 64).
    """
    span = high - low
    if span <= LOW_WORD:
        draw(context)
        return short_span(context.rng, low, span)
    first = draw(context)
    second = draw(context)
    # (first * 2^32 + second) * span >> 64 in parts of 32 bits
    span_high, span_low = span >> HALF, span & LOW_WORD
    low_product = second * span_low
    middle = first * span_low + (low_product >> HALF)
    other = second * span_high + (middle & LOW_WORD)
    return low + first * span_high + (middle >> HALF) + (other >> HALF)


@inner_kernel
def stream(context: Any) -> np.uint64:
    """Return the start of a stream of random words, from two draws."""
    high = draw(context)
    return (high << HALF) | draw(context)


@inner_kernel
def nth_word(start: np.uint64, n: np.uint64) -> np.uint64:
    """Return the n-th 64 random bits of a stream (Steele et al., SplitMix64, 2014).

    No word waits for the one before it, so that many are drawn at once by vector instructions.
    """
    z = start + n * U(0x9E3779B97F4A7C15)
    z = (z ^ (z >> U(30))) * U(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
    return z ^ (z >> U(31))


@lean_kernel
def count_bits(x: np.uint64) -> np.int64:
    """Return the number of set bits (Warren, Hacker's Delight, 5-1)."""
    x = x - ((x >> ONE) & U(0x5555555555555555))
    x = (x & U(0x3333333333333333)) + ((x >> U(2)) & U(0x3333333333333333))
    x = (x + (x >> U(4))) & U(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * U(0x0101010101010101)) >> U(56))
