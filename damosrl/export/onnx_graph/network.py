"""A `PolicyNetwork` as nodes: gaps, normaliser, layers, output map."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from damosrl.export.onnx_graph.builder import GraphBuilder
from damosrl.policy import ActivationName, Layer, Normaliser, PolicyNetwork


def _silu(builder: GraphBuilder, value: str) -> str:
    return builder.add("Mul", value, builder.add("Sigmoid", value))


def _identity(builder: GraphBuilder, value: str) -> str:
    del builder
    return value


def _operator(builder: GraphBuilder, value: str, *, name: str, **attributes: Any) -> str:
    return builder.add(name, value, **attributes)


ACTIVATION_NODES: Mapping[ActivationName, Callable[[GraphBuilder, str], str]] = {
    "identity": _identity,
    "relu": partial(_operator, name="Relu"),
    "tanh": partial(_operator, name="Tanh"),
    "elu": partial(_operator, name="Elu", alpha=1.0),
    "silu": _silu,
    "leaky_relu": partial(_operator, name="LeakyRelu", alpha=0.01),
}
"""The nodes of each of `damosrl.policy.ACTIVATIONS`."""


def without_gaps(builder: GraphBuilder, observation: str) -> str:
    """Put 0, the middle of the range, where nothing was measured; infinities become finite."""
    zero, largest = np.float32(0.0), np.finfo(np.float32).max
    filled = builder.add(
        "Where", builder.add("IsNaN", observation), builder.constant(zero), observation
    )
    return _clip(builder, filled, float(largest))


def network_nodes(builder: GraphBuilder, network: PolicyNetwork, observation: str) -> str:
    """Add a network to a graph.

    Args:
        builder: The graph.
        network: The policy.
        observation: Name of the observations ``(N, d)`` float32, without gaps.

    Returns:
        Name of the actions ``(N, k)`` float32 in [-1, 1].
    """
    value = observation
    if network.normaliser is not None:
        value = _normalise(builder, network.normaliser, value)
    for layer in network.layers:
        value = _dense(builder, layer, value)
    if network.output == "tanh":
        return builder.add("Tanh", value)
    if network.output == "clip":
        return _clip(builder, value, 1.0)
    return _best_choices(builder, network.choices, value)


def _normalise(builder: GraphBuilder, normaliser: Normaliser, value: str) -> str:
    centred = builder.add("Sub", value, builder.constant(normaliser.mean))
    scaled = builder.add("Div", centred, builder.constant(normaliser.scale))
    return _clip(builder, scaled, normaliser.limit)


def _dense(builder: GraphBuilder, layer: Layer, value: str) -> str:
    weight, bias = builder.constant(layer.weight), builder.constant(layer.bias)
    dense = builder.add("Gemm", value, weight, bias, transB=1)
    return ACTIVATION_NODES[layer.activation](builder, dense)


def _clip(builder: GraphBuilder, value: str, limit: float) -> str:
    low, high = builder.constant(np.float32(-limit)), builder.constant(np.float32(limit))
    return builder.add("Clip", value, low, high)


def _best_choices(builder: GraphBuilder, choices: tuple[int, ...], scores: str) -> str:
    """Turn the best of n scores, i, into ``-1 + 2 i / (n - 1)`` for every knob."""
    actions = []
    for part, count in zip(builder.split(scores, choices), choices, strict=True):
        best = builder.cast(builder.add("ArgMax", part, axis=-1, keepdims=1), np.float32)
        step = builder.constant(np.float32(2.0 / (count - 1)))
        lowest = builder.constant(np.float32(-1.0))
        actions.append(builder.add("Add", builder.add("Mul", best, step), lowest))
    return builder.add("Concat", *actions, axis=-1)
