"""A small neural policy in plain NumPy: what a trained tuner is once training is over.

Nothing here needs a learning library, so a policy runs where torch is not installed, and the
same numbers come out of training, comparison and deployment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from damosrl.errors import ArtifactError, UnknownNameError
from damosrl.knobs import Float32Array

ActivationName = Literal["identity", "relu", "tanh", "elu", "silu", "leaky_relu"]
OutputMap = Literal["clip", "tanh", "choice"]


MAX_LIMIT = 1e30
"""Of a normaliser; float32 has it."""


def _elu(values: Float32Array) -> Float32Array:
    bent: Float32Array = np.where(values > 0, values, np.expm1(np.minimum(values, 0)))
    return bent


def _silu(values: Float32Array) -> Float32Array:
    gate: Float32Array = np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * values)
    return values * gate


ACTIVATIONS: Mapping[ActivationName, Callable[[Float32Array], Float32Array]] = {
    "identity": lambda values: values,
    "relu": lambda values: np.maximum(values, np.float32(0)),
    "tanh": np.tanh,
    "elu": _elu,
    "silu": _silu,
    "leaky_relu": lambda values: np.where(values > 0, values, np.float32(0.01) * values),
}


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One dense layer, ``activation(weight @ x + bias)``.

    Args:
        weight: ``(outputs, inputs)`` float32.
        bias: ``(outputs,)`` float32.
        activation: Name of the function applied to each output.
    """

    weight: Float32Array
    bias: Float32Array
    activation: ActivationName = "identity"

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise UnknownNameError("activation", self.activation, ACTIVATIONS)
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[:1]:
            raise ArtifactError(
                "a layer's weight and bias do not fit",
                got=f"weight {self.weight.shape}, bias {self.bias.shape}",
                allowed="weight (outputs, inputs), bias (outputs,)",
            )
        if not (np.isfinite(self.weight).all() and np.isfinite(self.bias).all()):
            raise ArtifactError("a layer holds NaN or infinity", fix="train again")


@dataclass(frozen=True, slots=True, eq=False)
class Normaliser:
    """Standardises observations as they were in training: ``clip((x - mean) / scale)``.

    Args:
        mean: ``(d,)`` float32.
        scale: ``(d,)`` float32, > 0: square root of variance plus epsilon.
        limit: The result is clipped to [-limit, limit].
    """

    mean: Float32Array
    scale: Float32Array
    limit: float = 10.0

    def __post_init__(self) -> None:
        sound = np.isfinite(self.mean).all() and np.isfinite(self.scale).all()
        if not 0.0 < self.limit <= MAX_LIMIT:
            raise ArtifactError(
                "the normaliser's limit is wrong", got=self.limit, allowed=f"0 .. {MAX_LIMIT:g}"
            )
        if not sound or self.mean.shape != self.scale.shape or (self.scale <= 0).any():
            raise ArtifactError(
                "the normaliser cannot be used",
                got=f"mean {self.mean.shape}, scale {self.scale.shape}",
                allowed="finite arrays of one length, scale > 0",
                fix="train again",
            )

    def __call__(self, observations: Float32Array) -> Float32Array:
        """Standardise observations ``(..., d)``."""
        limit = np.float32(self.limit)
        scaled: Float32Array = np.clip((observations - self.mean) / self.scale, -limit, limit)
        return scaled


@dataclass(frozen=True, slots=True, eq=False)
class PolicyNetwork:
    """A multi-layer perceptron from observations to actions; deterministic.

    Args:
        layers: At least one; each takes what the one before gives.
        output: ``clip``: limit to [-1, 1] (Gaussian policies act by their mean);
            ``tanh``: squash (SAC, TD3); ``choice``: the outputs are scores of discrete
            choices, the best choice counts.
        choices: For ``choice``: how many choices each knob has. Choice ``i`` of ``n`` acts as
            ``-1 + 2 i / (n - 1)``: {down, keep, up} becomes {-1, 0, 1}.
        normaliser: Applied to observations first.

    Example:
        >>> layer = Layer(np.eye(2, dtype=np.float32), np.zeros(2, dtype=np.float32))
        >>> PolicyNetwork((layer,), "clip").act(np.array([0.5, 3.0], dtype=np.float32))
        array([0.5, 1. ], dtype=float32)
    """

    layers: tuple[Layer, ...]
    output: OutputMap
    choices: tuple[int, ...] = ()
    normaliser: Normaliser | None = None

    def __post_init__(self) -> None:
        if self.output not in get_args(OutputMap):
            raise UnknownNameError("output map", self.output, get_args(OutputMap))
        if not self.layers:
            raise ArtifactError("a policy has no layers", allowed="one or more")
        for place, (first, second) in enumerate(zip(self.layers, self.layers[1:], strict=False)):
            if second.weight.shape[1] != first.weight.shape[0]:
                raise ArtifactError(
                    f"layers {place} and {place + 1} do not fit",
                    got=f"{first.weight.shape[0]} outputs, {second.weight.shape[1]} inputs",
                )
        outputs = self.layers[-1].weight.shape[0]
        if (self.output == "choice") != bool(self.choices) or (
            self.choices and (min(self.choices) < 2 or sum(self.choices) != outputs)
        ):
            raise ArtifactError(
                "the policy's choices do not fit its outputs",
                got=f"choices {self.choices}, output {self.output}, {outputs} outputs",
                allowed="two or more choices per knob, one output each",
            )
        if self.normaliser is not None and self.normaliser.mean.shape != (self.observation_size,):
            raise ArtifactError("the normaliser does not fit the first layer")

    @property
    def observation_size(self) -> int:
        """Length d of an observation."""
        return int(self.layers[0].weight.shape[1])

    @property
    def action_size(self) -> int:
        """Length k of an action."""
        return len(self.choices) or int(self.layers[-1].weight.shape[0])

    def forward(self, observations: Float32Array) -> Float32Array:
        """Return the last layer's outputs for observations ``(..., d)``, before the output map.

        A feature that is NaN (nothing measured) counts as the middle of its range.
        """
        values = np.nan_to_num(np.asarray(observations, dtype=np.float32), nan=0.0)
        if self.normaliser is not None:
            values = self.normaliser(values)
        for layer in self.layers:
            values = ACTIVATIONS[layer.activation](values @ layer.weight.T + layer.bias)
        return values

    def act(self, observations: Float32Array) -> Float32Array:
        """Return actions ``(..., k)`` float32 in [-1, 1] for observations ``(..., d)``."""
        values = self.forward(observations)
        if self.output == "tanh":
            return np.tanh(values)
        if self.output == "clip":
            return np.clip(values, np.float32(-1), np.float32(1))
        return self._best_choices(values)

    def _best_choices(self, scores: Float32Array) -> Float32Array:
        borders = np.cumsum(self.choices)[:-1]
        chosen = [
            -1.0 + 2.0 * np.argmax(part, axis=-1) / (count - 1)
            for part, count in zip(np.split(scores, borders, axis=-1), self.choices, strict=True)
        ]
        return np.stack(chosen, axis=-1).astype(np.float32)
