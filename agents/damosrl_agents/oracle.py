"""The other end of the scale: places memory by true access rates, which no kernel can tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from damosrl.machine import QuotaLoop
from damosrl_agents.controllers.fixed import FixedKnobs
from damosrl_agents.tiering import MIB, require_range


class RebalancingMachine(Protocol):
    """A machine that knows the truth and can move memory by it; only the emulator does."""

    def rebalance(self, index: int, budget_bytes: int, horizon_s: float) -> Any:
        """Move what pays for itself within the horizon, on one machine, within a budget."""


@dataclass(eq=False)
class Oracle(FixedKnobs):
    """Moves memory by ground truth before each decision; the schemes themselves stay off.

    Args:
        budget_mib: Memory moved per decision at most, MiB.
        horizon_s: How far ahead it knows the access rates, seconds; a move must pay for itself
            within that time.
    """

    budget_mib: float = 1024.0
    horizon_s: float = 10.0

    quota_loop = QuotaLoop.OFF
    sees_ground_truth = True

    def __post_init__(self) -> None:
        require_range("budget_mib", self.budget_mib, 0.0, 1e9)
        require_range("horizon_s", self.horizon_s, 1e-3, 1e6)

    def settings(self) -> Mapping[str, float]:
        """Return nothing: with the quotas off, knobs have no effect."""
        return {}

    def guide(self, machine: RebalancingMachine, index: int) -> None:
        """Place memory of one machine well; called before each step."""
        machine.rebalance(index, int(self.budget_mib * MIB), self.horizon_s)
