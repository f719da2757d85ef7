"""Two watermarks on an upper node's free memory: make room below one, promote above the other."""

from dataclasses import dataclass

from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.borders import TWO_NODES, borders_of
from damosrl_agents.tiering import KNOBS, MIB, require_names, require_range


@dataclass(eq=False)
class Hysteresis(BaseTuner):
    """A two-point controller with hysteresis, in the manner of the kernel's watermarks.

    Free fast memory under the lower mark switches to making room (demotion at full quota, no
    promotion); above the upper mark it switches to promotion; between the marks nothing changes.
    The gap keeps it from chattering. Decoupled marks for making and using room follow TPP
    (Maruf et al., ASPLOS 2023).

    Args:
        low_percent: Lower mark, per cent of the fast tier.
        high_percent: Upper mark, per cent of the fast tier.
        quota_mib_per_s: Quota of the direction that is on, MiB/s.
        hot_threshold_percent: Share of the largest access rate from which regions are promoted.
        cold_age_s: How long a region must have been cold before it is demoted, seconds.
    """

    low_percent: float = 0.5
    high_percent: float = 2.0
    quota_mib_per_s: float = 200.0
    hot_threshold_percent: float = 30.0
    cold_age_s: float = 0.0

    reads = TWO_NODES

    def __post_init__(self) -> None:
        require_range("low_percent", self.low_percent, 0.0, 100.0)
        require_range("high_percent", self.high_percent, 0.0, 100.0)
        require_range("quota_mib_per_s", self.quota_mib_per_s, 0.0, 1e6)
        if self.low_percent >= self.high_percent:
            raise ConfigError(
                "the lower mark is not below the upper",
                got=f"low_percent={self.low_percent}, high_percent={self.high_percent}",
                allowed="low_percent < high_percent",
                fix="swap them or widen the gap",
            )

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode, promoting."""
        self._borders = borders_of(spec)
        self.reads = tuple(f"{border.upper}_free" for border in self._borders) or TWO_NODES
        require_names(spec, "hysteresis", self.reads, KNOBS)
        super().reset(spec, seed)
        self._making_room = [False] * len(self._borders)

    def act(self, observation: Float32Array) -> Float32Array:
        """Choose every border's direction; without a measurement it stays."""
        quotas: dict[str, float] = {}
        for place, border in enumerate(self._borders):
            free_percent = self.spec.value(observation, f"{border.upper}_free")
            if free_percent < self.low_percent:
                self._making_room[place] = True
            elif free_percent > self.high_percent:
                self._making_room[place] = False
            making_room, quota = self._making_room[place], self.quota_mib_per_s * MIB
            quotas[border.promotion_quota] = 0.0 if making_room else quota
            quotas[border.demotion_quota] = quota if making_room else 0.0
        return self.spec.action(
            **quotas,
            hot_threshold=self.hot_threshold_percent,
            cold_age=self.cold_age_s,
            # Demotion stops at the target by itself: a target beyond the mark lets it get there.
            free_target=1.25 * self.high_percent,
        )
