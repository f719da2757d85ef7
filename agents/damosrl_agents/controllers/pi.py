"""A velocity-form PI controller on the logarithm of each node's demotion quota."""

import math
from dataclasses import dataclass

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.borders import TWO_NODES, Border, borders_of
from damosrl_agents.tiering import KNOBS, MIB, require_names, require_range


@dataclass(eq=False)
class PI(BaseTuner):
    """Keeps a share of every upper node free by turning its demotion quota.

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

    reads = TWO_NODES

    def __post_init__(self) -> None:
        require_range("free_target_percent", self.free_target_percent, 1e-3, 100.0)
        require_range("proportional_gain", self.proportional_gain, 0.0, 100.0)
        require_range("integral_gain_per_s", self.integral_gain_per_s, 0.0, 100.0)
        require_range("start_quota_mib_per_s", self.start_quota_mib_per_s, 1e-6, 1e6)
        require_range("promotion_quota_mib_per_s", self.promotion_quota_mib_per_s, 0.0, 1e6)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode at the start quota, with no error seen yet."""
        self._borders = borders_of(spec)
        self.reads = tuple(f"{border.upper}_free" for border in self._borders) or TWO_NODES
        require_names(spec, "pi", self.reads, KNOBS)
        super().reset(spec, seed)
        self._loops = [self._loop(border) for border in self._borders]

    def act(self, observation: Float32Array) -> Float32Array:
        """Correct the demotion quotas; without a measurement they stay as they are."""
        quotas = {}
        for border, loop in zip(self._borders, self._loops, strict=True):
            free_percent = self.spec.value(observation, f"{border.upper}_free")
            if math.isfinite(free_percent):
                loop.correct(free_percent)
            quotas[border.demotion_quota] = math.exp(loop.log_quota)
        return self.spec.action(
            **quotas,
            promotion_quota=self.promotion_quota_mib_per_s * MIB,
            hot_threshold=self.hot_threshold_percent,
            cold_age=self.cold_age_s,
            free_target=self.free_target_percent,
        )

    def _loop(self, border: Border) -> "_Loop":
        limits = self.spec.knobs[border.demotion_quota]
        low, high = math.log(limits.low), math.log(limits.high)
        start = min(max(math.log(self.start_quota_mib_per_s * MIB), low), high)
        integral_gain = self.integral_gain_per_s * self.spec.decision_interval_s
        return _Loop(
            self.free_target_percent, self.proportional_gain, integral_gain, low, high, start
        )


@dataclass
class _Loop:
    """The controller of one border.

    Args:
        target_percent: Free share to keep, per cent.
        proportional_gain: Kp.
        integral_gain: Ki T.
        low: Least logarithm of the quota.
        high: Largest logarithm of the quota.
        log_quota: Logarithm of the quota now.
        error: Last error; None before the first.
    """

    target_percent: float
    proportional_gain: float
    integral_gain: float
    low: float
    high: float
    log_quota: float
    error: float | None = None

    def correct(self, free_percent: float) -> None:
        """Take in a measurement."""
        error = (self.target_percent - free_percent) / self.target_percent
        error = min(max(error, -1.0), 1.0)
        change = 0.0 if self.error is None else error - self.error
        integral = self.integral_gain * error
        blocked_high = self.log_quota >= self.high and integral > 0
        blocked_low = self.log_quota <= self.low and integral < 0
        step = self.proportional_gain * change
        step += 0.0 if blocked_high or blocked_low else integral
        self.log_quota = min(max(self.log_quota + step, self.low), self.high)
        self.error = error
