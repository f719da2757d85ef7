"""An oracle that sees all nodes at once: the hottest pages on the fastest node, and so on down."""

from dataclasses import dataclass
from typing import Protocol

from damosrl.machine import QuotaLoop
from damosrl_agents.controllers.noop import Noop
from damosrl_agents.tiering import MIB, require_range


class AssigningMachine(Protocol):
    """A machine that knows the truth and can place memory by it; only the emulator does."""

    def assign(self, index: int, budget_bytes: float, horizon_s: float) -> float:
        """Move one machine's memory towards the best assignment, within a budget."""


@dataclass(eq=False)
class AssignmentOracle(Noop):
    """Fills the nodes by capacity, hottest first; the schemes themselves stay off.

    It is the best placement where latencies do not depend on load and copying is free
    (`damosrl.emulator.assignment` has the proof). The ``oracle`` weighs load and copying, but only
    for one pair of nodes after another; which of both is better says the table.

    Args:
        budget_mib: Memory moved per decision at most, MiB.
        horizon_s: How far ahead it knows the access rates, seconds.
    """

    budget_mib: float = 1024.0
    horizon_s: float = 10.0

    quota_loop = QuotaLoop.OFF
    sees_ground_truth = True

    def __post_init__(self) -> None:
        require_range("budget_mib", self.budget_mib, 0.0, 1e9)
        require_range("horizon_s", self.horizon_s, 1e-3, 1e6)

    def guide(self, machine: AssigningMachine, index: int) -> None:
        """Place memory of one machine; called before each step."""
        machine.assign(index, self.budget_mib * MIB, self.horizon_s)
