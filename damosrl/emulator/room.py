"""Growing the engine's arrays when a commit brings more than was allocated; a rare path."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Context
from damosrl.emulator.state import EngineState, words_of


class Room(NamedTuple):
    """What a document needs of the engine's arrays, per context, scheme or filter list."""

    schemes: int = 1
    goals: int = 1
    filters: int = 1
    targets: int = 0
    ranges: int = 0
    dests: int = 0

    def with_at_least(self, other: "Room") -> "Room":
        """Return the larger of both in each number."""
        return Room(*map(max, self, other))


def room_for(context: Context) -> Room:
    """Return what a context needs.

    Example:
        >>> from damosrl.damon import Ops
        >>> room_for(Context(Ops.PADDR)).schemes
        0
    """
    return Room(
        schemes=len(context.schemes),
        goals=max((len(scheme.quota.goals) for scheme in context.schemes), default=0),
        filters=max((len(scheme.filters) for scheme in context.schemes), default=0),
        targets=len(context.targets),
        ranges=sum(len(target.regions) for target in context.targets),
        dests=max((len(scheme.dests) for scheme in context.schemes), default=0),
    )


def make_room(state: EngineState, wanted: Room) -> EngineState:
    """Return the engine with room for a document, in force and staged; nothing is lost."""
    staged, contexts = state.staged, len(state.contexts)
    schemes, goals = state.goals.shape[1:]
    present = Room(
        schemes,
        goals,
        state.filters.shape[2],
        staged.targets.shape[1],
        staged.ranges.shape[2],
        state.dests.shape[2],
    )
    new = present.with_at_least(wanted)
    if new == present and len(staged.contexts) == contexts:
        return state
    tables = {
        "schemes": (contexts, new.schemes),
        "goals": (contexts, new.schemes, new.goals),
        "filters": (contexts, new.schemes, new.filters),
        "dests": (contexts, new.schemes, new.dests),
    }
    in_force = {name: padded(getattr(state, name), shape) for name, shape in tables.items()}
    tables |= {"contexts": (contexts,), "targets": (contexts, new.targets)}
    tables |= {"ranges": (contexts, 2, new.ranges)}
    waiting = {name: padded(getattr(staged, name), shape) for name, shape in tables.items()}
    return state._replace(
        schemes=in_force["schemes"],
        goals=in_force["goals"],
        filters=in_force["filters"],
        dests=in_force["dests"],
        pids=padded(state.pids, (contexts, max(new.targets, state.pids.shape[1]))),
        scheme_words=words_of(in_force["schemes"]),
        staged=staged._replace(**waiting, scheme_words=words_of(waiting["schemes"])),
    )


def padded(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the array, copied into a larger one of zeros if it has another shape."""
    if array.shape == shape:
        return array
    larger = np.zeros(shape, array.dtype)
    larger[tuple(slice(size) for size in array.shape)] = array
    return larger
