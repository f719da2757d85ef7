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

from damosrl.damon import Ops
from damosrl.emulator.probe_state import OUTCOMES, allocate_probes

EXACT = 0
"""Monitor mode: one random address per region and sample, as the kernel does."""
FAST = 1
"""Monitor mode: one binomial draw per region for all samples between two events."""

RUNNING = 0
"""Status: all is well."""
REGIONS_FULL = 1
"""Status: a region had to be split and the region capacity was used up."""
TOO_MANY_CUTS = 2
"""Status: one pass of the schemes cut regions more often than ``cut_limit``."""
TOO_MUCH_WORK = 3
"""Status: one call looked at regions more often than ``work_limit`` per emulated second."""
ENDED = 4
"""Status: the kdamond has ended by itself; its time passes and nothing else happens."""

AT_TOP = 0
"""Phase: the next thing is a whole iteration of the main loop."""
AT_WATERMARKS = 1
"""Phase: a sleep of the watermark wait is over; requests come next."""
AT_PAUSE = 2
"""Phase: a sleep of the pause is over; requests come next, then the rest of an iteration."""

WAKE = 1
"""Request bit: the commit of numbers that are in force already; it activates all schemes."""
COMMIT_GOALS = 2
"""Request bit: commit the staged quota goals (``commit_schemes_quota_goals``)."""
COMMIT = 4
"""Request bit: commit everything that is staged."""

NO_WALK = 0
WALK_PENDING = 1
WALK_DONE = 2
WALK_CANCELLED = 3
"""States of a context's tried-regions request."""

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


VADDR, PADDR = code_of(Ops.VADDR), code_of(Ops.PADDR)
"""Codes of operation sets."""


def _record(unsigned: str, signed: str = "", real: str = "") -> np.dtype[np.void]:
    fields = [(name, "u8") for name in unsigned.split()]
    fields += [(name, "i8") for name in signed.split()]
    fields += [(name, "f8") for name in real.split()]
    return np.dtype(fields)


CONTEXT = _record(
    # attributes
    "sample_us aggr_us ops_update_us min_nr_regions max_nr_regions min_region_sz addr_unit "
    "goal_access_bp goal_aggrs goal_min_sample_us goal_max_sample_us "
    # clock: virtual time, and counters in passed sampling intervals (semantics 1.1)
    "aggr_samples now_us passed next_aggr next_ops next_tune "
    # generator, what the split step remembers, size cap of the next merge
    "rng draws last_nr_regions rotation sz_limit "
    # what the present iteration may complete: window, ops update; shortest wait of the present
    # watermark wait; limits of work
    "window_end ops_end wmark_wait_us cut_limit work_limit pieces",
    "ops nr_targets nr_schemes monitor paused status "
    # where the main loop stands, what is asked of it, the tried-regions request
    "nr_probes weighted phase request walk walk_row walk_count legacy",
    "overshoot",
)
"""One context. ``ops`` is a code of `Ops`; ``monitor`` is EXACT or FAST; a sleep of d lasts
d * ``overshoot``, rounded.

``pieces`` counts what the schemes' passes have handled since the engine last looked. ``request``
has the bits WAKE, COMMIT_GOALS and COMMIT. ``walk_row`` is the context's row of
``EngineState.tried`` (-1: bytes only), ``walk_count`` how many pieces were reported to it.
``legacy`` is 1 for a kernel 6.12 (`damosrl.emulator.releases`), in every scheme's record as well.

``last_nr_regions`` and ``rotation`` are one pair for all kdamonds in the kernel; here each context
has its own, as if it were alone, so that contexts may run one after the other or in threads.
"""

_SCHEME_STATE = (
    # quota state
    "next_apply esz esz_bp min_score charged_sz charged_from total_charged_sz total_charged_ns "
    "cursor_addr "
    # life-time statistics (semantics 2.13)
    "nr_tried sz_tried nr_applied sz_applied sz_ops_filter_passed qt_exceeds nr_snapshots "
    # bytes reported to the tried-regions request; the world's note of the last folio of a pass
    "walk_bytes last_applied"
)
_SCHEME_STATE_FLAGS = "cursor_target walk_done core_filters_allowed"
_SCHEME_GOALS = "nr_goals nr_goals_defined"

SCHEME = _record(
    # access pattern, closed ranges: bytes, samples, aggregation intervals
    "apply_interval_us min_sz max_sz min_nr_accesses max_nr_accesses min_age max_age "
    # quota
    "quota_ms quota_bytes reset_interval_ms weight_sz weight_nr_accesses weight_age "
    "fail_charge_num fail_charge_denom "
    # watermarks
    "wmark_interval_us wmark_high wmark_mid wmark_low max_nr_snapshots " + _SCHEME_STATE,
    # goals in force (0 when they are left out) and goals of the document; flags
    f"action target_nid nr_dests tuner {_SCHEME_GOALS} nr_filters default_reject "
    "nr_ops_filters ops_default_reject "
    f"wmark_metric activated legacy {_SCHEME_STATE_FLAGS}",
)
"""One scheme: parameters in force and state. ``charged_from`` is in ticks of 1 ms.

Its core filters are the first ``nr_filters`` ones, those of the operations layer follow.
``core_filters_allowed`` is 1 while the action runs on a region that a core filter has let pass."""

SCHEME_STATE = frozenset(f"{_SCHEME_STATE} {_SCHEME_STATE_FLAGS} {_SCHEME_GOALS}".split())
"""Fields of a scheme that a commit does not overwrite as a parameter (semantics 2.14).

Goals are committed apart, with their numbers.
"""

GOAL = _record("target_value current_value base", "metric nid memcg has_base")
"""One quota goal; ``base`` is the PSI total at the previous evaluation."""

FILTER = _record("start end", "type target_idx memcg matching allow")
"""One filter; ``start`` and ``end`` are addresses, or the smallest and largest folio in bytes."""

DEST = _record("weight", "nid")
"""One of several destinations of a migration."""

TARGET = _record("", "pid obsolete first_range nr_ranges")
"""One staged target: its ranges in ``Staged.ranges``; none means that its regions stay."""

AREAS = 3
"""Ranges that the three-regions rule gives a target (semantics 1.4)."""

TRIED = _record("start end nr_accesses age sz_filter_passed probe_hits", "scheme target")
"""One piece of memory that a scheme was applied to, as tried_regions reports it; probe hits have 8
bits each."""


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
        hits: Counters of 8 bits in a word: hits of each probe in the running aggregation, lowest
            byte first, then in the one before it, ``(C, R)`` uint64; no columns where no context
            has probes.
        nr_accesses_bp: Moving sum in 1/10000 as kernel 6.12 keeps it, ``(C, R)`` uint32; no
            columns where no context needs it.
    """

    nr_regions: NDArray[np.int64]
    start: NDArray[np.uint64]
    end: NDArray[np.uint64]
    nr_accesses: NDArray[np.uint32]
    last_nr_accesses: NDArray[np.uint32]
    age: NDArray[np.uint32]
    target: NDArray[np.int64]
    hits: NDArray[np.uint64]
    nr_accesses_bp: NDArray[np.uint32]


class Staged(NamedTuple):
    """What waits to be committed; rows of contexts that never committed anything are unused.

    There are no rows at all until the first commit (`damosrl.emulator.staging`).

    Args:
        contexts: Attributes, ``(C,)`` `CONTEXT`.
        schemes: ``(C, S)`` `SCHEME`, parameters only.
        scheme_words: The same memory as words, ``(C, S, W)`` uint64, a word per field.
        goals: ``(C, S, G)`` `GOAL`.
        filters: ``(C, S, F)`` `FILTER`.
        dests: ``(C, S, D)`` `DEST`.
        targets: ``(C, T)`` `TARGET`.
        ranges: ``(C, 2, Q)`` uint64, starts and ends, aligned, ascending within a target.
    """

    contexts: NDArray[np.void]
    schemes: NDArray[np.void]
    scheme_words: NDArray[np.uint64]
    goals: NDArray[np.void]
    filters: NDArray[np.void]
    dests: NDArray[np.void]
    targets: NDArray[np.void]
    ranges: NDArray[np.uint64]


class EngineState(NamedTuple):
    """Everything the engine knows, for C contexts.

    Args:
        regions: The regions.
        contexts: `CONTEXT` records ``(C,)``.
        schemes: `SCHEME` records ``(C, S)``.
        scheme_words: The same memory as words, ``(C, S, W)`` uint64, a word per field.
        goals: `GOAL` records ``(C, S, G)``.
        filters: `FILTER` records ``(C, S, F)``.
        dests: `DEST` records ``(C, S, D)``.
        probes: What the contexts probe for, `PROBE` records ``(C, 2, 4, F)``, in force and staged.
        outcomes: Scratch of the fast monitor: shares of one region by what its pages are to the
            probes, and the same times their hit probability, ``(C, 2, 16)``.
        pids: Process of each target, ``(C, T)``; of no meaning for physical memory.
        hit_probability: Scratch of the fast monitor, ``(C, R)``.
        scratch: Words by region, of use within one step only, ``(C, 2, R)``.
        score_bytes: Bytes by priority score of the last quota adjustment, ``(C, 100)``.
        staged: What is to be committed.
        tried: `TRIED` records ``(Q, W)`` of the contexts whose regions were asked for.
    """

    regions: Regions
    contexts: NDArray[np.void]
    schemes: NDArray[np.void]
    scheme_words: NDArray[np.uint64]
    goals: NDArray[np.void]
    filters: NDArray[np.void]
    dests: NDArray[np.void]
    probes: NDArray[np.void]
    outcomes: NDArray[np.float64]
    pids: NDArray[np.int64]
    hit_probability: NDArray[np.float64]
    scratch: NDArray[np.uint64]
    score_bytes: NDArray[np.uint64]
    staged: Staged
    tried: NDArray[np.void]


def words_of(records: NDArray[np.void]) -> NDArray[np.uint64]:
    """Return records as words, one more axis: every field is one word."""
    fields = len(records.dtype.names or ())
    return records.view(np.uint64).reshape(*records.shape, fields)


def allocate_staged(contexts: int, schemes: int, goals: int, filters: int, dests: int) -> Staged:
    """Make room for what is to be committed to some contexts."""
    records = np.zeros((contexts, schemes), SCHEME)
    return Staged(
        contexts=np.zeros(contexts, CONTEXT),
        schemes=records,
        scheme_words=words_of(records),
        goals=np.zeros((contexts, schemes, goals), GOAL),
        filters=np.zeros((contexts, schemes, filters), FILTER),
        dests=np.zeros((contexts, schemes, dests), DEST),
        targets=np.zeros((contexts, 0), TARGET),
        ranges=np.zeros((contexts, 2, 0), np.uint64),
    )


def allocate(
    contexts: int,
    *,
    region_capacity: int = 2048,
    schemes: int = 1,
    goals: int = 1,
    filters: int = 1,
    targets: int = 4,
    dests: int = 0,
    probe_filters: int = 0,
    legacy: bool = False,
) -> EngineState:
    """Make room for some contexts; load each with `damosrl.emulator.loading.load_context`.

    Args:
        contexts: Number of contexts C.
        region_capacity: Regions R a context may have. The kernel has no such limit: twice
            ``max_nr_regions`` is rarely exceeded, more by filters and quotas that cut regions.
        schemes: Schemes S per context, at least 1.
        goals: Goals G per scheme, at least 1.
        filters: Filters F of both layers per scheme, at least 1.
        targets: Targets T per context.
        dests: Destinations D of a scheme's migrations.
        probe_filters: Filters of a probe; 0 makes no room for probes at all.
        legacy: Make room for what kernel 6.12 knows of a region.

    Example:
        >>> allocate(2, region_capacity=100).regions.start.shape
        (2, 100)
    """
    schemes, goals, filters = max(schemes, 1), max(goals, 1), max(filters, 1)
    shape = (contexts, region_capacity)
    records = np.zeros((contexts, schemes), SCHEME)
    return EngineState(
        regions=Regions(
            nr_regions=np.zeros(contexts, np.int64),
            start=np.zeros(shape, np.uint64),
            end=np.zeros(shape, np.uint64),
            nr_accesses=np.zeros(shape, np.uint32),
            last_nr_accesses=np.zeros(shape, np.uint32),
            age=np.zeros(shape, np.uint32),
            target=np.zeros(shape, np.int64),
            hits=np.zeros(shape if probe_filters else (contexts, 0), np.uint64),
            nr_accesses_bp=np.zeros(shape if legacy else (contexts, 0), np.uint32),
        ),
        contexts=np.zeros(contexts, CONTEXT),
        schemes=records,
        scheme_words=words_of(records),
        goals=np.zeros((contexts, schemes, goals), GOAL),
        filters=np.zeros((contexts, schemes, filters), FILTER),
        dests=np.zeros((contexts, schemes, dests), DEST),
        probes=allocate_probes(contexts, probe_filters),
        outcomes=np.zeros((contexts, 2, OUTCOMES)),
        pids=np.zeros((contexts, targets), np.int64),
        hit_probability=np.zeros(shape),
        scratch=np.zeros((contexts, 2, region_capacity), np.uint64),
        score_bytes=np.zeros((contexts, MAX_SCORE + 1), np.uint64),
        staged=allocate_staged(0, schemes, goals, filters, dests),
        tried=np.zeros((0, 0), TRIED),
    )
