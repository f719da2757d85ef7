"""A tabular Q-learner that tunes while it runs, from what any kernel can tell."""

import math
from dataclasses import dataclass

import numpy as np

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.borders import borders_of
from damosrl_agents.rl.border_q import MOVES, STATES, BorderLearner, BorderSenses
from damosrl_agents.rl.q_table import QTable
from damosrl_agents.tiering import KNOBS, MIB, require_names, require_range


@dataclass(eq=False)
class TabularQ(BaseTuner):
    """Learns online which way to turn quotas and threshold in 24 coarse states.

    State, actions and reward follow the small tables of the field (ArtMem, ISCA 2025: the fast
    tier's share of accesses, less useless migration): quantised observation, multiplicative
    steps, reward = fast share of accesses - migration cost * migrated bytes per quota. Every
    episode starts from empty tables and the same knobs, so nothing is carried over.

    With more than two nodes each border that has knobs of its own has a table of its own; what lies
    above it counts as fast memory. One table over all borders would have 24^3 states and 5^3
    moves at four nodes, 1.7 million values for the few hundred decisions of an episode; three small
    ones have 360.

    Args:
        learning_rate: alpha of the update.
        discount: gamma of the update.
        exploration: Probability of a random step.
        migration_cost: Reward lost when the whole quota is migrated in one interval.
        start_quota_mib_per_s: All quotas at the start, MiB/s.
        start_threshold_percent: Hot thresholds at the start.
        free_target_percent: Share of an upper tier at which demotion stops, per cent.
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
        """Begin an episode with empty tables and the start knobs."""
        borders = borders_of(spec)
        senses = [BorderSenses.of(spec, place) for place in range(len(borders))]
        names = dict.fromkeys(name for each in senses for name in each.names)
        require_names(spec, "tabular_q", tuple(names), KNOBS)
        super().reset(spec, seed)
        rng = np.random.default_rng(seed)
        self.learners = [
            BorderLearner(
                border,
                sense,
                self._table(rng),
                spec.knobs[border.promotion_quota],
                spec.knobs[border.hot_threshold],
                self.migration_cost,
                self.start_quota_mib_per_s * MIB,
                self.start_threshold_percent,
            )
            for border, sense in zip(borders, senses, strict=True)
        ]

    def act(self, observation: Float32Array) -> Float32Array:
        """Learn from the last step and take the next; unmeasured intervals teach nothing."""
        knobs: dict[str, float] = {}
        for learner in self.learners:
            seen = {name: self.spec.value(observation, name) for name in learner.senses.names}
            if all(map(math.isfinite, seen.values())):
                learner.step(seen)
            knobs |= learner.knobs()
        return self.spec.action(**knobs, free_target=self.free_target_percent)

    def _table(self, rng: np.random.Generator) -> QTable:
        return QTable(
            STATES,
            len(MOVES),
            rng,
            learning_rate=self.learning_rate,
            discount=self.discount,
            exploration=self.exploration,
        )
