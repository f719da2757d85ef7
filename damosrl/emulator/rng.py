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
LANES = 64


@inner_kernel
def advance(context: Any) -> None:
    """Step the generator: x := x * 6364136223846793005 + 1442695040888963407 (Knuth, MMIX)."""
    context.rng = context.rng * U(6364136223846793005) + U(1442695040888963407)
    context.draws += ONE


@inner_kernel
def draw(context: Any) -> np.uint64:
    """Return 32 random bits: the high half of the new state."""
    advance(context)
    bits: np.uint64 = context.rng >> HALF
    return bits


@lean_kernel
def rand(context: Any, low: np.uint64, high: np.uint64) -> np.uint64:
    """Return a number uniform in [low, high) as damon_rand of kernel 7.3 does.

    One draw d for spans below 2^32: low + (d * span >> 32). Otherwise two, the first is the high
    half of D: low + (D * span >> 64).
    """
    span = high - low
    if span <= LOW_WORD:
        return low + ((draw(context) * span) >> HALF)
    first = draw(context)
    second = draw(context)
    # (first * 2^32 + second) * span >> 64 in parts of 32 bits
    span_high, span_low = span >> HALF, span & LOW_WORD
    low_product = second * span_low
    middle = first * span_low + (low_product >> HALF)
    other = second * span_high + (middle & LOW_WORD)
    return low + first * span_high + (middle >> HALF) + (other >> HALF)


@inner_kernel
def word(context: Any) -> np.uint64:
    """Return 64 random bits: the new state through O'Neill's RXS-M-XS permutation (PCG, 2014)."""
    advance(context)
    x: np.uint64 = context.rng
    x = ((x >> ((x >> U(59)) + U(5))) ^ x) * U(12605985483714917081)
    return x ^ (x >> U(43))


@lean_kernel
def count_bits(x: np.uint64) -> np.int64:
    """Return the number of set bits (Warren, Hacker's Delight, 5-1)."""
    x = x - ((x >> ONE) & U(0x5555555555555555))
    x = (x & U(0x3333333333333333)) + ((x >> U(2)) & U(0x3333333333333333))
    x = (x + (x >> U(4))) & U(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * U(0x0101010101010101)) >> U(56))


@inner_kernel
def bernoulli_lanes(context: Any, lanes: np.int64, threshold: np.uint64) -> np.int64:
    """Return how many of up to 64 independent trials hit with probability threshold / 2^64.

    All trials compare a random binary fraction with the threshold at once, bit by bit from the
    highest; a trial is decided at the first bit that differs, so some log2(lanes) + 2 words do.
    """
    undecided = ~U(0) >> U(LANES - lanes)
    hits = U(0)
    while undecided != U(0) and threshold != U(0):
        random = word(context)
        if threshold >> U(63):
            hits |= undecided & ~random
            undecided &= random
        else:
            undecided &= ~random
        threshold <<= ONE
    return count_bits(hits)


@inner_kernel
def binomial(context: Any, trials: np.int64, probability: float) -> np.int64:
    """Return the number of hits in independent trials; draws nothing if the result is certain."""
    if not probability > 0.0:
        return np.int64(0)
    if probability >= 1.0:
        return trials
    threshold = U(probability * 18446744073709551616.0)
    hits = np.int64(0)
    while trials > LANES:
        hits += bernoulli_lanes(context, np.int64(LANES), threshold)
        trials -= LANES
    return hits + bernoulli_lanes(context, trials, threshold)
