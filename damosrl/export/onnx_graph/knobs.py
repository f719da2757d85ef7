"""From normalised actions to physical knobs, as nodes in double precision.

The formulas are those of `damosrl.knobs.Quantity.to_physical` and `damosrl.steps.stepped`.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from damosrl.export.onnx_graph.builder import GraphBuilder
from damosrl.knobs import FloatArray, Quantity
from damosrl.steps import full_step

Items = Sequence[Quantity]


def physical_nodes(builder: GraphBuilder, items: Items, positions: str) -> str:
    """Add the way from knob positions to physical values.

    Args:
        builder: The graph.
        items: The k knobs.
        positions: Name of the positions ``(N, k)`` float32.

    Returns:
        Name of the physical values ``(N, k)`` double.
    """
    floor = _floors(items)
    clipped = _clip(builder, builder.cast(positions, np.float64), -1.0, 1.0)
    above = builder.add("Sub", clipped, builder.constant(floor))
    share = builder.add("Div", above, builder.constant(1.0 - floor))
    value = _unscaled(builder, items, _clip(builder, share, 0.0, 1.0))
    has_off = builder.constant(np.array([item.off_below is not None for item in items]))
    below = builder.add("Less", clipped, builder.constant(floor))
    off = builder.add("And", below, has_off)
    return builder.add("Where", off, builder.constant(np.float64(0.0)), value)


def stepped_nodes(
    builder: GraphBuilder, items: Items, observation: str, in_force: Sequence[int], direction: str
) -> str:
    """Add one step from the positions in force, which the policy observes.

    Args:
        builder: The graph.
        items: The k knobs.
        observation: Name of the observations ``(N, d)``, without gaps.
        in_force: Places of the k positions in force among the features.
        direction: Name of the directions ``(N, k)``.

    Returns:
        Name of the positions ``(N, k)`` float32.
    """
    floor = builder.constant(_floors(items))
    size = builder.constant(np.array([full_step(item) for item in items]))
    places = builder.constant(np.array(in_force, np.int64))
    now = builder.cast(builder.add("Gather", observation, places, axis=1), np.float64)
    steps = _clip(builder, builder.cast(direction, np.float64), -1.0, 1.0)
    is_off = builder.add("Less", now, floor)
    not_up = builder.add("LessOrEqual", steps, builder.constant(np.float64(0.0)))
    stays_off = builder.add("And", is_off, not_up)
    moved = builder.add("Add", builder.add("Max", now, floor), builder.add("Mul", steps, size))
    lowest = builder.constant(np.float64(-1.0))
    position = builder.add("Where", stays_off, lowest, moved)
    return builder.cast(_clip(builder, position, -1.0, 1.0), np.float32)


def _unscaled(builder: GraphBuilder, items: Items, share: str) -> str:
    """Undo the scale of each knob; every scale is computed, and the right one taken."""
    low = builder.constant(np.array([item.low for item in items]))
    width = builder.constant(np.array([item.high - item.low for item in items]))
    value = builder.add("Add", low, builder.add("Mul", share, width))
    log = _grown(builder, items, share, "log", lambda item: math.log(item.high / item.low))
    symlog = _grown(builder, items, share, "symlog", lambda item: math.log1p(item.high - item.low))
    one = builder.constant(np.float64(1.0))
    offset = builder.add("Add", low, builder.add("Sub", symlog, one))
    value = builder.add("Where", _which(builder, items, "log"), builder.add("Mul", low, log), value)
    return builder.add("Where", _which(builder, items, "symlog"), offset, value)


def _grown(
    builder: GraphBuilder, items: Items, share: str, scale: str, span: Callable[[Quantity], float]
) -> str:
    spans = np.array([span(item) if item.scale == scale else 0.0 for item in items])
    return builder.add("Exp", builder.add("Mul", share, builder.constant(spans)))


def _which(builder: GraphBuilder, items: Items, scale: str) -> str:
    marks: NDArray[np.bool_] = np.array([item.scale == scale for item in items])
    return builder.constant(marks)


def _floors(items: Items) -> FloatArray:
    return np.array([-1.0 if item.off_below is None else item.off_below for item in items])


def _clip(builder: GraphBuilder, value: str, low: float, high: float) -> str:
    limits = (builder.constant(np.float64(low)), builder.constant(np.float64(high)))
    return builder.add("Clip", value, *limits)
