"""Priority of a region under a quota (kernel 7.3, mm/damon/ops-common.c; semantics 2.10)."""

from typing import Any

import numpy as np

from damosrl.damon import Action
from damosrl.emulator.arithmetic import MASK_32, U, at_least_one
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.regions import region_moving_sum
from damosrl.emulator.state import MAX_SCORE, Regions, code_of

HIGHEST = U(MAX_SCORE)
SUBSCORE = U(100)
NEGATIVE = U(1 << 31)
"""The kernel's score is an int before it is clamped: from here on it is below 0."""
HOT_ACTIONS = (code_of(Action.LRU_PRIO), code_of(Action.MIGRATE_HOT))
COLD_ACTIONS = (
    code_of(Action.PAGEOUT),
    code_of(Action.LRU_DEPRIO),
    code_of(Action.MIGRATE_COLD),
)


@inner_kernel
def age_in_log(seconds: np.uint64) -> np.int64:
    """Return the number of bits of an age in seconds, at most 32."""
    bits = np.int64(0)
    while seconds != U(0):
        seconds >>= U(1)
        bits += 1
    return bits


@lean_kernel
def hot_score(context: Any, scheme: Any, count: np.uint64, age: np.uint32) -> np.uint64:
    """Return how hot a region is, 0..99, by its access count (moving sum) and age."""
    samples = at_least_one(context.aggr_us // at_least_one(context.sample_us))
    frequency = ((count * SUBSCORE) & MASK_32) // samples
    lg = age_in_log((U(age) * context.aggr_us // U(1000000)) & MASK_32)
    if frequency == U(0):
        lg = -lg
    age_score = U((lg + 32) * 100 // 32 // 2)
    weight_count, weight_age = scheme.weight_nr_accesses & MASK_32, scheme.weight_age & MASK_32
    hotness = (weight_count * frequency + weight_age * age_score) & MASK_32
    weights = (weight_count + weight_age) & MASK_32
    if weights != U(0):
        hotness //= weights
    scaled = (hotness * HIGHEST) & MASK_32
    if scaled >= NEGATIVE:
        return U(0)
    return min(scaled // SUBSCORE, HIGHEST)


@inner_kernel
def region_score(regions: Regions, context: Any, scheme: Any, c: int, r: int) -> np.uint64:
    """Return the priority of a region for a scheme's action, 0..99."""
    action = scheme.action
    hot = action in HOT_ACTIONS
    cold = action in COLD_ACTIONS
    if not hot and not cold:
        return HIGHEST
    score = hot_score(context, scheme, region_moving_sum(regions, context, c, r), regions.age[c, r])
    return score if hot else HIGHEST - score
