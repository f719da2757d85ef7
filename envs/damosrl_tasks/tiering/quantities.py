"""The names, units, ranges and meanings of what a tiering tuner sees."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import FloatArray, Quantity, QuantitySet
from damosrl.machine import Source
from damosrl.nodes import node_name
from damosrl_tasks.shapes import last_action, rate, share, small_share
from damosrl_tasks.tiering.monitor import COLD_AGES_S, HEAT_EDGES_PERCENT
from damosrl_tasks.tiering.tiers import Tiers, tiers_of

SHARE_TIMES_S = (2, 10, 60)
"""Time constants of a node's share of observed accesses, seconds."""


def _tier(tiers: Tiers, node: int) -> str:
    """Return how names begin that tell tiers apart."""
    return f"node{node}" if tiers.named_by_node else ("fast", "slow")[node]


def _of_node(tiers: Tiers, node: int, name: str) -> str:
    """Return a name that carries its node only where there is more than one border."""
    return node_name(node, name) if tiers.named_by_node else name


def _words(tiers: Tiers, node: int) -> str:
    return f"node {node}" if tiers.named_by_node else f"the {_tier(tiers, node)} tier"


def _nodes(tiers: Tiers) -> range:
    """Return the nodes whose free memory is told: with one border, the fast one."""
    return range(tiers.num_nodes if tiers.named_by_node else 1)


def _memory(tiers: Tiers) -> list[Quantity]:
    free = [
        Quantity(
            f"{_tier(tiers, node)}_free",
            "%",
            0.0,
            100.0,
            f"Free share of node {node}.",
            scale="symlog",
        )
        for node in _nodes(tiers)
    ]
    errors = [
        Quantity(
            _of_node(tiers, node, "free_error"),
            "%",
            -5.0,
            5.0,
            f"Free share of node {node} minus the free target.",
        )
        for node in range(len(tiers.below))
    ]
    sizes = [
        share(
            f"{_tier(tiers, node)}_capacity",
            f"Bytes of node {node} as a share of all memory nodes.",
        )
        for node in range(tiers.num_nodes - 1)
    ]
    return free + errors + sizes


def _heat(tiers: Tiers) -> list[Quantity]:
    tops = (*HEAT_EDGES_PERCENT[1:], 101)
    return [
        small_share(
            f"{_tier(tiers, node)}_heat_{low}",
            f"Share of {_words(tiers, node)}'s bytes accessed at {low} % of the largest rate or"
            " more" + (f" and below {top} %." if top <= 100 else "."),
        )
        for node in range(tiers.num_nodes)
        for low, top in zip(HEAT_EDGES_PERCENT, tops, strict=True)
    ]


def _cold(tiers: Tiers) -> list[Quantity]:
    return [
        small_share(
            f"{_tier(tiers, node)}_cold_age_{age}",
            f"Share of {_words(tiers, node)}'s bytes idle for {age} s or more.",
        )
        for node in range(len(tiers.below))
        for age in COLD_AGES_S
    ]


def _migration(tiers: Tiers) -> list[Quantity]:
    items = [
        rate("promoted", "Bytes moved to a faster node per second."),
        rate("demoted", "Bytes moved to a slower node per second."),
    ]
    sides = [("promotion", border + 1) for border in range(tiers.promotions)]
    sides += [("demotion", border) for border in range(len(tiers.below))]
    for word, node in sides:
        start = _of_node(tiers, node, word)
        what = f"{word} from node {node}" if tiers.named_by_node else word
        windows = f"the {word} quota of node {node}" if tiers.named_by_node else f"the {word} quota"
        items += [
            share(f"{start}_use", f"Bytes tried for {what}, of its size quota."),
            share(f"{start}_success", f"Bytes applied of bytes tried for {what}; 1 if none.", 1.0),
            share(f"{start}_exceeds", f"Share of windows in which {windows} ran out."),
        ]
    items.append(share("ping_pong", "Returned bytes of migrated bytes, over about 10 s."))
    return items


def _accesses(tiers: Tiers) -> list[Quantity]:
    meaning = "Node {}'s share of observed accesses, time constant {} s."
    endings = {2: ""}
    items = [
        share(
            f"{_tier(tiers, node)}_access_share{endings.get(time, f'_{time}s')}",
            meaning.format(node, time),
            0.5,
        )
        for node in range(tiers.num_nodes - 1)
        for time in SHARE_TIMES_S
    ]
    change = "Two-sided CUSUM of the observed share against its slow mean: heat has moved."
    items.append(share("access_change", change))
    return items


def _state() -> list[Quantity]:
    pressure = "Memory PSI {} avg10."
    return [
        Quantity("psi_some", "%", 0.0, 100.0, pressure.format("some"), scale="symlog"),
        Quantity("psi_full", "%", 0.0, 100.0, pressure.format("full"), scale="symlog"),
        share("region_use", "Regions of the fullest kdamond, of the limit."),
        Quantity(
            "time_stretch",
            "ratio",
            1.0,
            2.0,
            "Real time per nominal monitoring time, from how fast the oldest regions age.",
            default=1.0,
        ),
    ]


@dataclass(frozen=True)
class Vocabulary:
    """What a tuner of a machine sees.

    Args:
        quantities: Features, in the order of the observation array.
        sources: What each feature needs of the telemetry beyond statistics of the schemes.
        unknown: Normalised value of each feature, ``(d,)``, where its source is missing.

    Example:
        >>> vocabulary(tiers_of(3)).quantities.names[:3]
        ('node0_free', 'node1_free', 'node2_free')
    """

    quantities: QuantitySet
    sources: Mapping[str, Source]
    unknown: FloatArray

    def observed(self, missing: Collection[Source]) -> NDArray[np.bool_]:
        """Tell which features are known where some sources are missing, ``(d,)``."""
        return np.array([self.sources.get(name) not in missing for name in self.quantities.names])

    def sources_of(self, features: Collection[str]) -> frozenset[Source]:
        """Return the sources without which some features are unknown."""
        return frozenset(self.sources[name] for name in features if name in self.sources)


def vocabulary(tiers: Tiers) -> Vocabulary:
    """Name all features of a machine; with one border between nodes by fast and slow tier."""
    memory, accesses = _memory(tiers), _accesses(tiers)
    heat, cold = _heat(tiers), _cold(tiers)
    items = (
        *memory,
        *heat,
        *cold,
        *_migration(tiers),
        *accesses,
        *_state(),
        *last_action(tiers.knobs),
    )
    by_snapshot = (*(item.name for item in (*heat, *cold, *accesses)), "region_use", "time_stretch")
    sources = {
        **dict.fromkeys((item.name for item in memory), Source.NODES),
        **dict.fromkeys(by_snapshot, Source.SNAPSHOT),
        "ping_pong": Source.RETURNED,
        "psi_some": Source.PRESSURE,
        "psi_full": Source.PRESSURE,
    }
    unknown = np.array([float(item.to_normal(np.array(item.default))) for item in items])
    return Vocabulary(QuantitySet(items), sources, unknown)


OBSERVATION = vocabulary(tiers_of(2)).quantities
"""What a tuner of two nodes sees."""
