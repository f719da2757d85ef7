"""A tabular Q-learner that tunes while it runs, from what any kernel can tell."""

import math
from dataclasses import dataclass

import numpy as np

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.rl.q_table import QTable
from damosrl_agents.tiering import KNOBS, MIB, require_names, require_range

FEATURES = ("fast_access_share", "fast_free", "ping_pong")
SHARE_EDGES = (0.5, 0.8, 0.95)
"""Fast tier's share of observed accesses: poor, fair, good, nearly all."""
FREE_EDGES_PERCENT = (0.5, 2.0)
"""Free fast memory: short, normal, plenty."""
PING_PONG_EDGES = (0.2,)
STATES = (len(SHARE_EDGES) + 1) * (len(FREE_EDGES_PERCENT) + 1) * (len(PING_PONG_EDGES) + 1)
MOVES = ((1.0, 1.0), (2.0, 1.0), (0.5, 1.0), (1.0, 1.5), (1.0, 1 / 1.5))
"""Factors on (both quotas, hot threshold): keep, more, less, pickier, less picky."""


@dataclass(eq=False)
class TabularQ(BaseTuner):
    """Learns online which way to turn quotas and threshold in 24 coarse states.

    State, actions and reward follow the small tables of the field (ArtMem, ISCA 2025: the fast
    tier's share of accesses, less useless migration): quantised observation, multiplicative
    steps, reward = fast share of accesses - migration cost * migrated bytes per quota. Every
    episode starts from an empty table and the same knobs, so nothing is carried over.

    Args:
        learning_rate: alpha of the update.
        discount: gamma of the update.
        exploration: Probability of a random step.
        migration_cost: Reward lost when the whole quota is migrated in one interval.
        start_quota_mib_per_s: Both quotas at the start, MiB/s.
        start_threshold_percent: Hot threshold at the start.
        free_target_percent: Share of the fast tier at which demotion stops, per cent.
    """

    learning_rate: float = 0.2
    discount: float = 0.9
    exploration: float = 0.1
    migration_cost: float = 0.05
    start_quota_mib_per_s: float = 100.0
    start_threshold_percent: float = 15.0
    free_target_percent: float = 1.0

    def __post_init__(self) -> None:
        require_range("learning_rate", self.learning_rate, 0.0, 1.0)
        require_range("discount", self.discount, 0.0, 1.0)
        require_range("exploration", self.exploration, 0.0, 1.0)
        require_range("migration_cost", self.migration_cost, 0.0, 1e3)
        require_range("start_quota_mib_per_s", self.start_quota_mib_per_s, 1e-6, 1e6)
        require_range("start_threshold_percent", self.start_threshold_percent, 1e-6, 100.0)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode with an empty table and the start knobs."""
        require_names(spec, "tabular_q", (*FEATURES, "promoted", "demoted"), KNOBS)
        super().reset(spec, seed)
        self.table = QTable(
            STATES,
            len(MOVES),
            np.random.default_rng(seed),
            learning_rate=self.learning_rate,
            discount=self.discount,
            exploration=self.exploration,
        )
        self._quota = self._limited("promotion_quota", self.start_quota_mib_per_s * MIB)
        self._threshold = self._limited("hot_threshold", self.start_threshold_percent)
        self._previous: tuple[int, int] | None = None

    def act(self, observation: Float32Array) -> Float32Array:
        """Learn from the last step and take the next; unmeasured intervals teach nothing."""
        features = [self.spec.value(observation, name) for name in FEATURES]
        moved = [self.spec.value(observation, name) for name in ("promoted", "demoted")]
        if all(math.isfinite(value) for value in (*features, *moved)):
            state = discretise(*features)
            if self._previous is not None:
                reward = features[0] - self.migration_cost * sum(moved) / (2 * self._quota)
                self.table.learn(*self._previous, reward, state)
            move = self.table.explore(state)
            self._previous = state, move
            self._turn(*MOVES[move])
        return self.spec.action(
            promotion_quota=self._quota,
            demotion_quota=self._quota,
            hot_threshold=self._threshold,
            free_target=self.free_target_percent,
        )

    def _turn(self, quota_factor: float, threshold_factor: float) -> None:
        self._quota = self._limited("promotion_quota", self._quota * quota_factor)
        self._threshold = self._limited("hot_threshold", self._threshold * threshold_factor)

    def _limited(self, knob: str, value: float) -> float:
        limits = self.spec.knobs[knob]
        return min(max(value, limits.low), limits.high)


def discretise(fast_share: float, free_percent: float, ping_pong: float) -> int:
    """Return the state, 0 .. STATES - 1, of three physical feature values."""
    share = int(np.searchsorted(SHARE_EDGES, fast_share, side="right"))
    free = int(np.searchsorted(FREE_EDGES_PERCENT, free_percent, side="right"))
    returned = int(np.searchsorted(PING_PONG_EDGES, ping_pong, side="right"))
    return (share * (len(FREE_EDGES_PERCENT) + 1) + free) * (len(PING_PONG_EDGES) + 1) + returned
