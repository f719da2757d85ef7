"""Small policies over a small task, for tests of bundles and of what runs them."""

import numpy as np

from damosrl.knobs import Quantity, QuantitySet
from damosrl.policy import LEAF, Layer, Normaliser, PolicyNetwork, PolicyTree
from damosrl.task import TaskSpec

SAMPLE_SPEC = TaskSpec(
    "sample-v0",
    QuantitySet(
        tuple(Quantity(name, "ratio", 0.0, 1.0, f"Is {name}.") for name in ("a", "b", "c"))
    ),
    QuantitySet(
        (
            Quantity("quota", "bytes/s", 1.0, 1e9, "A quota.", "log", off_below=-0.9, default=5.0),
            Quantity("age", "s", 0.0, 30.0, "An age.", "symlog"),
        )
    ),
    1.0,
)
"""Three features, two knobs, one decision a second."""


def sample_network(
    rng: np.random.Generator, spec: TaskSpec = SAMPLE_SPEC, *, hidden: int = 8, normalised: bool
) -> PolicyNetwork:
    """Draw a network with one hidden layer that fits a task.

    Args:
        rng: Weights are drawn from it.
        spec: The task.
        hidden: Width of the hidden layer.
        normalised: Whether it standardises observations first.
    """
    features, knobs = len(spec.observation), len(spec.knobs)
    mean = rng.normal(size=features).astype(np.float32)
    return PolicyNetwork(
        layers=(
            Layer(
                rng.normal(size=(hidden, features)).astype(np.float32),
                rng.normal(size=hidden).astype(np.float32),
                "tanh",
            ),
            Layer(
                rng.normal(size=(knobs, hidden)).astype(np.float32),
                rng.normal(size=knobs).astype(np.float32),
            ),
        ),
        output="clip",
        normaliser=Normaliser(mean, np.full(features, 2.0, np.float32)) if normalised else None,
    )


def sample_tree(
    rng: np.random.Generator, spec: TaskSpec = SAMPLE_SPEC, *, splits: int = 4
) -> PolicyTree:
    """Draw a tree that fits a task; every split is of a leaf drawn among those there are.

    Args:
        rng: Shape, features, thresholds and values are drawn from it.
        spec: The task.
        splits: Nodes that ask; it has one leaf more.
    """
    count = 2 * splits + 1
    left = np.full(count, LEAF, np.int32)
    right = np.full(count, LEAF, np.int32)
    leaves = [0]
    for split in range(splits):
        parent = leaves.pop(int(rng.integers(len(leaves))))
        left[parent], right[parent] = 2 * split + 1, 2 * split + 2
        leaves += [2 * split + 1, 2 * split + 2]
    return PolicyTree(
        feature=rng.integers(len(spec.observation), size=count).astype(np.int32),
        threshold=rng.uniform(-1.0, 1.0, size=count),
        left=left,
        right=right,
        value=rng.uniform(-1.0, 1.0, size=(count, len(spec.knobs))).astype(np.float32),
        observation_size=len(spec.observation),
    )
