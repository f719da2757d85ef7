"""The document that machines are started with: what it may be, and the room that it needs."""

from damosrl.damon import Context, Document
from damosrl.emulator.probe_loading import probe_filters_of
from damosrl.emulator.state import EngineState, allocate
from damosrl.errors import MachineError

SPLIT_ROOM = 48
"""Regions beyond twice the most that an attribute allows; a context rarely has even those."""


def template_contexts(template: Document) -> list[Context]:
    """Return the context of each kdamond.

    Raises:
        MachineError: There is no kdamond, or one of them has no context.
    """
    if not template.kdamonds:
        raise MachineError("the template has no kdamond", allowed="one at least")
    if any(len(kdamond.contexts) != 1 for kdamond in template.kdamonds):
        raise MachineError("a kdamond of the template has no context", allowed="one context each")
    return [kdamond.contexts[0] for kdamond in template.kdamonds]


def engine_for(contexts: list[Context], machines: int, *, legacy: bool) -> EngineState:
    """Make room for so many machines with these contexts.

    Args:
        contexts: The context of each kdamond of a machine.
        machines: Number of machines.
        legacy: Whether one of them has a kernel 6.12.
    """
    schemes = [scheme for context in contexts for scheme in context.schemes]
    return allocate(
        machines * len(contexts),
        region_capacity=max(map(_most_regions, contexts)),
        schemes=max(len(context.schemes) for context in contexts),
        goals=max((len(scheme.quota.goals) for scheme in schemes), default=0),
        filters=max((len(scheme.filters) for scheme in schemes), default=0),
        targets=max(1, *(len(context.targets) for context in contexts)),
        dests=max((len(scheme.dests) for scheme in schemes), default=0),
        probe_filters=probe_filters_of(contexts),
        legacy=legacy,
    )


def _most_regions(context: Context) -> int:
    listed = sum(len(target.regions) for target in context.targets)
    return 2 * max(context.attrs.max_nr_regions, listed) + SPLIT_ROOM
