"""Online commit: what is staged goes into force on a running context (semantics 2.14).

Kernel 7.3, ``damon_commit_ctx()`` of mm/damon/core.c: schemes, targets, attributes, pause, ops,
addr_unit, smallest region, in this order. All that can be wrong has been refused before anything
was staged.
"""

import numpy as np

from damosrl.damon import GoalMetric
from damosrl.emulator.arithmetic import U, at_least_one
from damosrl.emulator.fitting import begin_fitting, end_of_target, fit_regions, keep_regions
from damosrl.emulator.intervals import set_intervals
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.probe_state import IN_FORCE, MAX_PROBES, STAGED
from damosrl.emulator.probing import set_hits
from damosrl.emulator.state import NO_TARGET, SCHEME, SCHEME_STATE, EngineState, code_of

USER_INPUT = code_of(GoalMetric.USER_INPUT)
PARAMETER_WORDS = np.array(
    [place for place, name in enumerate(SCHEME.names or ()) if name not in SCHEME_STATE], np.int64
)
"""Places of a scheme's parameters among its words."""


@inner_kernel
def commit_goals(state: EngineState, c: int, s: int) -> None:
    """Replace a scheme's goals one by one; what a goal had learnt of pressure is forgotten."""
    staged, scheme = state.staged.schemes[c, s], state.schemes[c, s]
    for g in range(len(state.goals[c, s])):
        goal = state.goals[c, s, g]
        known = g < scheme.nr_goals
        value, base = goal.current_value, goal.base if known else U(0)
        if g < staged.nr_goals_defined:
            state.goals[c, s, g] = state.staged.goals[c, s, g]
            if known and goal.metric != USER_INPUT:
                goal.current_value = value
        goal.base, goal.has_base = base, 0
    scheme.nr_goals = staged.nr_goals
    scheme.nr_goals_defined = staged.nr_goals_defined


@inner_kernel
def append_scheme(state: EngineState, c: int, s: int) -> None:
    """Add an untouched scheme; its first pass is an apply interval away."""
    context = state.contexts[c]
    for word in range(state.scheme_words.shape[2]):
        state.scheme_words[c, s, word] = U(0)
    scheme = state.schemes[c, s]
    interval_us = state.staged.schemes[c, s].apply_interval_us
    if interval_us == U(0):
        interval_us = context.aggr_us
    scheme.cursor_target = NO_TARGET
    scheme.next_apply = context.passed + interval_us // at_least_one(context.sample_us)


@inner_kernel
def commit_schemes(state: EngineState, c: int) -> None:
    """Overwrite parameters index by index, drop surplus schemes, append new ones."""
    context, staged = state.contexts[c], state.staged
    for s in range(staged.contexts[c].nr_schemes):
        if s >= context.nr_schemes:
            append_scheme(state, c, s)
        for word in PARAMETER_WORDS:
            state.scheme_words[c, s, word] = staged.scheme_words[c, s, word]
        commit_goals(state, c, s)
        parameters = staged.schemes[c, s]
        for f in range(parameters.nr_filters + parameters.nr_ops_filters):
            state.filters[c, s, f] = staged.filters[c, s, f]
        for d in range(staged.schemes[c, s].nr_dests):
            state.dests[c, s, d] = staged.dests[c, s, d]
    context.nr_schemes = staged.contexts[c].nr_schemes


@inner_kernel
def renumber_cursors(state: EngineState, c: int, target: int, to: int) -> None:
    """Let charge cursors follow a target to its new index; NO_TARGET if it is removed."""
    for s in range(state.contexts[c].nr_schemes):
        scheme = state.schemes[c, s]
        if scheme.cursor_target == target:
            scheme.cursor_target = to
            if to == NO_TARGET:
                scheme.cursor_addr = U(0)


@inner_kernel
def commit_target(
    state: EngineState, c: int, source: int, write: int, read: int, last: int, target: int
) -> int:
    """Write the regions of one target as staged target ``source`` wants them.

    Returns:
        The next place to write.
    """
    staged = state.staged.targets[c, source]
    first = staged.first_range
    if staged.nr_ranges == 0:
        return keep_regions(state, c, write, read, last, target)
    ranges = state.staged.ranges
    unit = U(state.staged.contexts[c].min_region_sz)
    return fit_regions(
        state, c, write, read, last, target, ranges, c, first, first + staged.nr_ranges, unit
    )


@inner_kernel
def commit_targets(state: EngineState, c: int) -> None:
    """Replace targets index by index; obsolete and surplus ones are removed, new ones added."""
    context, regions = state.contexts[c], state.regions
    staged_targets = state.staged.contexts[c].nr_targets
    read = begin_fitting(regions, c)
    write, kept = int(np.int64(0)), int(np.int64(0))
    for target in range(context.nr_targets):
        last = end_of_target(state, c, read, target)
        if target < staged_targets and state.staged.targets[c, target].obsolete == 0:
            write = commit_target(state, c, target, write, read, last, kept)
            renumber_cursors(state, c, target, kept)
            state.pids[c, kept] = state.staged.targets[c, target].pid
            kept += 1
        else:
            renumber_cursors(state, c, target, NO_TARGET)
        read = last
    for target in range(context.nr_targets, staged_targets):
        write = commit_target(state, c, target, write, read, read, kept)
        state.pids[c, kept] = state.staged.targets[c, target].pid
        kept += 1
    regions.nr_regions[c] = write
    context.nr_targets = kept


@inner_kernel
def commit_attrs(state: EngineState, c: int) -> None:
    """Set the attributes if any is different: counts are converted, all schedules restart."""
    context, new = state.contexts[c], state.staged.contexts[c]
    if (
        context.sample_us == new.sample_us
        and context.aggr_us == new.aggr_us
        and context.ops_update_us == new.ops_update_us
        and context.min_nr_regions == new.min_nr_regions
        and context.max_nr_regions == new.max_nr_regions
        and context.goal_access_bp == new.goal_access_bp
        and context.goal_aggrs == new.goal_aggrs
        and context.goal_min_sample_us == new.goal_min_sample_us
        and context.goal_max_sample_us == new.goal_max_sample_us
    ):
        return
    set_intervals(state, c, new.sample_us, new.aggr_us, new.ops_update_us)
    context.min_nr_regions = new.min_nr_regions
    context.max_nr_regions = new.max_nr_regions
    context.goal_access_bp = new.goal_access_bp
    context.goal_aggrs = new.goal_aggrs
    context.goal_min_sample_us = new.goal_min_sample_us
    context.goal_max_sample_us = new.goal_max_sample_us


@inner_kernel
def commit_probes(state: EngineState, c: int) -> None:
    """Replace the probes; hits counted so far stay, those of a new probe begin at 0."""
    context, new, probes = state.contexts[c], state.staged.contexts[c], state.probes
    for i in range(new.nr_probes):
        for f in range(probes.shape[3]):
            probes[c, IN_FORCE, i, f] = probes[c, STAGED, i, f]
        if i >= context.nr_probes:
            for r in range(state.regions.nr_regions[c]):
                set_hits(state.regions, c, r, i, U(0))
                set_hits(state.regions, c, r, MAX_PROBES + i, U(0))
    context.nr_probes = new.nr_probes
    context.weighted = new.weighted


@lean_kernel
def commit_staged(state: EngineState, c: int) -> None:
    """Put everything that is staged for a context into force."""
    context, new = state.contexts[c], state.staged.contexts[c]
    commit_schemes(state, c)
    commit_targets(state, c)
    commit_attrs(state, c)
    context.paused = new.paused
    context.ops = new.ops
    commit_probes(state, c)
    context.addr_unit = new.addr_unit
    context.min_region_sz = new.min_region_sz


@lean_kernel
def commit_staged_goals(state: EngineState, c: int) -> None:
    """Put the staged quota goals of a context into force, nothing else."""
    schemes = min(state.contexts[c].nr_schemes, state.staged.contexts[c].nr_schemes)
    for s in range(schemes):
        commit_goals(state, c, s)
