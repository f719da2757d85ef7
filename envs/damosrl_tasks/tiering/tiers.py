"""The order of a machine's nodes: who is below whom, and which knob turns which border."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.errors import ConfigError, UnknownNameError
from damosrl.knobs import FloatArray, Quantity, QuantitySet
from damosrl.nodes import node_name, split_node
from damosrl_tasks.tiering.knobs import KNOBS

UPPER, LOWER = 0, 1
KNOB_OF_NODE: Mapping[str, int] = {
    "promotion_quota": LOWER,
    "demotion_quota": UPPER,
    "hot_threshold": LOWER,
    "free_target": UPPER,
}
"""Knobs that every border may have of its own, and whose node's name they carry."""


class Neighbour(NamedTuple):
    """A node that cold memory goes to, and its share of the quota."""

    node: int
    share: float


@dataclass(frozen=True)
class Tiers:
    """The borders between the nodes of a machine, fastest first, and their knobs.

    Border b lies between node b and the nodes below it. The last node has one to the swap store
    where cold memory is paged out from there.

    Args:
        num_nodes: Memory nodes.
        below: Lower neighbours of each border's node; none: the swap store.
        knobs: The action's quantities.
        places: Where the knobs of each border stand on the action axis, in the order of `KNOBS`,
            ``(borders, 5)``.
    """

    num_nodes: int
    below: tuple[tuple[Neighbour, ...], ...]
    knobs: QuantitySet
    places: NDArray[np.int64]

    @property
    def named_by_node(self) -> bool:
        """Whether features carry the number of their node, instead of fast and slow."""
        return self.num_nodes > 2 or len(self.below) > 1

    @property
    def promotions(self) -> int:
        """Borders over which memory is promoted: those between memory nodes."""
        return self.num_nodes - 1

    def split(self, knobs: FloatArray) -> list[FloatArray]:
        """Return the knobs ``(N, 5)``, in the order of `KNOBS`, of each border."""
        return [knobs[:, places] for places in self.places]


def tiers_of(
    num_nodes: int,
    *,
    per_tier: bool = False,
    pageout: bool = False,
    demotes_to: Mapping[str, Mapping[str, float]] | None = None,
) -> Tiers:
    """Describe a machine.

    Args:
        num_nodes: Memory nodes, node 0 the fastest.
        per_tier: Whether every border has knobs of its own; the cold age is always shared.
        pageout: Whether cold memory of the last node goes to the swap store.
        demotes_to: Weights of a node's lower neighbours, by names such as ``node1``; nodes that
            are left out have the next one.

    Raises:
        UnknownNameError: There is no such node.
        ConfigError: A weight is not positive, or the nodes form a cycle.

    Example:
        >>> tiers_of(3, per_tier=True).knobs.names[:2]
        ('node1_promotion_quota', 'node0_demotion_quota')
    """
    borders = num_nodes - 1 + pageout
    below = _below(num_nodes, demotes_to or {})[:borders]
    if not per_tier or borders == 1:
        return Tiers(num_nodes, below, KNOBS, np.tile(np.arange(len(KNOBS)), (borders, 1)))
    names = [_border_names(border, num_nodes) for border in range(borders)]
    distinct = dict.fromkeys(name for row in names for name in row)
    age = KNOBS.names[KNOBS.names.index("cold_age")]
    ordered = [*(name for name in distinct if name != age), age]
    knobs = QuantitySet(tuple(_quantity(name) for name in ordered))
    places = np.array([[ordered.index(name) for name in row] for row in names])
    return Tiers(num_nodes, below, knobs, places)


def _border_names(border: int, num_nodes: int) -> list[str]:
    """Name a border's knobs in the order of `KNOBS`; nothing is promoted from the swap store."""
    lower = min(border + 1, num_nodes - 1)
    nodes = {UPPER: border, LOWER: lower}
    return [
        node_name(nodes[KNOB_OF_NODE[name]], name) if name in KNOB_OF_NODE else name
        for name in KNOBS.names
    ]


def _quantity(name: str) -> Quantity:
    node, stem = split_node(name)
    knob = KNOBS[stem]
    return knob if node is None else replace(knob, name=name, meaning=_MEANINGS[stem].format(node))


_MEANINGS = {
    "promotion_quota": "Size quota of node {}'s migrate_hot scheme; below -0.9 off.",
    "demotion_quota": "Size quota of what takes cold memory from node {}; below -0.9 off.",
    "hot_threshold": "Access rate from which a region of node {} is promoted, of the largest.",
    "free_target": "Free share of node {} at which demotion from it stops.",
}


def _below(
    num_nodes: int, demotes_to: Mapping[str, Mapping[str, float]]
) -> tuple[tuple[Neighbour, ...], ...]:
    """Return the lower neighbours of every node, the last one's being none."""
    known = [f"node{node}" for node in range(num_nodes)]
    for name in [*demotes_to, *(name for row in demotes_to.values() for name in row)]:
        if name not in known:
            raise UnknownNameError("node in demotes_to", name, known)
    below = [{node + 1: 1.0} if node + 1 < num_nodes else {} for node in range(num_nodes)]
    for source, weights in demotes_to.items():
        for target, weight in weights.items():
            _require_weight(source, target, weight)
        below[known.index(source)] = {known.index(name): w for name, w in weights.items()}
    _refuse_cycles(below)
    return tuple(
        tuple(Neighbour(node, weight / sum(row.values())) for node, weight in row.items())
        for row in below
    )


def _require_weight(source: str, target: str, weight: float) -> None:
    if not (np.isfinite(weight) and weight > 0.0):
        raise ConfigError(
            f"the weight of {target} in demotes_to of {source} is not positive",
            got=weight,
            allowed="> 0",
            fix="leave the node out",
        )


def _refuse_cycles(below: list[dict[int, float]]) -> None:
    """Refuse memory that could be demoted back to where it came from."""
    for node, row in enumerate(below):
        for target in sorted(row):
            if target <= node:
                way = [node, *range(target, node + 1)]
                raise ConfigError(
                    "the tiers form a cycle",
                    got=" -> ".join(f"node{each}" for each in way),
                    allowed="demotion to slower nodes only; node 0 is the fastest",
                    fix="change demotes_to",
                )
