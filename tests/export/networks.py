"""Random networks and the tasks that they fit."""

import numpy as np

from damosrl.knobs import Float32Array, Quantity, QuantitySet
from damosrl.policy import ActivationName, Layer, Normaliser, OutputMap, PolicyNetwork
from damosrl.task import TaskSpec

FEATURES = 6
KNOBS = QuantitySet(
    (
        Quantity("quota", "bytes/s", 2.0**20, 2.0**30, "A quota.", scale="log", off_below=-0.9),
        Quantity("age", "s", 0.0, 30.0, "An age.", scale="symlog"),
        Quantity("share", "%", -5.0, 20.0, "A share."),
    )
)


def spec_of(knobs: QuantitySet = KNOBS) -> TaskSpec:
    """Return a task whose last features are the knobs in force."""
    seen = [
        Quantity(f"seen_{place}", "ratio", 0.0, 1.0, "A share.")
        for place in range(FEATURES - len(knobs))
    ]
    last = [Quantity(f"last_{name}", "ratio", -1.0, 1.0, "In force.") for name in knobs.names]
    return TaskSpec("a-task", QuantitySet((*seen, *last)), knobs, 1.0)


def random_network(
    generator: np.random.Generator,
    activation: ActivationName = "tanh",
    output: OutputMap = "clip",
    *,
    normalised: bool = False,
) -> PolicyNetwork:
    """Return a network with two layers over the features and knobs above."""
    choices = (3, 2, 5) if output == "choice" else ()
    outputs = sum(choices) or len(KNOBS)
    normaliser = None
    if normalised:
        scale = generator.uniform(0.1, 2.0, FEATURES).astype(np.float32)
        normaliser = Normaliser(_normal(generator, FEATURES), scale, 3.0)
    layers = (
        Layer(_normal(generator, 8, FEATURES), _normal(generator, 8), activation),
        Layer(_normal(generator, outputs, 8) * np.float32(0.3), _normal(generator, outputs)),
    )
    return PolicyNetwork(layers, output, choices, normaliser)


def _normal(generator: np.random.Generator, *shape: int) -> Float32Array:
    return generator.normal(0.0, 0.5, shape).astype(np.float32)
