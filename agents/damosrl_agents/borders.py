"""The borders between neighbouring nodes, by the names that a task gives their features and knobs.

With two nodes there is one: ``fast_free``, ``demotion_quota``. With more, names carry their node:
``node1_free``, ``node1_demotion_quota``.
"""

import re
from dataclasses import dataclass

from damosrl.nodes import node_name
from damosrl.task import TaskSpec

TWO_NODES: tuple[str, ...] = ("fast_free",)
"""Free memory above each border of a machine with two nodes."""

_HEAT = re.compile(r"(fast|slow|node\d+)_heat_\d+")


@dataclass(frozen=True)
class Border:
    """One border: what its upper node is called, and its knobs.

    Args:
        upper: How the names of the upper node's features begin.
        promotion_quota: Name of the knob of that kind; so the others.
        demotion_quota: Of the upper node.
        hot_threshold: Of the lower node.
        free_target: Of the upper node.
    """

    upper: str
    promotion_quota: str = "promotion_quota"
    demotion_quota: str = "demotion_quota"
    hot_threshold: str = "hot_threshold"
    free_target: str = "free_target"


def tier_names(spec: TaskSpec) -> tuple[str, ...]:
    """Return how the tiers' features begin, the fastest first; empty without any.

    Example:
        >>> from damosrl_tasks.tiering.task import TieringTask
        >>> tier_names(TieringTask(num_machines=1, num_nodes=2).spec)
        ('fast', 'slow')
    """
    found = (_HEAT.fullmatch(name) for name in spec.observation.names)
    return tuple(dict.fromkeys(match[1] for match in found if match))


def borders_of(spec: TaskSpec) -> tuple[Border, ...]:
    """Return the borders that have knobs of their own; with shared knobs only the uppermost."""
    tiers = tier_names(spec)
    if "promotion_quota" in spec.knobs.names:
        return (Border(tiers[0] if tiers else "fast"),)
    return tuple(
        Border(
            upper,
            node_name(node + 1, "promotion_quota"),
            node_name(node, "demotion_quota"),
            node_name(node + 1, "hot_threshold"),
            node_name(node, "free_target"),
        )
        for node, upper in enumerate(tiers[:-1])
    )
