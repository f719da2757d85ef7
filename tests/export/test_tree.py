"""Trees grown by scikit-learn: taken over exactly, bounded, readable, and judged honestly."""

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from damosrl.errors import ExportError
from damosrl.export.agreement import agreement
from damosrl.export.observations import probe_observations
from damosrl.export.tree_fit import TreeSize, fit_tree
from damosrl.export.tree_rules import depth_of, leaves_of, rules
from damosrl.knobs import Float32Array
from damosrl.policy import LEAF, PolicyTree
from tests.export.networks import FEATURES, random_network, spec_of


def _taught(seed: int, count: int = 600) -> tuple[Float32Array, Float32Array]:
    generator = np.random.default_rng(seed)
    seen = probe_observations(FEATURES, generator, count)
    return seen, random_network(generator).act(seen)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), depth=st.integers(1, 8), leaves=st.integers(2, 40))
def test_a_tree_keeps_its_bounds(seed: int, depth: int, leaves: int) -> None:
    """Depth and leaves never exceed what was asked for, and every value is an action."""
    seen, actions = _taught(seed)
    tree = fit_tree(seen, actions, TreeSize(depth, leaves), 0)
    assert 1 <= depth_of(tree) <= depth
    assert 2 <= leaves_of(tree) <= leaves
    assert np.abs(tree.act(seen)).max() <= 1.0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_tree_acts_as_the_library_that_grew_it(seed: int) -> None:
    """Every observation, extremes included, gets the library's own prediction."""
    seen, actions = _taught(seed)
    tree = fit_tree(seen, actions, TreeSize(6, 32), 1)
    filled = np.nan_to_num(seen, nan=0.0)
    grown: Any = DecisionTreeRegressor(
        max_depth=6, max_leaf_nodes=32, min_samples_leaf=2, random_state=1
    ).fit(filled, actions)
    fresh = probe_observations(FEATURES, np.random.default_rng(seed + 1), 2000)
    wanted = grown.predict(np.nan_to_num(fresh, nan=0.0))
    np.testing.assert_allclose(tree.act(fresh), wanted, atol=1e-6)


def test_more_leaves_agree_better() -> None:
    """A larger tree follows its teacher more closely on what it was taught."""
    seen, actions = _taught(3, 4000)
    shares = [
        agreement(("a", "b", "c"), actions, fit_tree(seen, actions, size, 0).act(seen)).all_close
        for size in (TreeSize(1, 2), TreeSize(6, 32), TreeSize(16, 512))
    ]
    assert shares[0] < shares[1] < shares[2]


def test_agreement_counts_what_lies_within_a_twentieth_of_the_range() -> None:
    """0.1 of an axis that is 2 wide agrees, more does not; R2 is 1 where nothing differs."""
    teacher = np.array([[0.0, 0.5], [0.5, 0.5], [1.0, 0.5]], np.float32)
    student = np.array([[0.09, 0.5], [0.39, 0.5], [1.0, 0.5]], np.float32)
    found = agreement(("moved", "kept"), teacher, student)
    assert found.close == {"moved": pytest.approx(2 / 3), "kept": 1.0}
    assert found.all_close == pytest.approx(2 / 3)
    assert found.r2["moved"] == pytest.approx(1 - (0.09**2 + 0.11**2) / 0.5, abs=1e-6)
    assert found.r2["kept"] is None
    assert "the policy never changes it" in found.lines()[2]


def _small_tree() -> PolicyTree:
    return PolicyTree(
        feature=np.array([0, 0, 0], np.int32),
        threshold=np.array([-0.5, 0.0, 0.0]),
        left=np.array([1, LEAF, LEAF], np.int32),
        right=np.array([2, LEAF, LEAF], np.int32),
        value=np.array([[0, 0, 0], [-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]], np.float32),
        observation_size=FEATURES,
    )


def test_rules_are_in_physical_units() -> None:
    """Thresholds and leaves are said as features and knobs, with the share that ends there."""
    seen = np.array([[-1.0] + [0.0] * 5] + [[1.0] + [0.0] * 5] * 3, np.float32)
    assert rules(_small_tree(), spec_of(), "absolute", seen).splitlines() == [
        "if seen_0 <= 0.25:",
        "    quota = off, age = 0 s, share = -5 %   (25.0% of decisions)",
        "else:",
        "    quota = 1024 MiB/s, age = 30 s, share = 20 %   (75.0% of decisions)",
    ]


def test_rules_of_relative_actions_are_steps() -> None:
    """Leaves of a policy that steps say how far, not where to."""
    text = rules(_small_tree(), spec_of(), "relative", np.zeros((1, FEATURES), np.float32))
    assert "quota -1.00 of a full step" in text
    assert "share +1.00 of a full step" in text


@pytest.mark.parametrize(("depth", "leaves"), [(0, 8), (33, 8), (4, 1), (4, 5000)])
def test_bounds_out_of_range_are_refused(depth: int, leaves: int) -> None:
    """A tree without a question, or one that nobody reads, is not grown."""
    with pytest.raises(ExportError, match="is out of range"):
        TreeSize(depth, leaves)


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without scikit-learn the error says what to install."""
    seen, actions = _taught(1)
    monkeypatch.setitem(sys.modules, "sklearn.tree", None)
    with pytest.raises(ExportError, match=r"needs sklearn.*pip install 'damosrl\[tree\]'"):
        fit_tree(seen, actions, TreeSize(), 0)
