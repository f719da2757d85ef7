"""What the task of several tenants can weigh, and the bound that each tenant's target is."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from damosrl.errors import ConfigError
from damosrl.knobs import FloatArray
from damosrl.machine import GroundTruth
from damosrl_tasks.bound import Bound, Multiplier
from damosrl_tasks.reward import Measure, RewardConfig, read_reward
from damosrl_tasks.tiering.reward import MEASURES as OF_TIERING
from damosrl_tasks.tiering.reward import Interval

EXCESS = "tenant_excess"
"""The measure that a bound has to name: each tenant has it of its own."""


def excess(truth: GroundTruth | None, targets: FloatArray) -> FloatArray:
    """Return ln(slowdown / target) of each tenant, 0 where it is met, ``(N, G)``.

    Raises:
        ConfigError: Nobody knows the slowdown.
    """
    if truth is None or truth.memcgs is None:
        raise ConfigError(
            f"the reward measure {EXCESS} needs ground truth",
            got="a machine without it",
            fix="train on an emulated machine, or use reward=psi",
        )
    return np.maximum(np.log(truth.memcgs.slowdown / targets), 0.0)


def measures(targets: FloatArray) -> Mapping[str, Measure[Interval]]:
    """Return what can be weighed: what tiering knows, and the excess over the targets ``(G,)``."""

    def total(interval: Interval) -> FloatArray:
        return np.asarray(np.sum(excess(interval.truth, targets), axis=1))

    meaning = "Logarithm of each tenant's slowdown over its target, added up; 0 where it is met."
    return {**OF_TIERING, EXCESS: Measure(total, "ln ratio", -1.0, meaning, needs_truth=True)}


class TenantBounds:
    """One multiplier per tenant and machine, and what they charge.

    The violation is never below 0, so multipliers that follow it grow until the target is held, and
    stay (an exact penalty; Nocedal and Wright, Numerical Optimization, 2006, section 17.2).

    Args:
        bound: What the reward says of its bound; None charges nothing.
        names: Names of the tenants.
        targets: Their largest slowdowns, ``(G,)``.
        num_machines: N.

    Raises:
        ConfigError: The bound is on something else than the excess of the tenants.
    """

    def __init__(
        self, bound: Bound | None, names: tuple[str, ...], targets: FloatArray, num_machines: int
    ) -> None:
        if bound is not None and bound.measure != EXCESS:
            raise ConfigError(
                "a reward of tenants bounds each tenant's slowdown",
                got=f"bound on {bound.measure}",
                allowed=EXCESS,
            )
        self._targets = targets
        self._multipliers = {}
        if bound is not None:
            self._multipliers = {name: Multiplier(bound, num_machines) for name in names}

    def terms(self, truth: GroundTruth | None, elapsed_s: FloatArray) -> dict[str, FloatArray]:
        """Return the term of each tenant ``(N,)`` in an interval of that length ``(N,)``."""
        if not self._multipliers:
            return {}
        columns = excess(truth, self._targets).T
        return {
            f"{name}_bound": multiplier.charge(column, elapsed_s)
            for (name, multiplier), column in zip(self._multipliers.items(), columns, strict=True)
        }


def reward_config(choice: str | Mapping[str, Any]) -> RewardConfig:
    """Read a choice of ``conf/reward`` for tenants; errors as of `read_reward`.

    Example:
        >>> reward_config("tenants").bound.measure
        'tenant_excess'
    """
    return read_reward(choice, measures(np.ones(1)))
