"""A decision tree grown by scikit-learn, taken over as a `PolicyTree`."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from damosrl.errors import ExportError
from damosrl.export.extras import import_extra
from damosrl.knobs import Float32Array
from damosrl.policy import PolicyTree


@dataclass(frozen=True, slots=True)
class TreeSize:
    """Bounds of a tree.

    Args:
        depth: Most questions from the root to a leaf.
        leaves: Most leaves.

    Raises:
        ExportError: A bound is too small or too large for people to read.
    """

    depth: int = 6
    leaves: int = 32

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("depth", self.depth, 1, 32),
            ("leaves", self.leaves, 2, 4096),
        ):
            if not low <= value <= high:
                raise ExportError(
                    f"a tree's {name} is out of range", got=value, allowed=f"{low} .. {high}"
                )


def fit_tree(
    observations: Float32Array, actions: Float32Array, size: TreeSize, seed: int
) -> PolicyTree:
    """Grow a regression tree (CART: Breiman et al., 1984) that minimises squared error.

    All knobs share one tree, whose best leaf is split first. A feature that is NaN counts as 0,
    as it does for a network.

    Args:
        observations: ``(n, d)``.
        actions: What the policy says to them, ``(n, k)``.
        size: Bounds.
        seed: Of the order in which equal splits are tried.

    Raises:
        ExportError: scikit-learn is not installed.
    """
    sklearn = import_extra("sklearn.tree", "tree")
    grown: Any = sklearn.DecisionTreeRegressor(
        max_depth=size.depth,
        max_leaf_nodes=size.leaves,
        min_samples_leaf=max(1, len(observations) // (8 * size.leaves)),
        random_state=seed,
    ).fit(np.nan_to_num(observations, nan=0.0), actions)
    tree = grown.tree_
    return PolicyTree(
        feature=tree.feature.astype(np.int32),
        threshold=np.where(tree.children_left < 0, 0.0, tree.threshold),
        left=tree.children_left.astype(np.int32),
        right=tree.children_right.astype(np.int32),
        value=np.clip(tree.value[:, :, 0], -1.0, 1.0).astype(np.float32),
        observation_size=observations.shape[1],
    )
