"""What the monitor and the schemes ask of the world; implemented per world, compiled statically.

A world is a ``NamedTuple`` of arrays. The engine calls the functions below as ``goal_value(world,
state, c, ...)``; each world provides implementations for its own type:

    @provides(target_is_valid, MyWorld)
    def _target_is_valid(world, state, c, target):
        return world.alive[c, target] != 0

The argument names must be the ones below. No call goes through a pointer: the compiler sees the
world's code in place, as a `damosrl.emulator.jit.inner_kernel`, which may not allocate. ``c`` is
the flat context index (machine * K + kdamond), an integer; ``state`` is the whole
`damosrl.emulator.state.EngineState`. Numbers of the kernel (addresses, sizes, times, counts) are
unsigned 64 bit: mix them with ``np.uint64`` constants only, else numba turns them into floats. A
world function touches the rows of context ``c`` (and what belongs to its machine) only, so that
machines may run in threads. Every function is required; a world without scripted traces gives the
``on_...`` functions an empty body.

Randomness, where a world needs it, comes from ``damosrl.emulator.rng`` and the context's generator.
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from damosrl.emulator.jit import implements
from damosrl.emulator.passing import Pointer
from damosrl.emulator.state import EngineState

Function = TypeVar("Function", bound=Callable[..., Any])


def provides(protocol: Callable[..., Any], world: type) -> Callable[[Function], Function]:
    """Register a compilable function as what a protocol function does for one type of world."""

    def register(function: Function) -> Function:
        def choose(*arguments: object) -> Function | None:
            kind = arguments[0]
            record = kind.record if isinstance(kind, Pointer) else kind
            return function if getattr(record, "instance_class", None) is world else None

        # numba compares the chooser's argument names with the implementation's
        choose.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        implements(protocol)(choose)
        return function

    return register


def check_accesses(world: object, state: EngineState, c: int) -> None:
    """Exact mode: count the regions whose page was accessed in the sampling interval that ends now.

    Called once per sample, after the sleep, for all regions: one call pays for what they share.
    ``state.scratch[c, 0, r]`` is the address to look at, uniform in region r; where its page was
    accessed, ``state.regions.nr_accesses[c, r]`` grows by one. ``state.contexts[c].now_us`` is the
    time of the check; the interval that was watched is ``sample_us * overshoot`` long.
    """
    raise NotImplementedError


def fill_hit_probability(world: object, state: EngineState, c: int) -> None:
    """Fast mode: write the mean probability that a sample of a region is seen accessed.

    Fills ``state.hit_probability[c, r]`` (float64, 0..1) of all regions, that is of all
    ``r < state.regions.nr_regions[c]``: the average over the region's bytes of the probability that
    `check_accesses` counts. Regions are sorted by target, then by address, and do not overlap, so
    one forward walk answers all. The engine calls it before each run of samples between two events
    (aggregation, due scheme, end of the call); the rates hold for that whole run.
    ``state.contexts[c]`` tells time and sampling interval.
    """
    raise NotImplementedError


def probe_outcome(
    world: object, state: EngineState, c: int, target: int, address: np.uint64
) -> int:
    """Exact mode: which probes does the page at this address pass, bit i for probe i?

    Called for contexts with probes only, right after `check_accesses` for the same address;
    `damosrl.emulator.probing.outcome_of` decides.
    """
    raise NotImplementedError


def fill_probe_outcomes(world: object, state: EngineState, c: int, r: int) -> None:
    """Fast mode: write the shares of a region by the probes that its pages pass.

    Called for contexts with probes only, region by region, not `fill_hit_probability`. Fills
    ``state.outcomes[c, 0, outcome]``, summing up to 1, and ``state.outcomes[c, 1, outcome]``, the
    same shares times the mean probability that a page of them is seen accessed.
    """
    raise NotImplementedError


def apply_action(
    world: object,
    state: EngineState,
    c: int,
    scheme: int,
    target: int,
    start: np.uint64,
    end: np.uint64,
) -> np.uint64:
    """Apply a scheme's action to [start, end) of a target; return the bytes applied.

    ``state.schemes[c, scheme]`` tells ``action`` (a code, as ``code_of(Action.MIGRATE_HOT)`` of
    `damosrl.emulator.state`) and ``target_nid``. Time that the action takes may be added to that
    record's ``total_charged_ns``; bytes that passed operation filters to ``sz_ops_filter_passed``.
    Charging, statistics and ages are the engine's business. The region arrays are being walked: do
    not read them here.
    """
    raise NotImplementedError


def target_is_valid(world: object, state: EngineState, c: int, target: int) -> bool:
    """Tell whether a target's process exists; never called for physical memory (semantics 1.2)."""
    raise NotImplementedError


def find_areas(world: object, state: EngineState, c: int, target: int) -> bool:
    """Write what a target's process maps into ``state.scratch[c]``, by the three-regions rule.

    Called for vaddr at each ops update; ``scratch[c, 0]`` takes the starts, ``scratch[c, 1]`` the
    ends of the three areas.

    Returns:
        False if the rule gives nothing (EINVAL): then the target keeps its regions.
    """
    raise NotImplementedError


def goal_value(world: object, state: EngineState, c: int, scheme: int, goal: int) -> np.uint64:
    """Return the present value of a quota goal's metric, once per quota window and goal.

    ``state.goals[c, scheme, goal]`` tells ``metric`` (a code of `state.code_of`), ``nid`` and
    ``current_value``. For ``USER_INPUT`` return ``current_value`` (a world may script it); for
    ``SOME_MEM_PSI_US`` the raw total in microseconds (the engine takes the growth per window);
    for the others the value in basis points as the kernel computes it.
    """
    raise NotImplementedError


def free_mem_permil(world: object, state: EngineState, c: int) -> np.uint64:
    """Return free memory * 1000 // total memory of the whole machine, for watermarks.

    Called only for schemes whose watermark metric is set.
    """
    raise NotImplementedError


def on_aggregation(world: object, state: EngineState, c: int) -> None:
    """Trace: an aggregation is complete (after merge, schemes and tuning; before reset)."""
    raise NotImplementedError


def on_applied(
    world: object,
    state: EngineState,
    c: int,
    scheme: int,
    target: int,
    start: np.uint64,
    end: np.uint64,
    nr_accesses: np.uint32,
    age: np.uint32,
) -> None:
    """Trace: the action is about to be applied to a region.

    ``nr_accesses`` is the pseudo moving sum, ``age`` the age before the action resets it.
    """
    raise NotImplementedError


def on_esz(world: object, state: EngineState, c: int, scheme: int) -> None:
    """Trace: the effective quota ``state.schemes[c, scheme].esz`` was set or has changed."""
    raise NotImplementedError


def on_intervals(world: object, state: EngineState, c: int) -> None:
    """Trace: interval tuning has written ``state.contexts[c].sample_us`` and ``aggr_us``."""
    raise NotImplementedError
