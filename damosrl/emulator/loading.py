"""From the vocabulary into the engine's arrays: load a context, change a number in force."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Attrs, Context, Filter, FilterLayer, Ops, Scheme, kept_bounds
from damosrl.damon.features import NEWEST
from damosrl.emulator.engine import start_context
from damosrl.emulator.limits import WorkLimits, limit_error
from damosrl.emulator.memcg import memcg_id
from damosrl.emulator.probe_loading import load_probes
from damosrl.emulator.probe_state import IN_FORCE
from damosrl.emulator.releases import is_legacy, refuse_newer
from damosrl.emulator.state import (
    EXACT,
    FAST,
    NO_TARGET,
    REGIONS_FULL,
    TOO_MANY_CUTS,
    TOO_MUCH_WORK,
    WAKE,
    EngineState,
    Staged,
    code_of,
)
from damosrl.emulator.targets import aligned_ranges
from damosrl.errors import EmulatorLimitError, MachineError
from damosrl.machine import SchemeField

U32 = 0xFFFFFFFF
COLUMN_OF = {
    SchemeField.QUOTA_BYTES: "quota_bytes",
    SchemeField.MIN_NR_ACCESSES: "min_nr_accesses",
    SchemeField.MAX_NR_ACCESSES: "max_nr_accesses",
    SchemeField.MIN_AGE: "min_age",
    SchemeField.MAX_AGE: "max_age",
}


def load_context(
    state: EngineState,
    c: int,
    context: Context,
    seed: int,
    *,
    monitor: int = FAST,
    overshoot: float = 1.0,
    limits: WorkLimits | None = None,
    kernel: str = NEWEST,
) -> None:
    """Start one context anew at time 0: regions from its targets, all counters zero.

    Args:
        state: The engine.
        c: Context to load.
        context: What to monitor and the schemes on it; every target lists its regions.
        seed: Initial state of the random generator, 64 bit.
        monitor: EXACT or FAST.
        overshoot: Real time per requested sleeping time; 1.0 is exact.
        kernel: Kernel whose rules the context follows, one of `releases.KERNELS`.
        limits: Work after which the context stops; by default what `WorkLimits` says.

    Raises:
        EmulatorLimitError: The context needs more room than was allocated.
        MachineError: The context uses what its kernel does not know.
    """
    _refuse_modes(monitor, overshoot)
    refuse_newer(context, kernel)
    _require_room(state, context)
    if is_legacy(kernel) and not state.regions.nr_accesses_bp.size:
        raise MachineError(
            f"the engine has no room for kernel {kernel}", fix="allocate it with legacy=True"
        )
    record = state.contexts[c : c + 1]
    record[:] = np.zeros((), record.dtype)
    state.schemes[c] = np.zeros((), state.schemes.dtype)
    state.goals[c] = np.zeros((), state.goals.dtype)
    state.filters[c] = np.zeros((), state.filters.dtype)
    state.dests[c] = np.zeros((), state.dests.dtype)
    load_attrs(record, context.attrs)
    load_operations(record, context)
    record["rng"] = seed & 0xFFFFFFFFFFFFFFFF
    record["nr_targets"] = len(context.targets)
    record["nr_schemes"] = len(context.schemes)
    record["monitor"] = monitor
    record["paused"] = context.pause
    record["overshoot"] = overshoot
    record["legacy"] = is_legacy(kernel)
    limits = limits or WorkLimits()
    record["cut_limit"] = limits.cuts_per_pass
    record["work_limit"] = limits.regions_per_second
    load_probes(record, state.probes[c, IN_FORCE], context)
    _load_regions(state, c, context)
    for s, scheme in enumerate(context.schemes):
        load_scheme(state, c, s, scheme)
    start_context(state, c)
    check_status(state, c, c + 1)


def check_status(state: EngineState, first: int = 0, last: int | None = None) -> None:
    """Raise if one of the contexts [first, last) had to stop; by default, any.

    Raises:
        EmulatorLimitError: A limit was reached; the message names it.
    """
    status = state.contexts["status"][first:last]
    for c in first + np.flatnonzero(np.isin(status, (REGIONS_FULL, TOO_MANY_CUTS, TOO_MUCH_WORK))):
        raise limit_error(state, int(c))


def write_field(
    state: EngineState,
    contexts: NDArray[np.int64],
    scheme: int,
    field: SchemeField,
    values: NDArray[np.int64],
    *,
    staged: bool = False,
) -> None:
    """Commit one number of one scheme in some contexts, as an online commit does (semantics 2.14).

    Statistics, effective quota, charge, window and cursor stay. Where the number really changes,
    a commit takes place: watermarks wake all schemes of that context at its next request slot, and
    goals on PSI lose their base. Where it does not, there is nothing to commit. The numbers
    themselves are written at once: nothing reads them before that slot.

    Args:
        state: The engine.
        contexts: Indices ``(M,)`` of contexts.
        scheme: Index of the scheme.
        field: Which number.
        values: New values ``(M,)``, in the field's unit.
        staged: Write into what waits to be committed as a whole instead.
    """
    if staged:
        _write_number(state.staged, contexts, scheme, field, values)
        return
    touched = contexts[_write_number(state, contexts, scheme, field, values)]
    state.goals["has_base"][touched] = 0
    if touched.size:
        marked = (state.schemes["wmark_metric"][touched] != 0).any(axis=1)
        state.contexts["request"][touched[marked]] |= WAKE


def _write_number(
    tables: EngineState | Staged,
    contexts: NDArray[np.int64],
    scheme: int,
    field: SchemeField,
    values: NDArray[np.int64],
) -> NDArray[np.bool_]:
    schemes = tables.schemes
    if field is SchemeField.GOAL_TARGET:
        return _write(tables.goals["target_value"][:, scheme, 0], contexts, values)
    if field is SchemeField.GOAL_TUNER:
        defined = schemes["nr_goals_defined"][contexts, scheme]
        in_force = np.where(values > 0, defined, 0)
        changed = _write(schemes["nr_goals"][:, scheme], contexts, in_force)
        some = values > 0
        changed[some] |= _write(schemes["tuner"][:, scheme], contexts[some], values[some] - 1)
        return changed
    cut = values if field is SchemeField.QUOTA_BYTES else values & U32
    return _write(schemes[COLUMN_OF[field]][:, scheme], contexts, cut)


def _write(
    column: NDArray[np.generic], contexts: NDArray[np.int64], values: NDArray[np.int64]
) -> NDArray[np.bool_]:
    new = values.astype(column.dtype)
    changed: NDArray[np.bool_] = column[contexts] != new
    column[contexts] = new
    return changed


def _refuse_modes(monitor: int, overshoot: float) -> None:
    if monitor not in (EXACT, FAST):
        raise MachineError("unknown monitor mode", got=monitor, allowed=f"{EXACT} or {FAST}")
    if not overshoot > 0:
        raise MachineError("sleep overshoot is wrong", got=overshoot, allowed="> 0")


def _require_room(state: EngineState, context: Context) -> None:
    most_goals = max((len(scheme.quota.goals) for scheme in context.schemes), default=0)
    most_filters = max((len(scheme.filters) for scheme in context.schemes), default=0)
    wanted = {
        "regions": sum(len(target.regions) for target in context.targets),
        "schemes": len(context.schemes),
        "goals of a scheme": most_goals,
        "filters of a scheme": most_filters,
        "targets": len(context.targets),
        "destinations of a scheme": max((len(item.dests) for item in context.schemes), default=0),
    }
    allowed = (
        state.regions.start.shape[1],
        *state.goals.shape[1:],
        state.filters.shape[2],
        state.pids.shape[1],
        state.dests.shape[2],
    )
    for (name, number), limit in zip(wanted.items(), allowed, strict=True):
        if number > limit:
            raise EmulatorLimitError(
                f"more {name} than allocated", got=number, allowed=f"0..{limit}"
            )


def load_attrs(record: NDArray[np.void], attrs: Attrs) -> None:
    """Write monitoring attributes into a context's record."""
    times, goal = attrs.intervals, attrs.intervals.goal
    record["sample_us"] = times.sample_us
    record["aggr_us"] = times.aggr_us
    record["ops_update_us"] = times.ops_update_us
    record["min_nr_regions"] = attrs.min_nr_regions
    record["max_nr_regions"] = attrs.max_nr_regions
    record["goal_access_bp"] = goal.access_bp
    record["goal_aggrs"] = goal.aggrs
    record["goal_min_sample_us"] = goal.min_sample_us
    record["goal_max_sample_us"] = goal.max_sample_us


def load_operations(record: NDArray[np.void], context: Context) -> None:
    """Write what is monitored, and in which units, into a context's record."""
    record["ops"] = code_of(context.ops)
    record["addr_unit"] = context.addr_unit if context.ops is Ops.PADDR else 1
    record["min_region_sz"] = context.min_region_sz


def _load_regions(state: EngineState, c: int, context: Context) -> None:
    regions, used = state.regions, 0
    for index, target in enumerate(context.targets):
        state.pids[c, index] = -1 if target.pid is None else target.pid
        ranges = [(item.start, item.end) for item in target.regions]
        for start, end in aligned_ranges(ranges, context.min_region_sz):
            regions.start[c, used] = start
            regions.end[c, used] = end
            regions.target[c, used] = index
            used += 1
    regions.nr_accesses[c, :used] = 0
    regions.last_nr_accesses[c, :used] = 0
    regions.age[c, :used] = 0
    regions.hits[c, :used] = 0
    regions.nr_accesses_bp[c, :used] = 0
    regions.nr_regions[c] = used


def load_scheme(state: EngineState | Staged, c: int, s: int, scheme: Scheme) -> None:
    """Write a scheme into cleared records, in force or staged."""
    record = state.schemes[c, s : s + 1]
    pattern, quota, marks = scheme.access_pattern, scheme.quota, scheme.watermarks
    record["apply_interval_us"] = scheme.apply_interval_us
    record["min_sz"], record["max_sz"] = pattern.sz_bytes.min, pattern.sz_bytes.max
    record["min_nr_accesses"], record["max_nr_accesses"] = kept_bounds(pattern.nr_accesses)
    record["min_age"], record["max_age"] = kept_bounds(pattern.age)
    record["quota_ms"] = quota.time_ms
    record["quota_bytes"] = quota.sz_bytes
    record["reset_interval_ms"] = quota.reset_interval_ms
    record["weight_sz"] = quota.weights.sz_permil
    record["weight_nr_accesses"] = quota.weights.nr_accesses_permil
    record["weight_age"] = quota.weights.age_permil
    record["fail_charge_num"] = quota.fail_charge_num
    record["fail_charge_denom"] = quota.fail_charge_denom
    record["wmark_metric"] = code_of(marks.metric)
    record["wmark_interval_us"] = marks.interval_us
    record["wmark_high"] = marks.high_permil
    record["wmark_mid"] = marks.mid_permil
    record["wmark_low"] = marks.low_permil
    record["max_nr_snapshots"] = scheme.max_nr_snapshots
    record["action"] = code_of(scheme.action)
    record["target_nid"] = scheme.target_nid
    record["tuner"] = code_of(quota.goal_tuner)
    record["nr_goals"] = record["nr_goals_defined"] = len(quota.goals)
    record["activated"] = 1
    record["legacy"] = state.contexts["legacy"][c]
    record["cursor_target"] = NO_TARGET
    for g, goal in enumerate(quota.goals):
        place = state.goals[c, s, g : g + 1]
        place["metric"] = code_of(goal.metric)
        place["target_value"] = goal.target_value
        place["current_value"] = goal.current_value
        place["nid"] = goal.nid
        if goal.memcg_path is not None:
            place["memcg"] = memcg_id(goal.memcg_path)
    record["nr_dests"] = len(scheme.dests)
    for d, dest in enumerate(scheme.dests):
        state.dests[c, s, d : d + 1]["nid"] = dest.id
        state.dests[c, s, d : d + 1]["weight"] = dest.weight
    load_filters(state, c, s, scheme.filters)


def load_filters(state: EngineState | Staged, c: int, s: int, filters: Sequence[Filter]) -> None:
    """Install a scheme's filters, given in installation order."""
    core = [condition for condition in filters if condition.layer is FilterLayer.CORE]
    ops = [condition for condition in filters if condition.layer is FilterLayer.OPS]
    for f, condition in enumerate(core + ops):
        place = state.filters[c, s, f : f + 1]
        place["type"] = code_of(condition.filter_type)
        place["matching"] = condition.matching
        place["allow"] = condition.allow
        if condition.address_range is not None:
            place["start"] = condition.address_range.start
            place["end"] = condition.address_range.end
        if condition.damon_target_idx is not None:
            place["target_idx"] = condition.damon_target_idx
        if condition.hugepage_size is not None:
            place["start"], place["end"] = condition.hugepage_size.min, condition.hugepage_size.max
        if condition.memcg_path is not None:
            place["memcg"] = memcg_id(condition.memcg_path)
    record = state.schemes[c, s : s + 1]
    record["nr_filters"], record["nr_ops_filters"] = len(core), len(ops)
    record["default_reject"], record["ops_default_reject"] = default_reject(filters)


def default_reject(filters: Sequence[Filter]) -> tuple[bool, bool]:
    """Tell what becomes of memory on which no filter fires (semantics 2.12).

    Args:
        filters: All filters of a scheme in installation order.

    Returns:
        Whether the core layer, and whether the operations layer, rejects it.
    """
    core = [condition for condition in filters if condition.layer is FilterLayer.CORE]
    ops = [condition for condition in filters if condition.layer is FilterLayer.OPS]
    return bool(core and core[-1].allow and not ops), bool(ops and ops[-1].allow)
