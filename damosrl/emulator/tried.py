"""Asking for tried regions and reading them: ``update_schemes_tried_regions`` (semantics 2.15).

With a ``stat`` scheme that matches all memory this is how a kernel gives a snapshot.
"""

from dataclasses import dataclass

import numpy as np

from damosrl.emulator.room import padded
from damosrl.emulator.state import (
    NO_WALK,
    RUNNING,
    WALK_CANCELLED,
    WALK_PENDING,
    EngineState,
)
from damosrl.errors import EmulatorLimitError, MachineError

PIECES_PER_REGION = 4
"""Pieces there is room for, per region a context may have."""


@dataclass(frozen=True, slots=True)
class TriedRegion:
    """A piece of memory that a scheme was applied to.

    Args:
        target: Index of the monitoring target.
        start: First address, after all cuts.
        end: One past the last address.
        nr_accesses: Pseudo moving sum, samples.
        age: Aggregation intervals, before the action reset it.
        sz_filter_passed: Bytes that passed the operation filters.
        probe_hits: Pseudo moving sum of each probe's hits, 8 bits.
    """

    target: int
    start: int
    end: int
    nr_accesses: int
    age: int
    sz_filter_passed: int
    probe_hits: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TriedRegions:
    """What one scheme handled in one complete pass.

    Args:
        total_bytes: Size of all pieces.
        regions: The pieces in order; empty where only the bytes were asked for.
    """

    total_bytes: int
    regions: tuple[TriedRegion, ...]


def request_tried(state: EngineState, c: int, *, bytes_only: bool = False) -> EngineState:
    """Ask a running context to write down the next complete due pass of every scheme.

    Args:
        state: The engine.
        c: Context.
        bytes_only: Sum up sizes only (``update_schemes_tried_bytes``).

    Returns:
        The engine, in larger arrays if they were needed.

    Raises:
        MachineError: A request is pending (EBUSY), or the kdamond has stopped (ECANCELED).
    """
    record = state.contexts[c : c + 1]
    if record["status"][0] != RUNNING:
        raise MachineError(f"kdamond of context {c} has stopped (ECANCELED)", fix="load it again")
    if record["walk"][0] == WALK_PENDING:
        raise MachineError(
            f"context {c} is busy with an earlier request for tried regions (EBUSY)",
            fix="let time pass, up to the longest apply interval",
        )
    record["walk"] = NO_WALK
    state.schemes["walk_done"][c] = 0
    state.schemes["walk_bytes"][c] = 0
    row = -1
    if not bytes_only:
        state, row = _with_free_row(state)
    record["walk_row"], record["walk_count"], record["walk"] = row, 0, WALK_PENDING
    return state


def read_tried(state: EngineState, c: int) -> tuple[TriedRegions, ...]:
    """Return what was asked for, scheme by scheme, and forget it.

    Raises:
        MachineError: Nothing was asked for; some scheme has not had its pass yet (EBUSY); or
            nothing can come of it (ECANCELED): no scheme, paused, all schemes deactivated by
            watermarks, or the kdamond has stopped.
        EmulatorLimitError: More pieces than there is room for.
    """
    record = state.contexts[c : c + 1]
    walk, pieces = int(record["walk"][0]), int(record["walk_count"][0])
    if walk == NO_WALK:
        raise MachineError(
            f"nobody has asked context {c} for tried regions",
            fix="request them, then let time pass",
        )
    stopped = record["status"][0] != RUNNING
    if walk == WALK_PENDING and not stopped:
        raise MachineError(
            f"context {c} has not finished the request for tried regions (EBUSY)",
            fix="let time pass, up to the longest apply interval",
        )
    record["walk"] = NO_WALK
    if walk == WALK_CANCELLED or (walk == WALK_PENDING and stopped):
        raise MachineError(
            f"request for tried regions of context {c} was cancelled (ECANCELED)",
            fix="run a scheme that watermarks do not deactivate, on a context that is not paused",
        )
    if record["walk_row"][0] >= 0 and pieces > state.tried.shape[1]:
        raise EmulatorLimitError(
            f"schemes of context {c} handled more pieces than tried regions have room for",
            got=pieces,
            allowed=f"0..{state.tried.shape[1]}",
            fix="raise the region capacity, or ask for the bytes only",
        )
    return _read(state, c, pieces)


def _read(state: EngineState, c: int, pieces: int) -> tuple[TriedRegions, ...]:
    record = state.contexts[c]
    schemes = int(record["nr_schemes"])
    lists: list[list[TriedRegion]] = [[] for _ in range(schemes)]
    rows = state.tried[int(record["walk_row"]), :pieces].tolist() if pieces else []
    probes = int(record["nr_probes"])
    for start, end, nr_accesses, age, passed, packed, scheme, target in rows:
        if scheme < schemes:
            hits = tuple(packed >> 8 * i & 255 for i in range(probes))
            piece = TriedRegion(target, start, end, nr_accesses, age, passed, hits)
            lists[scheme].append(piece)
    sizes = state.schemes["walk_bytes"][c].tolist()
    return tuple(
        TriedRegions(size, tuple(regions))
        for size, regions in zip(sizes[:schemes], lists, strict=True)
    )


def _with_free_row(state: EngineState) -> tuple[EngineState, int]:
    contexts = state.contexts
    taken = set(contexts["walk_row"][contexts["walk"] != NO_WALK].tolist())
    row = next(row for row in range(len(taken) + 1) if row not in taken)
    width = max(PIECES_PER_REGION * state.regions.start.shape[1], state.tried.shape[1])
    rows = max(row + 1, len(state.tried))
    return state._replace(tried=padded(np.asarray(state.tried), (rows, width))), row
