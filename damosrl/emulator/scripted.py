"""A world that follows a script and writes down what the engine did: for conformance and tests."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator import world as protocol
from damosrl.emulator.arithmetic import U, mult_frac
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.probing import outcome_of
from damosrl.emulator.state import EngineState
from damosrl.emulator.world import fill_hit_probability, provides

AGGREGATION, REGION, APPLIED, ESZ, INTERVALS = range(5)
"""Places of the traces in ``ScriptedWorld.lengths``."""


class ScriptedWorld(NamedTuple):
    """Accesses, metrics and results by script, and traces of one context.

    Traces are cut off at the size of their arrays; ``lengths`` counts on, so that one can tell.

    Args:
        access_target: ``(A,)`` int64, target of each scripted access.
        access_span: ``(A, 4)`` uint64: start, end (bytes), from, to (us).
        free_mem: ``(M, 2)`` uint64: from (us), permil.
        goal_first: ``(S, G + 1)`` int64, where each goal's series begins in ``goal_series``.
        goal_series: ``(V, 2)`` uint64: from (us), value.
        applied_percent: ``(S,)`` uint64, share of a region that the action applies to.
        lengths: ``(5,)`` int64, rows of each trace.
        aggregations: ``(., 2)`` uint64: time (us), number of regions.
        regions: ``(., 5)`` uint64: target, start, end, nr_accesses, age.
        applied: ``(., 7)`` uint64: time, scheme, target, start, end, nr_accesses, age.
        esz: ``(., 3)`` uint64: time, scheme, effective quota.
        intervals: ``(., 2)`` uint64: time, sampling interval.
    """

    access_target: NDArray[np.int64]
    access_span: NDArray[np.uint64]
    free_mem: NDArray[np.uint64]
    goal_first: NDArray[np.int64]
    goal_series: NDArray[np.uint64]
    applied_percent: NDArray[np.uint64]
    lengths: NDArray[np.int64]
    aggregations: NDArray[np.uint64]
    regions: NDArray[np.uint64]
    applied: NDArray[np.uint64]
    esz: NDArray[np.uint64]
    intervals: NDArray[np.uint64]


def empty_script(schemes: int = 1, trace_rows: int = 0) -> ScriptedWorld:
    """Return a world without any access, where actions apply fully; traces of some rows."""

    def table(rows: int, columns: int) -> NDArray[np.uint64]:
        return np.zeros((rows, columns), np.uint64)

    return ScriptedWorld(
        access_target=np.zeros(0, np.int64),
        access_span=table(0, 4),
        free_mem=table(0, 2),
        goal_first=np.zeros((max(schemes, 1), 2), np.int64),
        goal_series=table(0, 2),
        applied_percent=np.full(max(schemes, 1), 100, np.uint64),
        lengths=np.zeros(5, np.int64),
        aggregations=table(trace_rows, 2),
        regions=table(trace_rows, 5),
        applied=table(trace_rows, 7),
        esz=table(trace_rows, 3),
        intervals=table(trace_rows, 2),
    )


@inner_kernel
def value_at(series: NDArray[np.uint64], first: int, last: int, now_us: np.uint64) -> np.uint64:
    """Return the value of a series [first, last) at a time, 0 before its first entry."""
    value = U(0)
    for i in range(first, last):
        if series[i, 0] <= now_us:
            value = series[i, 1]
    return value


@inner_kernel
def new_row(lengths: NDArray[np.int64], trace: int, rows: int) -> int:
    """Count one more row of a trace; return its place, or -1 if the trace is full."""
    row = lengths[trace]
    lengths[trace] = row + 1
    return row if row < rows else -1


@inner_kernel
def in_script(world: ScriptedWorld, target: int, address: np.uint64, now_us: np.uint64) -> bool:
    """Tell whether the script says that an address is accessed at a time."""
    for i in range(len(world.access_target)):
        if (
            world.access_target[i] == target
            and world.access_span[i, 0] <= address < world.access_span[i, 1]
            and world.access_span[i, 2] <= now_us < world.access_span[i, 3]
        ):
            return True
    return False


@provides(protocol.check_accesses, ScriptedWorld)
def _check_accesses(world: ScriptedWorld, state: EngineState, c: int) -> None:
    regions, now_us = state.regions, state.contexts[c].now_us
    for r in range(regions.nr_regions[c]):
        if in_script(world, regions.target[c, r], state.scratch[c, 0, r], now_us):
            regions.nr_accesses[c, r] += 1


@provides(protocol.fill_hit_probability, ScriptedWorld)
def _fill_hit_probability(world: ScriptedWorld, state: EngineState, c: int) -> None:
    regions, now_us = state.regions, state.contexts[c].now_us
    for r in range(regions.nr_regions[c]):
        start, end = regions.start[c, r], regions.end[c, r]
        hit = U(0)
        for i in range(len(world.access_target)):
            if (
                world.access_target[i] == regions.target[c, r]
                and world.access_span[i, 2] <= now_us < world.access_span[i, 3]
            ):
                low = max(start, world.access_span[i, 0])
                high = min(end, world.access_span[i, 1])
                if low < high:
                    hit += high - low
        state.hit_probability[c, r] = min(1.0, hit / (end - start))


@provides(protocol.probe_outcome, ScriptedWorld)
def _probe_outcome(
    world: ScriptedWorld,
    state: EngineState,
    c: int,
    target: int,
    address: np.uint64,
) -> int:
    return outcome_of(state, c, False, False, 0)


@provides(protocol.fill_probe_outcomes, ScriptedWorld)
def _fill_probe_outcomes(world: ScriptedWorld, state: EngineState, c: int, r: int) -> None:
    if r == 0:
        fill_hit_probability(world, state, c)
    outcome = outcome_of(state, c, False, False, 0)
    state.outcomes[c, :, :] = 0.0
    state.outcomes[c, 0, outcome] = 1.0
    state.outcomes[c, 1, outcome] = state.hit_probability[c, r]


@provides(protocol.apply_action, ScriptedWorld)
def _apply_action(
    world: ScriptedWorld,
    state: EngineState,
    c: int,
    scheme: int,
    target: int,
    start: np.uint64,
    end: np.uint64,
) -> np.uint64:
    return mult_frac(end - start, world.applied_percent[scheme], U(100))


@provides(protocol.target_is_valid, ScriptedWorld)
def _target_is_valid(world: ScriptedWorld, state: EngineState, c: int, target: int) -> bool:
    return True


@provides(protocol.find_areas, ScriptedWorld)
def _find_areas(world: ScriptedWorld, state: EngineState, c: int, target: int) -> bool:
    return False


@provides(protocol.goal_value, ScriptedWorld)
def _goal_value(
    world: ScriptedWorld, state: EngineState, c: int, scheme: int, goal: int
) -> np.uint64:
    first, last = world.goal_first[scheme, goal], world.goal_first[scheme, goal + 1]
    if first == last:
        return U(state.goals[c, scheme, goal].current_value)
    return value_at(world.goal_series, first, last, state.contexts[c].now_us)


@provides(protocol.free_mem_permil, ScriptedWorld)
def _free_mem_permil(world: ScriptedWorld, state: EngineState, c: int) -> np.uint64:
    return value_at(world.free_mem, 0, len(world.free_mem), state.contexts[c].now_us)


@provides(protocol.on_aggregation, ScriptedWorld)
def _on_aggregation(world: ScriptedWorld, state: EngineState, c: int) -> None:
    regions = state.regions
    row = new_row(world.lengths, AGGREGATION, len(world.aggregations))
    if row >= 0:
        world.aggregations[row, 0] = state.contexts[c].now_us
        world.aggregations[row, 1] = U(regions.nr_regions[c])
    for r in range(regions.nr_regions[c]):
        row = new_row(world.lengths, REGION, len(world.regions))
        if row >= 0:
            world.regions[row, 0] = U(regions.target[c, r])
            world.regions[row, 1] = regions.start[c, r]
            world.regions[row, 2] = regions.end[c, r]
            world.regions[row, 3] = U(regions.nr_accesses[c, r])
            world.regions[row, 4] = U(regions.age[c, r])


@provides(protocol.on_applied, ScriptedWorld)
def _on_applied(
    world: ScriptedWorld,
    state: EngineState,
    c: int,
    scheme: int,
    target: int,
    start: np.uint64,
    end: np.uint64,
    nr_accesses: np.uint32,
    age: np.uint32,
) -> None:
    row = new_row(world.lengths, APPLIED, len(world.applied))
    if row >= 0:
        world.applied[row, 0] = state.contexts[c].now_us
        world.applied[row, 1] = U(scheme)
        world.applied[row, 2] = U(target)
        world.applied[row, 3] = start
        world.applied[row, 4] = end
        world.applied[row, 5] = U(nr_accesses)
        world.applied[row, 6] = U(age)


@provides(protocol.on_esz, ScriptedWorld)
def _on_esz(world: ScriptedWorld, state: EngineState, c: int, scheme: int) -> None:
    row = new_row(world.lengths, ESZ, len(world.esz))
    if row >= 0:
        world.esz[row, 0] = state.contexts[c].now_us
        world.esz[row, 1] = U(scheme)
        world.esz[row, 2] = state.schemes[c, scheme].esz


@provides(protocol.on_intervals, ScriptedWorld)
def _on_intervals(world: ScriptedWorld, state: EngineState, c: int) -> None:
    row = new_row(world.lengths, INTERVALS, len(world.intervals))
    if row >= 0:
        world.intervals[row, 0] = state.contexts[c].now_us
        world.intervals[row, 1] = state.contexts[c].sample_us
