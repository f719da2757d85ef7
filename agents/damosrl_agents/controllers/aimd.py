"""Additive increase, multiplicative decrease of both quotas."""

from dataclasses import dataclass

from damosrl.knobs import Float32Array
from damosrl.nodes import places
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.tiering import KNOBS, MIB, require_names, require_range


@dataclass(eq=False)
class AIMD(BaseTuner):
    """Gives migration a little more each time, and halves it when it hurts.

    ``q += increase`` while memory pressure and ping-pong stay low, else ``q *= decrease``
    (Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance",
    1989): probing is slow, retreat fast, and several users of one resource converge to equal
    shares.

    Args:
        increase_mib_per_s: Added per decision, MiB/s.
        decrease: Factor when it hurts, 0..1.
        start_mib_per_s: Quota at the start, MiB/s.
        pressure_limit_percent: PSI some avg10 above which it hurts, per cent.
        ping_pong_limit: Share of migrated bytes that came back above which it hurts, 0..1.
        hot_threshold_percent: Share of the largest access rate from which regions are promoted.
        cold_age_s: How long a region must have been cold before it is demoted, seconds.
        free_target_percent: Share of the fast tier at which demotion stops, per cent.
    """

    increase_mib_per_s: float = 8.0
    decrease: float = 0.5
    start_mib_per_s: float = 64.0
    pressure_limit_percent: float = 1.0
    ping_pong_limit: float = 0.2
    hot_threshold_percent: float = 30.0
    cold_age_s: float = 0.0
    free_target_percent: float = 1.0

    reads = ("psi_some", "ping_pong")

    def __post_init__(self) -> None:
        require_range("increase_mib_per_s", self.increase_mib_per_s, 0.0, 1e6)
        require_range("decrease", self.decrease, 0.0, 1.0)
        require_range("start_mib_per_s", self.start_mib_per_s, 0.0, 1e6)
        require_range("pressure_limit_percent", self.pressure_limit_percent, 0.0, 100.0)
        require_range("ping_pong_limit", self.ping_pong_limit, 0.0, 1.0)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode at the start quota."""
        require_names(spec, "aimd", self.reads, KNOBS)
        super().reset(spec, seed)
        quotas = [spec.knobs.items[at] for name in KNOBS[:2] for at in places(spec.knobs, name)]
        self._low = max(quota.low for quota in quotas)
        self._high = min(quota.high for quota in quotas)
        self._quota = self._limited(self.start_mib_per_s * MIB)

    def act(self, observation: Float32Array) -> Float32Array:
        """Raise or halve the quotas; a missing measurement counts as harmless."""
        pressure = self.spec.value(observation, "psi_some")
        returned = self.spec.value(observation, "ping_pong")
        if pressure > self.pressure_limit_percent or returned > self.ping_pong_limit:
            self._quota = self._limited(self._quota * self.decrease)
        else:
            self._quota = self._limited(self._quota + self.increase_mib_per_s * MIB)
        return self.spec.action(
            promotion_quota=self._quota,
            demotion_quota=self._quota,
            hot_threshold=self.hot_threshold_percent,
            cold_age=self.cold_age_s,
            free_target=self.free_target_percent,
        )

    def _limited(self, quota: float) -> float:
        return min(max(quota, self._low), self._high)
