"""The info of a step: arrays ``(N, ...)`` by name, and Gymnasium's way of saying whose they are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Info = dict[str, Any]


def masked(info: Mapping[str, Any], mask: NDArray[np.bool_]) -> Info:
    """Add Gymnasium's masks: ``_name`` says which machines ``name`` is about."""
    result: Info = {}
    for name, values in info.items():
        result[name] = masked(values, mask) if isinstance(values, Mapping) else values
        result[f"_{name}"] = mask.copy()
    return result


def single(info: Mapping[str, Any], machine: int = 0) -> Info:
    """Return one machine's part of an info without masks."""
    return {
        name: single(values, machine) if isinstance(values, Mapping) else values[machine]
        for name, values in info.items()
    }
