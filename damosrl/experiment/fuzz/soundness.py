"""What holds in a running context whatever its document says."""

from collections.abc import Iterable, Iterator

import numpy as np

from damosrl.damon import Context
from damosrl.emulator.state import EngineState
from damosrl.emulator.targets import aligned_ranges


def violations(state: EngineState, c: int, context: Context) -> list[str]:
    """Return, in words, what should hold of a context and does not.

    Regions are sorted, disjoint, on the grid of the smallest region and cover the targets; counts
    stay below the samples of a window; a window is charged no more than its effective quota; what
    was applied was tried.

    Args:
        state: The engine.
        c: Context.
        context: What it was loaded with.
    """
    return [*_regions(state, c, context), *_counts(state, c), *_schemes(state, c, context)]


def _regions(state: EngineState, c: int, context: Context) -> Iterator[str]:
    used = int(state.regions.nr_regions[c])
    start, end = state.regions.start[c, :used], state.regions.end[c, :used]
    target = state.regions.target[c, :used]
    if np.any(start >= end):
        yield "a region is empty"
    if np.any(np.diff(target) < 0):
        yield "targets are out of order"
    if np.any((start | end) % np.uint64(context.min_region_sz)):
        yield "a border is off the grid of min_region_sz"
    for index, item in enumerate(context.targets):
        mine = target == index
        covered = joined(zip(start[mine].tolist(), end[mine].tolist(), strict=True))
        ranges = [(one.start, one.end) for one in item.regions]
        if covered != joined(aligned_ranges(ranges, context.min_region_sz)):
            yield f"regions do not cover target {index}, or overlap"


def joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join ranges that touch, in the order given.

    Example:
        >>> joined([(0, 4), (4, 6), (8, 9)])
        [(0, 6), (8, 9)]
    """
    whole: list[tuple[int, int]] = []
    for low, high in ranges:
        if whole and whole[-1][1] == low:
            whole[-1] = (whole[-1][0], high)
        else:
            whole.append((low, high))
    return whole


def _counts(state: EngineState, c: int) -> Iterator[str]:
    used, record = int(state.regions.nr_regions[c]), state.contexts[c]
    most = max(int(record["aggr_us"]) // max(int(record["sample_us"]), 1), 1)
    for name in ("nr_accesses", "last_nr_accesses"):
        if np.any(getattr(state.regions, name)[c, :used] > most):
            yield f"{name} is above {most} samples"


def _schemes(state: EngineState, c: int, context: Context) -> Iterator[str]:
    for s, scheme in enumerate(context.schemes):
        record, quota = state.schemes[c, s], scheme.quota
        limited = quota.sz_bytes or quota.time_ms or quota.goals
        dear = quota.fail_charge_denom and quota.fail_charge_num > quota.fail_charge_denom
        if limited and not dear and record["charged_sz"] > record["esz"]:
            yield f"scheme {s} was charged more than its quota"
        if record["nr_applied"] > record["nr_tried"] or record["sz_applied"] > record["sz_tried"]:
            yield f"scheme {s} applied more than it tried"
