"""An engine of one context in exactly the state that a table describes."""

from collections.abc import Mapping, Sequence
from typing import Any

from damosrl.emulator.conformance.case import read_filter
from damosrl.emulator.loading import load_filters
from damosrl.emulator.state import NO_TARGET, EngineState, allocate

Row = Sequence[int]
"""One region of a table: start, end, nr_accesses, last_nr_accesses, age."""

CAPACITY = 4096
REGION_COLUMNS = ("start", "end", "nr_accesses", "last_nr_accesses", "age")


def rig(
    targets: Sequence[Sequence[Row]] = (),
    filters: Sequence[Mapping[str, Any]] = (),
    scheme: Mapping[str, int] | None = None,
    context: Mapping[str, int] | None = None,
) -> EngineState:
    """Return an engine with some regions, one scheme, and values of the context's record.

    Args:
        targets: Regions by target.
        filters: Filters of the scheme, as in the tables.
        scheme: Values of the scheme's record.
        context: Values of the context's record.
    """
    state = allocate(1, region_capacity=CAPACITY, filters=len(filters))
    put_regions(state, targets)
    state.contexts["nr_targets"] = len(targets)
    state.contexts["nr_schemes"] = 1
    state.contexts["min_region_sz"] = 4096
    for name, value in (context or {}).items():
        state.contexts[name] = value
    state.schemes["activated"] = 1
    state.schemes["cursor_target"] = NO_TARGET
    for name, value in (scheme or {}).items():
        state.schemes[name] = value
    load_filters(state, 0, 0, [read_filter(condition) for condition in filters])
    return state


def put_regions(state: EngineState, targets: Sequence[Sequence[Row]]) -> None:
    """Write a table's regions into context 0."""
    rows = [(index, row) for index, target in enumerate(targets) for row in target]
    for place, (index, row) in enumerate(rows):
        state.regions.target[0, place] = index
        for name, value in zip(REGION_COLUMNS, row, strict=True):
            getattr(state.regions, name)[0, place] = value
    state.regions.nr_regions[0] = len(rows)


def get_regions(state: EngineState) -> list[list[list[int]]]:
    """Read the regions of context 0 back, by target."""
    targets: list[list[list[int]]] = [[] for _ in range(int(state.contexts["nr_targets"][0]))]
    for place in range(int(state.regions.nr_regions[0])):
        row = [int(getattr(state.regions, name)[0, place]) for name in REGION_COLUMNS]
        targets[int(state.regions.target[0, place])].append(row)
    return targets


def place_of(targets: Sequence[Sequence[Row]], target: int, region: int) -> int:
    """Return the place of a target's region among all regions."""
    return sum(len(rows) for rows in targets[:target]) + region
