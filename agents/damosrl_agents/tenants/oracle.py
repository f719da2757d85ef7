"""The other end of the scale for tenants: splits fast memory by truth, which no kernel can tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from damosrl.machine import QuotaLoop
from damosrl_agents.controllers.fixed import FixedKnobs
from damosrl_agents.tiering import MIB, require_range


class SharingMachine(Protocol):
    """A machine that knows the truth and can split memory by it; only the emulator does."""

    def share_out(
        self, index: int, budget_bytes: float, horizon_s: float, targets: Mapping[str, float]
    ) -> Any:
        """Move what lowers the slowdown, and each tenant's beyond its target, within a budget."""


@dataclass(eq=False)
class TenantsOracle(FixedKnobs):
    """Moves memory by ground truth before each decision; the schemes themselves stay off.

    Args:
        budget_mib: Memory moved per decision at most, MiB.
        horizon_s: How far ahead it knows the access rates, seconds.
        targets: Largest acceptable slowdown by path of control group, as the task has it.
    """

    budget_mib: float = 1024.0
    horizon_s: float = 10.0
    targets: dict[str, float] = field(default_factory=dict)

    quota_loop = QuotaLoop.OFF
    sees_ground_truth = True

    def __post_init__(self) -> None:
        require_range("budget_mib", self.budget_mib, 0.0, 1e9)
        require_range("horizon_s", self.horizon_s, 1e-3, 1e6)
        for path, slowdown in self.targets.items():
            require_range(f"target of {path}", slowdown, 1.0)

    def settings(self) -> Mapping[str, float]:
        """Return nothing: with the quotas off, knobs have no effect."""
        return {}

    def guide(self, machine: SharingMachine, index: int) -> None:
        """Place memory of one machine well; called before each step."""
        machine.share_out(index, self.budget_mib * MIB, self.horizon_s, self.targets)
