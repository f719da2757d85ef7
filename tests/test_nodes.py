"""Names that carry the number of a memory node."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.errors import UnknownNameError
from damosrl.knobs import Quantity, QuantitySet
from damosrl.nodes import node_name, places, split_node

NAMES = ("node1_quota", "node2_quota", "age")
QUANTITIES = QuantitySet(tuple(Quantity(name, "s", 0.0, 1.0, "A quantity.") for name in NAMES))


@given(st.integers(0, 1000), st.from_regex(r"[a-z][a-z_]{0,20}", fullmatch=True))
def test_a_name_with_a_node_comes_apart_again(node: int, name: str) -> None:
    """Splitting gives back the node and the name that it was made of."""
    assert split_node(node_name(node, name)) == (node, name)


def test_a_name_without_a_node_means_every_node() -> None:
    """A name that only nodes have stands for all of them; others stand for themselves."""
    assert places(QUANTITIES, "quota") == (0, 1)
    assert places(QUANTITIES, "node2_quota") == (1,)
    assert places(QUANTITIES, "age") == (2,)


def test_an_unknown_name_gets_the_nearest() -> None:
    """A misspelt name is refused, with what nodes have among what is allowed."""
    with pytest.raises(UnknownNameError, match="did you mean 'quota'"):
        places(QUANTITIES, "qouta")
