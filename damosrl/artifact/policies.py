"""Policies taken apart into a part of the manifest and arrays, and put together again."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.artifact.arrays import Arrays
from damosrl.artifact.manifest import ControllerPart, NetworkPart, PolicyPart, TreePart
from damosrl.errors import ArtifactError
from damosrl.policy import (
    AnyPolicy,
    ControllerPolicy,
    Layer,
    Normaliser,
    PolicyNetwork,
    PolicyTree,
)

_TREE_TYPES: Mapping[str, type[np.generic]] = {
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "right": np.int32,
    "value": np.float32,
}


def take_apart(policy: AnyPolicy) -> tuple[PolicyPart, Arrays]:
    """Return what the manifest says of a policy, and its arrays by name."""
    if isinstance(policy, ControllerPolicy):
        return ControllerPart(policy.name, dict(policy.parameters)), {}
    if isinstance(policy, PolicyTree):
        return TreePart(policy.observation_size), {
            name: getattr(policy, name) for name in _TREE_TYPES
        }
    arrays: Arrays = {}
    for place, layer in enumerate(policy.layers):
        arrays[f"weight_{place}"] = layer.weight
        arrays[f"bias_{place}"] = layer.bias
    if policy.normaliser is not None:
        arrays["normaliser_mean"] = policy.normaliser.mean
        arrays["normaliser_scale"] = policy.normaliser.scale
    part = NetworkPart(
        activations=tuple(layer.activation for layer in policy.layers),
        output=policy.output,
        choices=policy.choices,
        normaliser_limit=policy.normaliser.limit if policy.normaliser else None,
    )
    return part, arrays


def put_together(part: PolicyPart, arrays: Arrays) -> AnyPolicy:
    """Return the policy of a part of the manifest and arrays.

    Raises:
        ArtifactError: An array is missing, left over, of a wrong type, or does not fit.
    """
    left = dict(arrays)
    policy: AnyPolicy
    if isinstance(part, ControllerPart):
        policy = ControllerPolicy(part.name, part.parameters)
    elif isinstance(part, TreePart):
        taken: Any = {name: _take(left, name, kind) for name, kind in _TREE_TYPES.items()}
        policy = PolicyTree(**taken, observation_size=part.observation_size)
    else:
        policy = _network(part, left)
    if left:
        raise ArtifactError("arrays are left over", got=", ".join(sorted(left))[:120])
    return policy


def _network(part: NetworkPart, arrays: Arrays) -> PolicyNetwork:
    layers = tuple(
        Layer(
            _take(arrays, f"weight_{place}", np.float32),
            _take(arrays, f"bias_{place}", np.float32),
            activation,
        )
        for place, activation in enumerate(part.activations)
    )
    normaliser = None
    if part.normaliser_limit is not None:
        normaliser = Normaliser(
            _take(arrays, "normaliser_mean", np.float32),
            _take(arrays, "normaliser_scale", np.float32),
            part.normaliser_limit,
        )
    return PolicyNetwork(layers, part.output, part.choices, normaliser)


def _take(arrays: Arrays, name: str, kind: type[np.generic]) -> NDArray[Any]:
    if name not in arrays:
        raise ArtifactError("an array is missing", got=", ".join(sorted(arrays)), allowed=name)
    array = arrays.pop(name)
    if array.dtype != kind:
        raise ArtifactError(
            f"{name} has a wrong type", got=array.dtype, allowed=np.dtype(kind).name
        )
    return array
