"""Tried regions: what each scheme handled in its next complete pass (semantics 2.15)."""

from typing import Any

import numpy as np
import pytest

from damosrl.damon import (
    AccessPattern,
    Action,
    AddressRange,
    Attrs,
    Context,
    Ops,
    Quota,
    Scheme,
    Target,
    WatermarkMetric,
    Watermarks,
)
from damosrl.emulator.engine import run_until
from damosrl.emulator.loading import load_context
from damosrl.emulator.scripted import ScriptedWorld, empty_script
from damosrl.emulator.staging import request_commit
from damosrl.emulator.state import EXACT, EngineState, allocate
from damosrl.emulator.tried import TriedRegion, read_tried, request_tried
from damosrl.errors import EmulatorLimitError, MachineError

MIB = 1 << 20
SNAPSHOT = Scheme(access_pattern=AccessPattern())
SLOW = Scheme(access_pattern=AccessPattern(), apply_interval_us=300_000)
PAGEOUT = Scheme(
    action=Action.PAGEOUT,
    access_pattern=AccessPattern(),
    quota=Quota(sz_bytes=6 * MIB, reset_interval_ms=300),
)


def _loaded(*schemes: Scheme, capacity: int = 256, **parts: Any) -> EngineState:
    state = allocate(1, region_capacity=capacity, schemes=len(schemes))
    target = Target(regions=(AddressRange(0, 40 * MIB),))
    attrs = Attrs(min_nr_regions=4, max_nr_regions=4)
    load_context(
        state, 0, Context(Ops.PADDR, (target,), attrs, schemes, **parts), 42, monitor=EXACT
    )
    return state


def _run(state: EngineState, until_us: int, world: ScriptedWorld | None = None) -> EngineState:
    run_until(state, world or empty_script(3), 0, 1, np.array([until_us]))
    return state


def test_pieces_are_those_of_the_trace() -> None:
    """The second window of trace Q is reported with borders after cuts and the age before reset.

    [6, 10) MiB was merged with the part whose age the first window had reset: 3 windows old.
    """
    state = _run(request_tried(_run(_loaded(PAGEOUT), 395_000), 0), 400_000)
    (tried,) = read_tried(state, 0)
    assert tried.total_bytes == 6 * MIB
    assert tried.regions == (
        TriedRegion(0, 6 * MIB, 10 * MIB, 0, 3, 0),
        TriedRegion(0, 10 * MIB, 12 * MIB, 0, 4, 0),
    )


def test_answer_takes_the_longest_interval() -> None:
    """Each scheme reports one pass only; the answer is there when the slowest has had its own."""
    state = _run(request_tried(_run(_loaded(SNAPSHOT, SLOW), 10_000), 0), 295_000)
    with pytest.raises(MachineError, match="EBUSY"):
        read_tried(state, 0)
    first, second = read_tried(_run(state, 300_000), 0)
    assert [piece.age for piece in first.regions] == [1] * 4
    assert [piece.age for piece in second.regions] == [3] * 4
    assert first.total_bytes == second.total_bytes == 40 * MIB


def test_bytes_only() -> None:
    """The variant for bytes gives sums and no regions."""
    state = _run(request_tried(_loaded(SNAPSHOT), 0, bytes_only=True), 100_000)
    (tried,) = read_tried(state, 0)
    assert (tried.total_bytes, tried.regions) == (40 * MIB, ())
    assert state.tried.size == 0


def test_cancelled_without_schemes_or_when_paused() -> None:
    """No scheme, a pause, or watermarks that deactivate all schemes cancel the request."""
    marks = Watermarks(WatermarkMetric.FREE_MEM_RATE, 100_000, 500, 400, 200)
    asleep = Scheme(access_pattern=AccessPattern(), watermarks=marks)
    world = empty_script(1)._replace(free_mem=np.array([[0, 900]], np.uint64))
    for state in (_loaded(), _loaded(SNAPSHOT, pause=True), _loaded(asleep)):
        asked = _run(request_tried(state, 0), 200_000, world)
        with pytest.raises(MachineError, match="ECANCELED"):
            read_tried(asked, 0)
        request_tried(asked, 0)


def test_commit_in_the_middle_of_a_walk() -> None:
    """A scheme that is appended during a request has to have its pass as well."""
    state = request_tried(_loaded(SNAPSHOT, SLOW), 0)
    target = Target(regions=(AddressRange(0, 40 * MIB),))
    attrs = Attrs(min_nr_regions=4, max_nr_regions=4)
    context = Context(Ops.PADDR, (target,), attrs, (SNAPSHOT, SNAPSHOT, SNAPSHOT))
    state = _run(request_commit(_run(state, 150_000), [0], context), 200_000)
    with pytest.raises(MachineError, match="EBUSY"):
        read_tried(state, 0)
    assert len(read_tried(_run(state, 300_000), 0)) == 3


def test_rows_are_used_again() -> None:
    """Contexts that ask at the same time have rows of their own; rows are freed by reading."""
    state = allocate(3, region_capacity=64)
    target = Target(regions=(AddressRange(0, 40 * MIB),))
    for c in range(3):
        load_context(state, c, Context(Ops.PADDR, (target,), schemes=(SNAPSHOT,)), c)
    state = request_tried(request_tried(state, 0), 2)
    run_until(state, empty_script(), 0, 3, np.full(3, 100_000))
    assert [len(read_tried(state, c)[0].regions) for c in (0, 2)] == [10, 10]
    state = request_tried(state, 1)
    run_until(state, empty_script(), 0, 3, np.full(3, 200_000))
    assert read_tried(state, 1)[0].total_bytes == 40 * MIB
    assert len(state.tried) == 2


def test_more_pieces_than_room() -> None:
    """Pieces beyond the room are counted, and reading says so."""
    many = tuple(SNAPSHOT for _ in range(20))
    state = _run(request_tried(_loaded(*many, capacity=6), 0), 100_000)
    with pytest.raises(EmulatorLimitError, match=r"got 80; allowed: 0\.\.24"):
        read_tried(state, 0)
