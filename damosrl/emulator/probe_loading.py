"""From the vocabulary into the arrays of probes, in force or staged; and more room for them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Context, Ops, Probe, ProbeFilterType
from damosrl.emulator.memcg import memcg_id
from damosrl.emulator.probe_state import MAX_PROBES
from damosrl.emulator.room import padded
from damosrl.emulator.state import EngineState
from damosrl.errors import EmulatorLimitError


def probes_in_force(context: Context) -> tuple[Probe, ...]:
    """Return the probes that count: physical memory alone has them."""
    return context.probes if context.ops is Ops.PADDR else ()


def probe_filters_of(contexts: Sequence[Context]) -> int:
    """Return the room that contexts need for filters of a probe; 0 if none has probes."""
    return max(
        (max(len(probe.filters), 1) for context in contexts for probe in probes_in_force(context)),
        default=0,
    )


def load_probes(record: NDArray[np.void], table: NDArray[np.void], context: Context) -> None:
    """Write a context's probes.

    Args:
        record: The context's record ``(1,)``, in force or staged.
        table: Its rows ``(4, F)`` of probes.
        context: The parameters.

    Raises:
        EmulatorLimitError: There are more probes or filters than rows.
    """
    probes = probes_in_force(context)
    most = max((len(probe.filters) for probe in probes), default=0)
    if len(probes) > len(table) or most > table.shape[1]:
        raise EmulatorLimitError(
            "more probes or filters of a probe than allocated",
            got=f"{len(probes)} probes with up to {most} filters",
            allowed=f"{len(table)} probes with up to {table.shape[1]} filters",
        )
    record["nr_probes"] = len(probes)
    record["weighted"] = any(probe.weight for probe in probes)
    for i, probe in enumerate(probes):
        table[i, 0] = (probe.weight, 0, 0, 0, 0, 0)
        for f, condition in enumerate(probe.filters):
            anon = condition.filter_type is ProbeFilterType.ANON
            group = memcg_id(condition.path) if condition.path is not None else 0
            weight = probe.weight if f == 0 else 0
            table[i, f] = (weight, 0, anon, group, condition.matching, condition.allow)
        table[i, 0]["nr_filters"] = len(probe.filters)


def make_probe_room(state: EngineState, filters: int) -> EngineState:
    """Return the engine with room for probes of so many filters; nothing is lost."""
    probes, regions = state.probes, state.regions
    if filters <= probes.shape[3]:
        return state
    contexts, capacity = regions.start.shape
    return state._replace(
        probes=padded(probes, (contexts, 2, MAX_PROBES, filters)),
        regions=regions._replace(hits=padded(regions.hits, (contexts, capacity))),
    )
