"""A decision tree in plain NumPy: a policy that people can read."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from damosrl.errors import ArtifactError
from damosrl.knobs import Float32Array, FloatArray

IndexArray = NDArray[np.int32]

LEAF = -1
"""As a child: there is none. A node has two children or none."""


@dataclass(frozen=True, slots=True, eq=False)
class PolicyTree:
    """A binary decision tree from observations to actions; deterministic.

    Node 0 is the root. A node that is no leaf sends an observation to its left child where
    ``observation[feature] <= threshold``, else to its right one; a leaf acts by its value. The
    layout is that of scikit-learn's ``tree_`` (children after their parent), and thresholds keep
    its double precision, so that both decide alike for every float32 observation.

    Args:
        feature: ``(n,)`` int32, place of the feature that a node asks about; any at leaves.
        threshold: ``(n,)`` float64, normalised; any finite number at leaves.
        left: ``(n,)`` int32, left child, `LEAF` at leaves.
        right: ``(n,)`` int32, right child, `LEAF` at leaves.
        value: ``(n, k)`` float32 in [-1, 1], the action; used at leaves.
        observation_size: d.

    Raises:
        ArtifactError: The arrays do not describe a tree over d features.

    Example:
        >>> tree = PolicyTree(
        ...     feature=np.array([1, 0, 0], np.int32),
        ...     threshold=np.array([0.25, 0.0, 0.0]),
        ...     left=np.array([1, LEAF, LEAF], np.int32),
        ...     right=np.array([2, LEAF, LEAF], np.int32),
        ...     value=np.array([[0.0], [-1.0], [1.0]], np.float32),
        ...     observation_size=2,
        ... )
        >>> tree.act(np.array([[0.0, 0.25], [0.0, 0.5]], np.float32)).tolist()
        [[-1.0], [1.0]]
    """

    feature: IndexArray
    threshold: FloatArray
    left: IndexArray
    right: IndexArray
    value: Float32Array
    observation_size: int
    _nodes: tuple[tuple[int, float, int, int], ...] = field(init=False, repr=False)
    """The same for one observation at a time, where calls into NumPy cost more than the walk."""

    def __post_init__(self) -> None:
        _require_shapes(self)
        _require_children(self)
        inner = self.left != LEAF
        asked = self.feature[inner]
        if ((asked < 0) | (asked >= self.observation_size)).any():
            raise ArtifactError(
                "a tree asks about a feature that there is not",
                got=f"{asked.min()} .. {asked.max()}",
                allowed=f"0 .. {self.observation_size - 1}",
            )
        if not np.isfinite(self.threshold).all():
            raise ArtifactError("a tree's threshold is NaN or infinite", fix="distil again")
        if not (np.abs(self.value) <= 1.0).all():
            raise ArtifactError(
                "a tree's value is no action",
                got=f"{self.value.min()} .. {self.value.max()}",
                allowed="-1 .. 1",
                fix="clip the values",
            )

        columns = (self.feature, self.threshold, self.left, self.right)
        nodes = tuple(zip(*(column.tolist() for column in columns), strict=True))
        object.__setattr__(self, "_nodes", nodes)

    @property
    def action_size(self) -> int:
        """Length k of an action."""
        return int(self.value.shape[1])

    def leaf(self, observations: Float32Array) -> NDArray[np.intp]:
        """Return the leaf ``(...)`` that each of the observations ``(..., d)`` ends in.

        A feature that is NaN (nothing measured) counts as the middle of its range, as it does
        for a network.

        Raises:
            ValueError: The last axis is not ``d`` long.
        """
        known = np.nan_to_num(np.asarray(observations, dtype=np.float32), nan=0.0)
        if known.shape[-1:] != (self.observation_size,):
            raise ValueError(
                f"observations have shape {known.shape}, expected (..., {self.observation_size})"
            )
        if known.ndim == 1:
            return np.asarray(self._walk(known), dtype=np.intp)
        node = np.zeros(known.shape[:-1], dtype=np.intp)
        while (inner := self.left[node] != LEAF).any():
            asked = np.where(inner, self.feature[node], 0)
            seen = np.take_along_axis(known, asked[..., None], axis=-1)[..., 0]
            child = np.where(seen <= self.threshold[node], self.left[node], self.right[node])
            node = np.where(inner, child, node)
        return node

    def _walk(self, known: Float32Array) -> int:
        """Return the leaf of one observation ``(d,)``."""
        seen, nodes = known.tolist(), self._nodes
        node = 0
        while True:
            feature, threshold, left, right = nodes[node]
            if left == LEAF:
                return node
            node = left if seen[feature] <= threshold else right

    def act(self, observations: Float32Array) -> Float32Array:
        """Return actions ``(..., k)`` float32 in [-1, 1] for observations ``(..., d)``."""
        actions: Float32Array = np.take(self.value, self.leaf(observations), axis=0)
        return actions


def _require_shapes(tree: PolicyTree) -> None:
    count = len(tree.feature) if tree.feature.ndim == 1 else 0
    found = [array.shape for array in (tree.feature, tree.threshold, tree.left, tree.right)]
    sound = tree.value.ndim == 2 and len(tree.value) == count and tree.value.shape[1] >= 1
    if count < 1 or tree.observation_size < 1 or not sound or set(found) != {(count,)}:
        raise ArtifactError(
            "a tree's arrays do not fit",
            got=f"feature, threshold, left, right {found}, value {tree.value.shape}, "
            f"{tree.observation_size} features",
            allowed="(n,) four times, (n, k) and one feature or more",
        )


def _require_children(tree: PolicyTree) -> None:
    """Refuse what no walk from the root would end in: children come after their parents."""
    place = np.arange(len(tree.feature))
    leaf = (tree.left == LEAF) & (tree.right == LEAF)
    lower = np.minimum(tree.left, tree.right) > place
    upper = np.maximum(tree.left, tree.right) < len(place)
    if not (leaf | (lower & upper)).all():
        raise ArtifactError(
            "a tree's children are out of order",
            got=f"node {int(np.flatnonzero(~(leaf | (lower & upper)))[0])}",
            allowed=f"{LEAF} twice at a leaf, else places after the node's own",
        )
