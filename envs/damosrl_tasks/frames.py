"""Names of an observation with history."""

from dataclasses import replace

from damosrl.knobs import QuantitySet


def framed(observation: QuantitySet, frames: int) -> QuantitySet:
    """Name the quantities of an observation with history, newest frame first.

    Example:
        >>> from damosrl_tasks.tiering.quantities import OBSERVATION
        >>> framed(OBSERVATION, 2).names[len(OBSERVATION)]
        'fast_free@1'
    """
    items = list(observation.items)
    for age in range(1, frames):
        items += [replace(item, name=f"{item.name}@{age}") for item in observation.items]
    return QuantitySet(tuple(items))
