"""How often each region is seen accessed in many samples, drawn for all regions at once.

A region's samples do not influence each other, so its count is binomial. A trial is a random
binary fraction below the probability: eight trials lie in the bytes of a word and are compared with
the first byte of the probability together, region after region in vector instructions. One trial
in 256 ties and is decided by its next byte, and so on: the distribution is exact.
"""

import numpy as np

from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.rng import count_bits, nth_word
from damosrl.emulator.state import EngineState

U = np.uint64
LANES = 8
"""Trials in a word."""
TOGETHER = 24
"""Trials drawn in one pass over the regions: three words each."""
ONES = U(0x0101010101010101)
TOP_BITS = U(0x8080808080808080)


@lean_kernel
def bytes_below(x: np.uint64, bound: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Compare the eight bytes of two words; mark the lanes below and those equal by their top bit.

    Unsigned comparison by subtraction within lanes (Warren, Hacker's Delight, 2-12 and 2-18).
    """
    same = ~(x ^ bound)
    difference = ((x | TOP_BITS) - (bound & ~TOP_BITS)) ^ (same & TOP_BITS)
    below = ((~x & bound) | (same & difference)) & TOP_BITS
    equal = ((same & ~TOP_BITS) + ONES) & same & TOP_BITS
    return below, equal


@inner_kernel
def lanes_of(trials: np.int64) -> np.uint64:
    """Mark the lanes that some trials take, none to all eight."""
    if trials <= 0:
        return U(0)
    return TOP_BITS if trials >= LANES else TOP_BITS >> U(8 * (LANES - trials))


@inner_kernel
def threshold_of(probability: float) -> np.uint64:
    """Return a probability in units of 2^-64; what is certain is the business of the caller."""
    return U(min(max(probability, 0.0), 1.0 - 2.0**-53) * 18446744073709551616.0)


@inner_kernel
def binomial(
    start: np.uint64, trials: np.int64, threshold: np.uint64
) -> tuple[np.int64, np.uint64]:
    """Count the hits of some trials of probability threshold / 2^64, one region alone.

    Returns:
        Hits, and where the stream goes on.
    """
    hits = np.int64(0)
    while trials > 0 and threshold != U(0):
        ties = np.int64(0)
        while trials > 0:
            start = nth_word(start, U(1))
            below, equal = bytes_below(start, (threshold >> U(56)) * ONES)
            hits += count_bits(below & lanes_of(trials))
            ties += count_bits(equal & lanes_of(trials))
            trials -= LANES
        trials = ties
        threshold <<= U(8)
    return hits, start


@inner_kernel
def count_hits(state: EngineState, c: int, trials: np.int64, start: np.uint64) -> None:
    """Add the hits of up to `TOGETHER` trials of every region; note those that tied."""
    used = state.regions.nr_regions[c]
    first, second = lanes_of(trials), lanes_of(trials - LANES)
    third = lanes_of(trials - 2 * LANES)
    for r in range(used):
        probability = state.hit_probability[c, r]
        bound = (threshold_of(probability) >> U(56)) * ONES
        below, equal = bytes_below(nth_word(start, U(r)), bound)
        hits, ties = below & first, equal & first
        below, equal = bytes_below(nth_word(start, U(r + used)), bound)
        hits |= (below & second) >> U(1)
        ties |= (equal & second) >> U(1)
        below, equal = bytes_below(nth_word(start, U(r + 2 * used)), bound)
        hits |= (below & third) >> U(2)
        ties |= (equal & third) >> U(2)
        certain = probability >= 1.0
        state.regions.nr_accesses[c, r] += np.uint32(trials if certain else count_bits(hits))
        state.scratch[c, 0, r] = U(0) if certain else ties


@inner_kernel
def decide_ties(state: EngineState, c: int, start: np.uint64) -> None:
    """Draw on for the trials that tied."""
    for r in range(state.regions.nr_regions[c]):
        ties = state.scratch[c, 0, r]
        if ties != U(0):
            threshold = threshold_of(state.hit_probability[c, r]) << U(8)
            hits, start = binomial(start, count_bits(ties), threshold)
            state.regions.nr_accesses[c, r] += np.uint32(hits)


@inner_kernel
def draw_counts(state: EngineState, c: int, trials: np.int64, start: np.uint64) -> None:
    """Add the hits of some samples to every region's access count.

    Args:
        state: The engine; ``hit_probability`` says how likely a sample of a region hits.
        c: Context.
        trials: Samples.
        start: Start of a random stream of its own.
    """
    used = U(state.regions.nr_regions[c])
    while trials > 0:
        count_hits(state, c, min(trials, np.int64(TOGETHER)), start)
        decide_ties(state, c, nth_word(start, U(3) * used))
        start = nth_word(start, U(3) * used + U(1))
        trials -= TOGETHER
