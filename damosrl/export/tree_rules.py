"""A decision tree as rules that people read: features and knobs in their units."""

import numpy as np

from damosrl.artifact import ActionKind
from damosrl.export.words import said
from damosrl.knobs import Float32Array, Quantity
from damosrl.policy import LEAF, PolicyTree
from damosrl.task import TaskSpec

INDENT = "    "


def rules(
    tree: PolicyTree, spec: TaskSpec, action_kind: ActionKind, observations: Float32Array
) -> str:
    """Return a tree as nested conditions.

    Args:
        tree: The policy.
        spec: Its task, which has names and units.
        action_kind: Whether leaves hold positions of knobs, or steps.
        observations: ``(n, d)``; each leaf says which share of them ends in it.
    """
    reached = np.bincount(tree.leaf(observations), minlength=len(tree.feature))
    shares = reached / max(len(observations), 1)

    def lines(node: int, depth: int) -> list[str]:
        margin = INDENT * depth
        if tree.left[node] == LEAF:
            what = ", ".join(_leaf_words(spec, tree.value[node], action_kind))
            return [f"{margin}{what}   ({shares[node]:.1%} of decisions)"]
        item = spec.observation.items[int(tree.feature[node])]
        bound = _said(item, float(tree.threshold[node]))
        return [
            f"{margin}if {item.name} <= {bound}:",
            *lines(int(tree.left[node]), depth + 1),
            f"{margin}else:",
            *lines(int(tree.right[node]), depth + 1),
        ]

    return "\n".join(lines(0, 0)) + "\n"


def depth_of(tree: PolicyTree) -> int:
    """Return the number of questions on the longest way from the root to a leaf."""
    depth = np.zeros(len(tree.feature), np.int64)
    for node in np.flatnonzero(tree.left != LEAF).tolist():  # children come after their parents
        depth[[tree.left[node], tree.right[node]]] = depth[node] + 1
    return int(depth.max())


def leaves_of(tree: PolicyTree) -> int:
    """Return the number of leaves."""
    return int(np.count_nonzero(tree.left == LEAF))


def _said(item: Quantity, normal: float) -> str:
    return said(item, float(item.to_physical(np.array(normal))))


def _leaf_words(spec: TaskSpec, action: Float32Array, action_kind: ActionKind) -> list[str]:
    if action_kind == "absolute":
        return [
            f"{item.name} = {_said(item, float(value))}"
            for item, value in zip(spec.knobs.items, action, strict=True)
        ]
    return [
        f"{name} {float(value):+.2f} of a full step"
        for name, value in zip(spec.knobs.names, action, strict=True)
    ]
