"""Decision trees as policies: they decide as a walk by hand would; others are refused."""

from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.errors import ArtifactError
from damosrl.policy import LEAF, Policy, PolicyTree
from damosrl.testing.sample_policies import sample_network, sample_tree


def _tree(seed: int = 0, splits: int = 4) -> PolicyTree:
    return sample_tree(np.random.default_rng(seed), splits=splits)


def _walk(tree: PolicyTree, observation: np.ndarray[Any, Any]) -> int:
    """Walk from the root in plain Python."""
    node = 0
    while tree.left[node] != LEAF:
        seen = float(observation[tree.feature[node]])
        seen = 0.0 if np.isnan(seen) else seen
        node = int(tree.left[node] if seen <= tree.threshold[node] else tree.right[node])
    return node


@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_a_tree_decides_as_a_walk_by_hand(seed: int, splits: int) -> None:
    """The batch ends in the leaves that a walk in plain Python ends in, missing features too."""
    tree = _tree(seed, splits)
    rng = np.random.default_rng(seed)
    shown = rng.uniform(-1.2, 1.2, (4, 5, 3)).astype(np.float32)
    for odd in (np.nan, np.inf, -np.inf):
        shown[rng.random(shown.shape) < 0.1] = odd
    leaves = np.array([_walk(tree, row) for row in shown.reshape(-1, 3)]).reshape(4, 5)
    assert np.array_equal(tree.leaf(shown), leaves)
    assert np.array_equal(tree.act(shown), tree.value[leaves])
    for place in np.ndindex(4, 5):
        assert tree.leaf(shown[place]) == leaves[place]
        assert np.array_equal(tree.act(shown[place]), tree.value[leaves[place]])


def test_an_action_may_be_changed_without_changing_the_tree() -> None:
    """What a caller does to an action stays with the caller."""
    tree, seen = _tree(), np.zeros(3, np.float32)
    first = tree.act(seen)
    kept = first.copy()
    first[:] = 9.0
    assert np.array_equal(tree.act(seen), kept)


def test_one_decision_costs_no_more_than_that_of_a_network() -> None:
    """Single observations are walked without a call into NumPy per node; medians, taken in turn."""
    rng = np.random.default_rng(0)
    tree, network = sample_tree(rng, splits=31), sample_network(rng, hidden=64, normalised=True)
    policies: tuple[Policy, Policy] = (tree, network)
    taken_s: list[list[float]] = [[], []]
    for seen in rng.uniform(-1, 1, (1000, 3)).astype(np.float32):
        for policy, times in zip(policies, taken_s, strict=True):
            began = perf_counter()
            policy.act(seen)
            times.append(perf_counter() - began)
    tree_s, network_s = np.median(taken_s, axis=1)
    assert tree_s < network_s


def test_a_threshold_itself_goes_left() -> None:
    """Equal goes left, the next float32 right; thresholds keep double precision."""
    at = np.float64(0.1)
    tree = PolicyTree(
        feature=np.zeros(3, np.int32),
        threshold=np.array([at, 0.0, 0.0]),
        left=np.array([1, LEAF, LEAF], np.int32),
        right=np.array([2, LEAF, LEAF], np.int32),
        value=np.array([[0.0], [-1.0], [1.0]], np.float32),
        observation_size=1,
    )
    above = np.float32(0.1)  # 1.5e-9 above the double
    below = np.nextafter(above, np.float32(0))
    assert tree.act(np.array([[above], [below]], np.float32)).tolist() == [[1.0], [-1.0]]


def test_a_tree_is_a_policy() -> None:
    """It has the sizes and the act of every policy, and gives float32."""
    tree: Policy = _tree()
    assert isinstance(tree, Policy)
    assert (tree.observation_size, tree.action_size) == (3, 2)
    assert tree.act(np.zeros(3, np.float32)).dtype == np.float32
    with pytest.raises(ValueError, match="expected"):
        tree.act(np.zeros(2, np.float32))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"left": np.array([0, LEAF, LEAF], np.int32)}, "out of order: got node 0"),
        ({"left": np.array([3, LEAF, LEAF], np.int32)}, "out of order"),
        ({"left": np.array([LEAF, LEAF, LEAF], np.int32)}, "out of order"),
        ({"left": np.array([-2, LEAF, LEAF], np.int32)}, "out of order"),
        ({"feature": np.array([3, 0, 0], np.int32)}, "feature that there is not"),
        ({"feature": np.array([-1, 0, 0], np.int32)}, "feature that there is not"),
        ({"threshold": np.array([np.nan, 0.0, 0.0])}, "threshold is NaN"),
        ({"threshold": np.zeros(2)}, "arrays do not fit"),
        ({"value": np.full((3, 2), np.nan, np.float32)}, "no action"),
        ({"value": np.full((3, 2), 1.5, np.float32)}, "no action"),
        ({"value": np.zeros(3, np.float32)}, "arrays do not fit"),
        ({"value": np.zeros((3, 0), np.float32)}, "arrays do not fit"),
        ({"observation_size": 0}, "arrays do not fit"),
    ],
)
def test_what_is_no_tree_is_refused(change: dict[str, Any], message: str) -> None:
    """Cycles, lost children, unknown features and values that are no actions are refused."""
    with pytest.raises(ArtifactError, match=message):
        replace(_tree(splits=1), **change)
