"""One border of a tabular Q-learner: what it sees, how it steps, and its one small table."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from damosrl.knobs import Quantity
from damosrl.nodes import node_name
from damosrl.task import TaskSpec
from damosrl_agents.borders import Border, tier_names
from damosrl_agents.rl.q_table import QTable

SHARE_EDGES = (0.5, 0.8, 0.95)
"""Share of observed accesses above the border: poor, fair, good, nearly all."""
FREE_EDGES_PERCENT = (0.5, 2.0)
"""Free memory of the node above the border: short, normal, plenty."""
PING_PONG_EDGES = (0.2,)
STATES = (len(SHARE_EDGES) + 1) * (len(FREE_EDGES_PERCENT) + 1) * (len(PING_PONG_EDGES) + 1)
MOVES = ((1.0, 1.0), (2.0, 1.0), (0.5, 1.0), (1.0, 1.5), (1.0, 1 / 1.5))
"""Factors on (both quotas, hot threshold): keep, more, less, pickier, less picky."""


def discretise(fast_share: float, free_percent: float, ping_pong: float) -> int:
    """Return the state, 0 .. STATES - 1, of three physical feature values."""
    share = int(np.searchsorted(SHARE_EDGES, fast_share, side="right"))
    free = int(np.searchsorted(FREE_EDGES_PERCENT, free_percent, side="right"))
    returned = int(np.searchsorted(PING_PONG_EDGES, ping_pong, side="right"))
    return (share * (len(FREE_EDGES_PERCENT) + 1) + free) * (len(PING_PONG_EDGES) + 1) + returned


@dataclass(frozen=True)
class BorderSenses:
    """Names of the features that tell of one border.

    Args:
        shares: Shares of observed accesses of the nodes above it; they add up.
        free: Free share of the node just above.
        moved: Bytes per second up and down, where the machine has one border only.
        used: Use of the quota and success of what was tried, up and down, otherwise.
    """

    shares: tuple[str, ...]
    free: str
    moved: tuple[str, ...] = ()
    used: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, spec: TaskSpec, border: int) -> "BorderSenses":
        """Name the features of a border, 0 the uppermost."""
        tiers = tier_names(spec)
        if len(tiers) <= 2 and "fast_free" in spec.observation.names:
            return cls(("fast_access_share",), "fast_free", ("promoted", "demoted"))
        promotion, demotion = node_name(border + 1, "promotion"), node_name(border, "demotion")
        return cls(
            tuple(node_name(node, "access_share") for node in range(border + 1)),
            node_name(border, "free"),
            used=tuple((f"{way}_use", f"{way}_success") for way in (promotion, demotion)),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All features that are read."""
        pairs = (name for pair in self.used for name in pair)
        return (*self.shares, self.free, "ping_pong", *self.moved, *pairs)

    def state(self, seen: Mapping[str, float]) -> int:
        """Return the state that features, by name, are in."""
        return discretise(self.share(seen), seen[self.free], seen["ping_pong"])

    def share(self, seen: Mapping[str, float]) -> float:
        """Return the share of observed accesses above the border, 0..1."""
        return sum(seen[name] for name in self.shares)

    def quota_share(self, seen: Mapping[str, float], quota: float) -> float:
        """Return the bytes moved over the border of both quotas together, 0..1.

        Args:
            seen: Features by name.
            quota: Either quota in force, bytes/s.
        """
        if self.moved:
            return sum(seen[name] for name in self.moved) / (2 * quota)
        return sum(seen[use] * seen[success] for use, success in self.used) / 2


@dataclass(eq=False)
class BorderLearner:
    """Turns the quotas and the hot threshold of one border by its own table.

    Args:
        border: Names of its knobs.
        senses: Names of its features.
        table: Values of states and moves.
        quota_limits: The knob of its promotion quota.
        threshold_limits: The knob of its hot threshold.
        migration_cost: Reward lost when both quotas are moved in one interval.
        quota: Both quotas now, bytes/s.
        threshold: Hot threshold now, per cent.
    """

    border: Border
    senses: BorderSenses
    table: QTable
    quota_limits: Quantity
    threshold_limits: Quantity
    migration_cost: float
    quota: float
    threshold: float
    previous: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self._turn(1.0, 1.0)

    def step(self, seen: Mapping[str, float]) -> None:
        """Learn from the last step and take the next.

        Args:
            seen: Physical features by name.
        """
        state = self.senses.state(seen)
        if self.previous is not None:
            cost = self.migration_cost * self.senses.quota_share(seen, self.quota)
            self.table.learn(*self.previous, self.senses.share(seen) - cost, state)
        move = self.table.explore(state)
        self.previous = state, move
        self._turn(*MOVES[move])

    def knobs(self) -> dict[str, float]:
        """Return the knobs of this border, in physical units by name."""
        return {
            self.border.promotion_quota: self.quota,
            self.border.demotion_quota: self.quota,
            self.border.hot_threshold: self.threshold,
        }

    def _turn(self, quota_factor: float, threshold_factor: float) -> None:
        self.quota = _limited(self.quota_limits, self.quota * quota_factor)
        self.threshold = _limited(self.threshold_limits, self.threshold * threshold_factor)


def _limited(limits: Quantity, value: float) -> float:
    return min(max(value, limits.low), limits.high)
