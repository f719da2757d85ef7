"""The moving sum of kernel 6.12, which is kept in every region (semantics 1.13).

Each check does ``bp := bp - last * 10000 // n + (10000 if accessed)`` in 32 bits. What is
done before the checks takes the present counts out, what is done after them puts the new ones in,
be it one sample or many.
"""

import numpy as np

from damosrl.emulator.arithmetic import BASIS, MASK_32, U, at_least_one
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.state import EngineState


@inner_kernel
def begin_moving_sums(state: EngineState, c: int) -> None:
    """Take the counts of the running window out of the moving sums."""
    regions = state.regions
    for r in range(regions.nr_regions[c]):
        without = U(regions.nr_accesses_bp[c, r]) - U(regions.nr_accesses[c, r]) * BASIS
        regions.nr_accesses_bp[c, r] = np.uint32(without & MASK_32)


@inner_kernel
def end_moving_sums(state: EngineState, c: int, samples: np.uint64) -> None:
    """Put the new counts in, and take out the last window's share of some samples."""
    context, regions = state.contexts[c], state.regions
    window = at_least_one(context.aggr_us // at_least_one(context.sample_us))
    for r in range(regions.nr_regions[c]):
        share = ((U(regions.last_nr_accesses[c, r]) * BASIS) & MASK_32) // window
        total = U(regions.nr_accesses_bp[c, r]) + U(regions.nr_accesses[c, r]) * BASIS
        regions.nr_accesses_bp[c, r] = np.uint32((total - share * samples) & MASK_32)
