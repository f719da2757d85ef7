"""A velocity-form PI controller on the logarithm of the demotion quota."""

import math
from dataclasses import dataclass

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.tiering import KNOBS, MIB, require_names, require_range


@dataclass(eq=False)
class PI(BaseTuner):
    """Keeps a share of the fast tier free by turning the demotion quota.

    With e the relative error ``(target - free) / target`` limited to [-1, 1], T the decision
    interval and u the logarithm of the quota,

        u += Kp (e_k - e_{k-1}) + Ki T e_k

    limited to the knob's range. The integral part is left out while it pushes against a limit
    (conditional integration), so that the quota turns back at once when the error does.
    Åström and Hägglund, "Advanced PID Control", 2006, sections 3.5 and 13.4. On the logarithm,
    equal errors change the quota by equal factors, whatever the machine's size.

    Args:
        free_target_percent: Share of the fast tier to keep free, per cent.
        proportional_gain: Kp.
        integral_gain_per_s: Ki, per second.
        start_quota_mib_per_s: Demotion quota before the first correction, MiB/s.
        promotion_quota_mib_per_s: Promotion quota, MiB/s; free memory limits it anyway.
        hot_threshold_percent: Share of the largest access rate from which regions are promoted.
        cold_age_s: How long a region must have been cold before it is demoted, seconds.
    """

    free_target_percent: float = 2.0
    proportional_gain: float = 1.0
    integral_gain_per_s: float = 0.25
    start_quota_mib_per_s: float = 32.0
    promotion_quota_mib_per_s: float = 400.0
    hot_threshold_percent: float = 30.0
    cold_age_s: float = 0.0

    reads = ("fast_free",)

    def __post_init__(self) -> None:
        require_range("free_target_percent", self.free_target_percent, 1e-3, 100.0)
        require_range("proportional_gain", self.proportional_gain, 0.0, 100.0)
        require_range("integral_gain_per_s", self.integral_gain_per_s, 0.0, 100.0)
        require_range("start_quota_mib_per_s", self.start_quota_mib_per_s, 1e-6, 1e6)
        require_range("promotion_quota_mib_per_s", self.promotion_quota_mib_per_s, 0.0, 1e6)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode at the start quota, with no error seen yet."""
        require_names(spec, "pi", self.reads, KNOBS)
        super().reset(spec, seed)
        limits = spec.knobs["demotion_quota"]
        self._low, self._high = math.log(limits.low), math.log(limits.high)
        start = math.log(self.start_quota_mib_per_s * MIB)
        self._log_quota = min(max(start, self._low), self._high)
        self._error: float | None = None

    def act(self, observation: Float32Array) -> Float32Array:
        """Correct the demotion quota; without a measurement it stays as it is."""
        free_percent = self.spec.value(observation, "fast_free")
        if math.isfinite(free_percent):
            self._correct(free_percent)
        return self.spec.action(
            demotion_quota=math.exp(self._log_quota),
            promotion_quota=self.promotion_quota_mib_per_s * MIB,
            hot_threshold=self.hot_threshold_percent,
            cold_age=self.cold_age_s,
            free_target=self.free_target_percent,
        )

    def _correct(self, free_percent: float) -> None:
        error = (self.free_target_percent - free_percent) / self.free_target_percent
        error = min(max(error, -1.0), 1.0)
        change = 0.0 if self._error is None else error - self._error
        integral = self.integral_gain_per_s * self.spec.decision_interval_s * error
        blocked_high = self._log_quota >= self._high and integral > 0
        blocked_low = self._log_quota <= self._low and integral < 0
        step = self.proportional_gain * change
        step += 0.0 if blocked_high or blocked_low else integral
        self._log_quota = min(max(self._log_quota + step, self._low), self._high)
        self._error = error
