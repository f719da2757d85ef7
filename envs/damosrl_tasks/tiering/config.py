"""What the tiering task is told: one choice of ``conf/task``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from damosrl.config import read_choice, require_within
from damosrl.task import ActionKind
from damosrl_tasks.tiering.tiers import Tiers, tiers_of


@dataclass(frozen=True)
class TieringConfig:
    """Monitoring, timing and the form of the action.

    Args:
        name: Name of the choice.
        env: The environment that this task is for, by Gymnasium's id.
        usual: Choices that commands take with this task where none are given; not read here.
        decision_interval_s: Time between decisions.
        action: ``absolute`` knob positions, ``relative`` steps of at most a factor of 2, or
            ``discrete`` {down, keep, up} of that size.
        sample_us: Sampling interval.
        aggr_us: Aggregation interval.
        min_nr_regions: Fewest regions of a node.
        max_nr_regions: Most regions of a node.
        apply_s: Apply interval of the schemes and reset interval of their quotas, seconds.
        hysteresis_ratio: Cold threshold as a share of the hot one.
        overlap_percent: By how much the kernel loops' used and free targets overlap, so that
            exchange never stops (samples/damon/mtier.c: 99.7 % used, 0.5 % free: 0.2 %).
        knobs: ``shared``: one set for all nodes; ``per_tier``: quotas, hot threshold and free
            target of every border between nodes. With two nodes both are the same.
        pageout: Whether cold memory of the last node is paged out to swap, as it is demoted from
            the others.
        demotes_to: Weights of a node's lower neighbours by name, such as
            ``{node0: {node1: 3, node2: 1}}``; nodes that are left out have the next one only.
            kdamonds of physical memory do not look at DAMOS ``dests`` (kernel 7.3): there is one
            scheme per neighbour, with its share of the quota.

    Example:
        >>> TieringConfig(decision_interval_s=5.0).action
        'absolute'
    """

    name: str = "tiering"
    env: str = "damosrl/Tiering-v0"
    usual: dict[str, Any] = field(default_factory=dict)
    decision_interval_s: float = 1.0
    action: ActionKind = "absolute"
    sample_us: int = 5_000
    aggr_us: int = 100_000
    min_nr_regions: int = 10
    max_nr_regions: int = 200
    apply_s: float = 1.0
    hysteresis_ratio: float = 0.5
    overlap_percent: float = 0.2
    knobs: Literal["shared", "per_tier"] = "shared"
    pageout: bool = False
    demotes_to: dict[str, dict[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        aggr_s = self.aggr_us / 1e6
        require_within("task decision_interval_s", self.decision_interval_s, aggr_s, 3600.0)
        require_within("task apply_s", self.apply_s, aggr_s, 3600.0)
        require_within("task hysteresis_ratio", self.hysteresis_ratio, 0.0, 1.0)
        require_within("task overlap_percent", self.overlap_percent, 0.0, 0.5)
        require_within("task sample_us", self.sample_us, 1, self.aggr_us)

    def tiers(self, num_nodes: int) -> Tiers:
        """Return the borders between a machine's nodes and their knobs; errors of `tiers_of`."""
        return tiers_of(
            num_nodes,
            per_tier=self.knobs == "per_tier",
            pageout=self.pageout,
            demotes_to=self.demotes_to,
        )

    @property
    def samples_per_aggregation(self) -> int:
        """Largest possible access count of a region."""
        return self.aggr_us // self.sample_us


def tiering_config(choice: str | Mapping[str, Any]) -> TieringConfig:
    """Read a choice of ``conf/task``, the path of a YAML, or a mapping of the same keys.

    Raises:
        UnknownNameError: No such choice or key; the nearest is named.
        ConfigError: A value is wrong.
    """
    return read_choice(TieringConfig, "task", choice)
