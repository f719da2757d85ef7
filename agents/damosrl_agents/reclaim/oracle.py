"""The other end of reclaim's scale: pages out by true access rates, which no kernel can tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from damosrl.machine import QuotaLoop
from damosrl_agents.controllers.fixed import FixedKnobs
from damosrl_agents.tiering import require_range


class TruthfulMachine(Protocol):
    """A machine that knows the truth and can page out by it; only the emulator does."""

    def page_out(self, index: int, slowdown_price: float) -> Any:
        """Page out what costs less in faults than it takes in memory."""


@dataclass(eq=False)
class ReclaimOracle(FixedKnobs):
    """Pages out by ground truth before each decision; the scheme itself stays off.

    Args:
        slowdown_price: Cost of running twice as long, in units of all the memory in use; as the
            task's cost has it.
    """

    slowdown_price: float = 3.0

    quota_loop = QuotaLoop.OFF
    sees_ground_truth = True

    def __post_init__(self) -> None:
        require_range("slowdown_price", self.slowdown_price, 1e-3, 1e6)

    def settings(self) -> Mapping[str, float]:
        """Return nothing: with the scheme off, knobs have no effect."""
        return {}

    def guide(self, machine: TruthfulMachine, index: int) -> None:
        """Page out on one machine; called before each step."""
        machine.page_out(index, self.slowdown_price)
