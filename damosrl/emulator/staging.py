"""Asking running contexts for a commit: check the whole document first, then stage it.

Nothing changes on an error. What is staged goes into force at the context's next request slot
(`damosrl.emulator.commit`); staging again before that replaces what was staged.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Attrs, Context, Target
from damosrl.damon.features import OLDEST
from damosrl.emulator.loading import load_attrs, load_operations, load_scheme
from damosrl.emulator.probe_loading import load_probes, make_probe_room, probe_filters_of
from damosrl.emulator.probe_state import STAGED
from damosrl.emulator.releases import refuse_newer
from damosrl.emulator.room import make_room, room_for
from damosrl.emulator.state import COMMIT, COMMIT_GOALS, EngineState
from damosrl.emulator.targets import aligned_ranges
from damosrl.errors import DocumentError, MachineError


def request_commit(
    state: EngineState, contexts: Sequence[int] | NDArray[np.int64], new: Context
) -> EngineState:
    """Ask for an online commit of one context's parameters in some running contexts.

    Statistics, quotas' state, charge cursors and what was learnt about regions stay by the rules of
    semantics 2.14. Intervals are compared with those in force: where tuning has changed them, the
    commit of an untuned document reverts them (see `with_tuned_intervals`).

    Args:
        state: The engine.
        contexts: Indices of running contexts.
        new: The parameters. A target without regions keeps those it has.

    Returns:
        The engine, in larger arrays if the parameters need more room.

    Raises:
        DocumentError: An obsolete target does not exist (EINVAL).
        MachineError: The context uses what its kernel does not know.
    """
    check_commit(state, contexts, new)
    return _stage(state, contexts, new, COMMIT)


def check_commit(
    state: EngineState, contexts: Sequence[int] | NDArray[np.int64], new: Context
) -> None:
    """Refuse what `request_commit` would, without staging anything.

    Raises:
        DocumentError: An obsolete target does not exist (EINVAL).
        MachineError: The context uses what its kernel does not know.
    """
    for c in contexts:
        if state.contexts["legacy"][c]:
            refuse_newer(new, OLDEST)
        _refuse_missing_targets(state, int(c), new)


def request_goals(
    state: EngineState, contexts: Sequence[int] | NDArray[np.int64], new: Context
) -> EngineState:
    """Ask for the commit of quota goals alone (``commit_schemes_quota_goals``).

    Args:
        state: The engine.
        contexts: Indices of running contexts.
        new: Where the goals are taken from, scheme by scheme.

    Returns:
        The engine, in larger arrays if there are more goals.

    Raises:
        MachineError: A whole commit is still waiting for its request slot (EBUSY).
    """
    if np.any(state.contexts["request"][np.asarray(contexts, np.int64)] & COMMIT):
        raise MachineError("a commit is still pending (EBUSY)", fix="let time pass first")
    return _stage(state, contexts, new, COMMIT_GOALS)


def with_tuned_intervals(state: EngineState, c: int, context: Context) -> Context:
    """Return the parameters with the intervals in force, as ``update_tuned_intervals`` does."""
    record = state.contexts[c]
    times = replace(
        context.attrs.intervals,
        sample_us=int(record["sample_us"]),
        aggr_us=int(record["aggr_us"]),
    )
    old = context.attrs
    return replace(context, attrs=Attrs(times, old.min_nr_regions, old.max_nr_regions))


def _refuse_missing_targets(state: EngineState, c: int, new: Context) -> None:
    running = int(state.contexts["nr_targets"][c])
    for index, target in enumerate(new.targets):
        if target.obsolete and index >= running:
            raise DocumentError(
                f"target {index} is obsolete, but the running context has no such target (EINVAL)",
                got=f"obsolete target {index}",
                allowed=f"0..{running - 1}" if running else "none",
                fix="leave the target out",
            )


def _stage(
    state: EngineState,
    contexts: Sequence[int] | NDArray[np.int64],
    new: Context,
    request: int,
) -> EngineState:
    state = make_probe_room(make_room(state, room_for(new)), probe_filters_of([new]))
    rows, staged = np.asarray(contexts, np.int64), state.staged
    if not rows.size:
        return state
    first = int(rows[0])
    record = staged.contexts[first : first + 1]
    tables = (
        staged.contexts,
        staged.schemes,
        staged.goals,
        staged.filters,
        staged.dests,
        staged.targets,
    )
    for table in tables:
        table[first] = np.zeros((), table.dtype)
    record["legacy"] = state.contexts["legacy"][first]
    load_attrs(record, new.attrs)
    load_operations(record, new)
    record["nr_targets"] = len(new.targets)
    record["nr_schemes"] = len(new.schemes)
    record["paused"] = new.pause
    load_probes(record, state.probes[first, STAGED], new)
    state.probes[rows[1:], STAGED] = state.probes[first, STAGED]
    for s, scheme in enumerate(new.schemes):
        load_scheme(staged, first, s, scheme)
    _stage_targets(state, first, new.targets, new.min_region_sz)
    for table in tables:
        table[rows[1:]] = table[first]
    staged.ranges[rows[1:]] = staged.ranges[first]
    staged.schemes["legacy"][rows] = state.contexts["legacy"][rows, None]
    state.contexts["request"][rows] |= request
    return state


def _stage_targets(
    state: EngineState, c: int, targets: Sequence[Target], min_region_sz: int
) -> None:
    used = 0
    for index, target in enumerate(targets):
        ranges = joined_ranges([(item.start, item.end) for item in target.regions], min_region_sz)
        record = state.staged.targets[c, index : index + 1]
        record["pid"] = -1 if target.pid is None else target.pid
        record["obsolete"] = target.obsolete
        record["first_range"], record["nr_ranges"] = used, len(ranges)
        for low, high in ranges:
            state.staged.ranges[c, :, used] = low, high
            used += 1


def joined_ranges(ranges: Sequence[tuple[int, int]], min_region_sz: int) -> list[tuple[int, int]]:
    """Align a target's ranges and join those that touch, as a commit does.

    Example:
        >>> joined_ranges([(0, 5), (8, 12), (20, 24)], 4)
        [(0, 12), (20, 24)]
    """
    aligned = aligned_ranges(ranges, min_region_sz)
    starts = aligned[:1] + [right for left, right in pairwise(aligned) if left[1] != right[0]]
    ends = [left for left, right in pairwise(aligned) if left[1] != right[0]] + aligned[-1:]
    return [(first[0], last[1]) for first, last in zip(starts, ends, strict=True)]
