"""Quotas: how much a scheme may do, what it prefers, and the goals that move the limit."""

from dataclasses import dataclass, field
from enum import StrEnum

from damosrl.damon.checks import I32_MAX, U32_MAX, U64_MAX, require_integer, require_member
from damosrl.damon.refusals import refusal

NEVER = U64_MAX
"""A reset_interval_ms after which the kernel never opens a new window."""


class GoalMetric(StrEnum):
    """What a quota goal watches (kernel 7.3); ``*_bp`` values are basis points."""

    USER_INPUT = "user_input"
    SOME_MEM_PSI_US = "some_mem_psi_us"
    NODE_MEM_USED_BP = "node_mem_used_bp"
    NODE_MEM_FREE_BP = "node_mem_free_bp"
    NODE_MEMCG_USED_BP = "node_memcg_used_bp"
    NODE_MEMCG_FREE_BP = "node_memcg_free_bp"
    ACTIVE_MEM_BP = "active_mem_bp"
    INACTIVE_MEM_BP = "inactive_mem_bp"
    NODE_ELIGIBLE_MEM_BP = "node_eligible_mem_bp"

    @property
    def needs_memcg(self) -> bool:
        """Whether the metric is about one control group."""
        return self in (GoalMetric.NODE_MEMCG_USED_BP, GoalMetric.NODE_MEMCG_FREE_BP)


class GoalTuner(StrEnum):
    """How a goal's score becomes the effective quota (kernel 7.1).

    ``CONSIST``: proportional feedback from window to window; ``TEMPORAL``: all or nothing.
    """

    CONSIST = "consist"
    TEMPORAL = "temporal"


@dataclass(frozen=True, slots=True)
class QuotaGoal:
    """A value the scheme should bring about; the quota grows while it is not reached.

    Args:
        metric: What is watched.
        target_value: Wanted value in the metric's unit, at least 1 (the kernel drops goals of 0).
        current_value: Present value; only ``user_input`` takes it from the user.
        nid: Memory node, for node metrics.
        memcg_path: Control group, as a path from the hierarchy's root, for memcg metrics.
    """

    metric: GoalMetric
    target_value: int
    current_value: int = 0
    nid: int = 0
    memcg_path: str | None = None

    def __post_init__(self) -> None:
        require_member("goal metric", self.metric, GoalMetric)
        require_integer("goal target_value", self.target_value, low=1, rule="goal-target-zero")
        require_integer("goal current_value", self.current_value)
        require_integer("goal nid", self.nid, low=-1, high=I32_MAX)
        if self.metric.needs_memcg and not self.memcg_path:
            raise refusal(
                "goal-needs-memcg",
                f"goal {self.metric} needs a control group",
                got=f"memcg_path={self.memcg_path}",
                fix="give memcg_path, for example /app",
            )


@dataclass(frozen=True, slots=True)
class Weights:
    """Relative importance in the priority of regions when the quota does not serve all.

    Args:
        sz_permil: Of the size; the kernel keeps but does not use it.
        nr_accesses_permil: Of the access frequency.
        age_permil: Of the age.
    """

    sz_permil: int = 0
    nr_accesses_permil: int = 0
    age_permil: int = 0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            require_integer(f"weights.{name}", getattr(self, name), high=U32_MAX)


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits of a scheme per window; 0 means no limit of that kind.

    Args:
        time_ms: Time the action may use, ms per window.
        sz_bytes: Bytes the action may be applied to, per window.
        reset_interval_ms: Length of the window, ms (the kernel uses its low 32 bits; from
            2^31 on they mean never).
        weights: Priority of regions.
        goals: Aims that set the effective quota below the limits.
        goal_tuner: How they do.
        fail_charge_num: Numerator of the share charged for bytes the action failed on.
        fail_charge_denom: Its denominator; 0 charges all.
    """

    time_ms: int = 0
    sz_bytes: int = 0
    reset_interval_ms: int = NEVER
    weights: Weights = field(default_factory=Weights)
    goals: tuple[QuotaGoal, ...] = ()
    goal_tuner: GoalTuner = GoalTuner.CONSIST
    fail_charge_num: int = 0
    fail_charge_denom: int = 0

    def __post_init__(self) -> None:
        require_integer("quotas.time_ms", self.time_ms)
        require_integer("quotas.sz_bytes", self.sz_bytes)
        require_integer("quotas.reset_interval_ms", self.reset_interval_ms)
        require_integer("quotas.fail_charge_num", self.fail_charge_num, high=U32_MAX)
        require_integer("quotas.fail_charge_denom", self.fail_charge_denom, high=U32_MAX)
        require_member("quotas.goal_tuner", self.goal_tuner, GoalTuner)
