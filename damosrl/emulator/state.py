"""The engine's memory: every context of every machine in flat arrays, context axis first.

A context ``c = machine * K + kdamond`` is one kdamond. Regions are columns (struct of arrays,
walked by hot loops); parameters and counters are structured arrays, one record per context, scheme,
goal or filter. In Python ``state.schemes["esz"]`` is the column ``(C, S)`` of all effective
quotas; in kernels ``state.schemes[c, s].esz`` is one of them.

All quantities are unsigned 64 bit as in the kernel unless noted; flags and indices are int64.
"""

from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EXACT = 0
"""Monitor mode: one random address per region and sample, as the kernel does."""
FAST = 1
"""Monitor mode: one binomial draw per region for all samples between two events."""

RUNNING = 0
"""Status: all is well."""
REGIONS_FULL = 1
"""Status: a region had to be split and the region capacity was used up."""

NO_TARGET = -1
"""Charge cursor that points nowhere."""

MAX_SCORE = 99
"""DAMOS_MAX_SCORE of include/linux/damon.h; the histogram has one bucket more."""


def code_of(member: StrEnum) -> int:
    """Return the code of an action, goal metric, tuner or filter type: its place in the kernel.

    Example:
        >>> from damosrl.damon import Action
        >>> code_of(Action.MIGRATE_HOT)
        8
    """
    return list(type(member)).index(member)


def _record(unsigned: str, signed: str = "", real: str = "") -> np.dtype[np.void]:
    fields = [(name, "u8") for name in unsigned.split()]
    fields += [(name, "i8") for name in signed.split()]
    fields += [(name, "f8") for name in real.split()]
    return np.dtype(fields)


CONTEXT = _record(
    # attributes
    "sample_us aggr_us ops_update_us min_nr_regions max_nr_regions min_region_sz "
    "goal_access_bp goal_aggrs goal_min_sample_us goal_max_sample_us "
    # clock: virtual time, and counters in passed sampling intervals (semantics 1.1)
    "aggr_samples now_us passed next_aggr next_ops next_tune "
    # generator, what the split step remembers, size cap of the next merge
    "rng draws last_nr_regions rotation sz_limit",
    "nr_targets nr_schemes monitor paused status",
    "overshoot",
)
"""One context. ``monitor`` is EXACT or FAST; a sleep of d lasts d * ``overshoot``, rounded.

``last_nr_regions`` and ``rotation`` are one pair for all kdamonds in the kernel; here each context
has its own, as if it were alone, so that contexts may run one after the other or in threads.
"""

SCHEME = _record(
    # access pattern, closed ranges: bytes, samples, aggregation intervals
    "apply_interval_us min_sz max_sz min_nr_accesses max_nr_accesses min_age max_age "
    # quota
    "quota_ms quota_bytes reset_interval_ms weight_sz weight_nr_accesses weight_age "
    "fail_charge_num fail_charge_denom "
    # watermarks
    "wmark_interval_us wmark_high wmark_mid wmark_low max_nr_snapshots "
    # quota state
    "next_apply esz esz_bp min_score charged_sz charged_from total_charged_sz total_charged_ns "
    "cursor_addr "
    # life-time statistics (semantics 2.13)
    "nr_tried sz_tried nr_applied sz_applied sz_ops_filter_passed qt_exceeds nr_snapshots",
    # goals in force (0 when they are left out) and goals of the document; flags
    "action target_nid tuner nr_goals nr_goals_defined nr_filters default_reject "
    "wmark_metric activated cursor_target",
)
"""One scheme: parameters in force and state. ``charged_from`` is in ticks of 1 ms."""

GOAL = _record("target_value current_value base", "metric nid has_base")
"""One quota goal; ``base`` is the PSI total at the previous evaluation."""

FILTER = _record("start end", "type target_idx matching allow")
"""One core filter."""


class Regions(NamedTuple):
    """The regions of all contexts, sorted by target, then by address, padded to R.

    Args:
        nr_regions: Regions in use, ``(C,)`` int64.
        start: First byte, ``(C, R)`` uint64.
        end: One past the last byte, ``(C, R)`` uint64.
        nr_accesses: Accesses counted in the running aggregation, ``(C, R)`` uint32.
        last_nr_accesses: Count of the previous aggregation, ``(C, R)`` uint32.
        age: Aggregation intervals, ``(C, R)`` uint32.
        target: Index of the monitoring target, ``(C, R)`` int64.
    """

    nr_regions: NDArray[np.int64]
    start: NDArray[np.uint64]
    end: NDArray[np.uint64]
    nr_accesses: NDArray[np.uint32]
    last_nr_accesses: NDArray[np.uint32]
    age: NDArray[np.uint32]
    target: NDArray[np.int64]


class EngineState(NamedTuple):
    """Everything the engine knows, for C contexts.

    Args:
        regions: The regions.
        contexts: `CONTEXT` records ``(C,)``.
        schemes: `SCHEME` records ``(C, S)``.
        goals: `GOAL` records ``(C, S, G)``.
        filters: `FILTER` records ``(C, S, F)``.
        hit_probability: Scratch of the fast monitor, ``(C, R)``.
        scratch: Words by region, of use within one step only, ``(C, 2, R)``.
        score_bytes: Bytes by priority score of the last quota adjustment, ``(C, 100)``.
    """

    regions: Regions
    contexts: NDArray[np.void]
    schemes: NDArray[np.void]
    goals: NDArray[np.void]
    filters: NDArray[np.void]
    hit_probability: NDArray[np.float64]
    scratch: NDArray[np.uint64]
    score_bytes: NDArray[np.uint64]


def allocate(
    contexts: int,
    *,
    region_capacity: int = 2048,
    schemes: int = 1,
    goals: int = 1,
    filters: int = 1,
) -> EngineState:
    """Make room for some contexts; load each with `damosrl.emulator.loading.load_context`.

    Args:
        contexts: Number of contexts C.
        region_capacity: Regions R a context may have. The kernel has no such limit: twice
            ``max_nr_regions`` is rarely exceeded, more by filters and quotas that cut regions.
        schemes: Schemes S per context, at least 1.
        goals: Goals G per scheme, at least 1.
        filters: Core filters F per scheme, at least 1.

    Example:
        >>> allocate(2, region_capacity=100).regions.start.shape
        (2, 100)
    """
    schemes, goals, filters = max(schemes, 1), max(goals, 1), max(filters, 1)
    shape = (contexts, region_capacity)
    return EngineState(
        regions=Regions(
            nr_regions=np.zeros(contexts, np.int64),
            start=np.zeros(shape, np.uint64),
            end=np.zeros(shape, np.uint64),
            nr_accesses=np.zeros(shape, np.uint32),
            last_nr_accesses=np.zeros(shape, np.uint32),
            age=np.zeros(shape, np.uint32),
            target=np.zeros(shape, np.int64),
        ),
        contexts=np.zeros(contexts, CONTEXT),
        schemes=np.zeros((contexts, schemes), SCHEME),
        goals=np.zeros((contexts, schemes, goals), GOAL),
        filters=np.zeros((contexts, schemes, filters), FILTER),
        hit_probability=np.zeros(shape),
        scratch=np.zeros((contexts, 2, region_capacity), np.uint64),
        score_bytes=np.zeros((contexts, MAX_SCORE + 1), np.uint64),
    )
