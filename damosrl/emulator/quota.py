"""Quotas: charge, effective size, windows, minimum score (kernel 7.3; semantics 2.5 - 2.10)."""

from typing import Any

import numpy as np

from damosrl.damon import GoalTuner
from damosrl.emulator.arithmetic import BASIS, MASK_32, U, mult_frac
from damosrl.emulator.filters import REJECTED, core_filter
from damosrl.emulator.goals import goals_score
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.regions import region_moving_sum, size_of
from damosrl.emulator.scores import region_score
from damosrl.emulator.state import MAX_SCORE, EngineState, Regions, code_of
from damosrl.emulator.world import on_esz

ALL_BITS = ~U(0)
TWICE = U(20000)
DEFAULT_BYTES_PER_MS = U(4194304)
FIRST_TICK = U(300000)
"""The kernel's clock starts near here at HZ = 1000; only differences and being non-zero matter."""
NEVER_TICKS = U(4611686018427387902)
"""MAX_JIFFY_OFFSET of include/linux/jiffies.h."""
TEMPORAL = code_of(GoalTuner.TEMPORAL)


@lean_kernel
def feed_loop_next_input(last: np.uint64, score: np.uint64) -> np.uint64:
    """Return the feedback loop's next input, at least 10000 when above goal (semantics 2.8)."""
    if score == BASIS:
        return last
    if score >= TWICE:
        return BASIS
    distance = score - BASIS if score > BASIS else BASIS - score
    fits = last < ALL_BITS // distance
    change = last * distance // BASIS if fits else last // BASIS * distance
    if score > BASIS:
        return max(last - change, BASIS)
    if last < ALL_BITS - change:
        return last + change
    return ALL_BITS


@lean_kernel
def charged_bytes(scheme: Any, size: np.uint64, applied: np.uint64) -> np.uint64:
    """Return what a handled region costs of the quota; failed bytes may be charged at a rate."""
    if scheme.fail_charge_denom == U(0) or applied > size:
        return size
    return applied + mult_frac(size - applied, scheme.fail_charge_num, scheme.fail_charge_denom)


@lean_kernel
def is_set(scheme: Any) -> bool:
    """Tell whether a scheme has any quota; kernel 6.12 asks for an effective one."""
    if scheme.legacy != 0:
        return bool(scheme.esz != U(0))
    return bool(
        scheme.esz != U(0)
        or scheme.quota_bytes != U(0)
        or scheme.quota_ms != U(0)
        or scheme.nr_goals > 0
    )


@lean_kernel
def is_full(context: Any, scheme: Any) -> bool:
    """Tell whether less than one smallest region (6.12: nothing) is left of the quota."""
    if scheme.legacy != 0:
        return bool(scheme.esz != U(0) and scheme.charged_sz >= scheme.esz)
    return is_set(scheme) and (
        scheme.charged_sz >= scheme.esz or scheme.esz - scheme.charged_sz < context.min_region_sz
    )


@inner_kernel
def follow_goals(world: Any, state: EngineState, c: int, s: int) -> np.uint64:
    """Run the goal tuner once; return the size it grants."""
    scheme = state.schemes[c, s]
    score = goals_score(world, state, c, s)
    if scheme.tuner != TEMPORAL:
        scheme.esz_bp = feed_loop_next_input(max(scheme.esz_bp, BASIS), score)
    elif score >= BASIS:
        scheme.esz_bp = U(0)
    elif U(0) < scheme.quota_bytes <= ALL_BITS // BASIS:
        scheme.esz_bp = scheme.quota_bytes * BASIS
    else:
        scheme.esz_bp = ALL_BITS
    granted: np.uint64 = scheme.esz_bp // BASIS
    return granted


@inner_kernel
def set_legacy_quota(world: Any, state: EngineState, c: int, s: int) -> None:
    """Set the effective quota as kernel 6.12: a time quota lifts it to the smallest region."""
    context, scheme = state.contexts[c], state.schemes[c, s]
    size = ALL_BITS
    if scheme.nr_goals > 0:
        score = goals_score(world, state, c, s)
        scheme.esz_bp = feed_loop_next_input(max(scheme.esz_bp, BASIS), score)
        size = scheme.esz_bp // BASIS
    if scheme.quota_ms != U(0):
        per_ms = DEFAULT_BYTES_PER_MS
        if scheme.total_charged_ns != U(0):
            per_ms = scheme.total_charged_sz * U(1000000) // scheme.total_charged_ns
        size = max(min(size, per_ms * scheme.quota_ms), context.min_region_sz)
    if U(0) < scheme.quota_bytes < size:
        size = scheme.quota_bytes
    scheme.esz = size


@lean_kernel
def set_effective_quota(world: Any, state: EngineState, c: int, s: int) -> None:
    """Set the scheme's effective quota: the smallest of goals, time and bytes."""
    context, scheme = state.contexts[c], state.schemes[c, s]
    if scheme.quota_ms == U(0) and scheme.nr_goals == 0:
        scheme.esz = scheme.quota_bytes
        return
    if scheme.legacy != 0:
        set_legacy_quota(world, state, c, s)
        return
    size = ALL_BITS
    if scheme.nr_goals > 0:
        size = follow_goals(world, state, c, s)
    if scheme.quota_ms != U(0):
        per_ms = DEFAULT_BYTES_PER_MS
        if scheme.total_charged_ns != U(0):
            per_ms = mult_frac(scheme.total_charged_sz, U(1000000), scheme.total_charged_ns)
        size = min(size, max(per_ms * scheme.quota_ms, context.min_region_sz))
    if U(0) < scheme.quota_bytes < size:
        size = scheme.quota_bytes
    scheme.esz = size


@inner_kernel
def window_ticks(reset_interval_ms: np.uint64) -> np.uint64:
    """Return the length of a quota window; the kernel cuts it to 32 bits, negative is never."""
    milliseconds = reset_interval_ms & MASK_32
    return NEVER_TICKS if milliseconds >= U(1 << 31) else milliseconds


@inner_kernel
def start_window(world: Any, state: EngineState, c: int, s: int) -> None:
    """Open the first quota window, or the next one if the last is over."""
    context, scheme = state.contexts[c], state.schemes[c, s]
    now = FIRST_TICK + context.now_us // U(1000)
    if scheme.total_charged_sz == U(0) and scheme.charged_from == U(0):
        scheme.charged_from = now
        if scheme.legacy == 0:  # 6.12 leaves the first window without a limit
            set_effective_quota(world, state, c, s)
            on_esz(world, state, c, s)
    if now - scheme.charged_from < window_ticks(scheme.reset_interval_ms):
        return
    if is_full(context, scheme):
        scheme.qt_exceeds += U(1)
    scheme.total_charged_sz += scheme.charged_sz
    scheme.charged_sz = U(0)
    scheme.charged_from = now
    before = scheme.esz
    set_effective_quota(world, state, c, s)
    if scheme.esz != before:
        on_esz(world, state, c, s)


@inner_kernel
def matches(regions: Regions, context: Any, scheme: Any, c: int, r: int) -> bool:
    """Tell whether a region has the scheme's access pattern (closed ranges)."""
    size = size_of(regions, c, r)
    if size < scheme.min_sz or size > scheme.max_sz:
        return False
    age = U(regions.age[c, r])
    if age < scheme.min_age or age > scheme.max_age:
        return False
    count = region_moving_sum(regions, context, c, r)
    return bool(scheme.min_nr_accesses <= count <= scheme.max_nr_accesses)


@inner_kernel
def fill_histogram(state: EngineState, c: int, s: int) -> np.int64:
    """Sum the bytes the scheme may handle by priority; return the highest score in use."""
    context, scheme, regions = state.contexts[c], state.schemes[c, s], state.regions
    state.score_bytes[c, :] = U(0)
    highest = np.int64(0)
    r = int(np.int64(0))  # not a literal: those would compile every callee twice
    while r < regions.nr_regions[c]:
        if matches(regions, context, scheme, c, r):
            verdict = np.int64(0)
            if scheme.legacy == 0:  # the histogram of 6.12 knows no filters
                verdict, r = core_filter(state, c, s, r, r)
            if verdict != REJECTED:
                score = np.int64(region_score(regions, context, scheme, c, r))
                state.score_bytes[c, score] += size_of(regions, c, r)
                highest = max(highest, score)
        r += 1
    return min(highest, np.int64(MAX_SCORE))


@lean_kernel
def set_min_score(state: EngineState, c: int, s: int) -> None:
    """Find the lowest score that still fits the quota, from the highest down."""
    scheme = state.schemes[c, s]
    score = fill_histogram(state, c, s)
    total = state.score_bytes[c, score]
    while score > 0 and total < scheme.esz:
        score -= 1
        total += state.score_bytes[c, score]
    scheme.min_score = U(score)


@inner_kernel
def adjust_quota(world: Any, state: EngineState, c: int, s: int) -> None:
    """Bring a due scheme's quota up to date before it is applied."""
    scheme = state.schemes[c, s]
    limited = is_set(scheme)
    if scheme.legacy != 0:  # 6.12 asks for the parameters alone here
        limited = scheme.quota_ms != U(0) or scheme.quota_bytes != U(0) or scheme.nr_goals > 0
    if not limited:
        return
    start_window(world, state, c, s)
    set_min_score(state, c, s)
