"""Names of what every memory node has one of: ``node0_free``, ``node1_promotion_quota``."""

import re

from damosrl.errors import UnknownNameError
from damosrl.knobs import QuantitySet

_NAME = re.compile(r"node(\d+)_(.+)")


def node_name(node: int, name: str) -> str:
    """Return the name of one node's quantity.

    Example:
        >>> node_name(1, "promotion_quota")
        'node1_promotion_quota'
    """
    return f"node{node}_{name}"


def split_node(name: str) -> tuple[int | None, str]:
    """Return the node of a name, None where it has none, and the name without it.

    Example:
        >>> split_node("node1_promotion_quota"), split_node("cold_age")
        ((1, 'promotion_quota'), (None, 'cold_age'))
    """
    match = _NAME.fullmatch(name)
    return (None, name) if match is None else (int(match[1]), match[2])


def places(quantities: QuantitySet, name: str, kind: str = "quantity") -> tuple[int, ...]:
    """Return where a name stands; a name that only nodes have means that of every node.

    So one set of limits, or one fixed setting, holds for machines of any number of nodes.

    Args:
        quantities: Where it is looked up.
        name: The name.
        kind: What an error calls it.

    Raises:
        UnknownNameError: Neither a quantity nor one of the nodes has this name.
    """
    names = quantities.names
    if name in names:
        return (names.index(name),)
    stems = [split_node(each)[1] for each in names]
    found = tuple(place for place, stem in enumerate(stems) if stem == name)
    if not found:
        raise UnknownNameError(kind, name, dict.fromkeys([*names, *stems]))
    return found
