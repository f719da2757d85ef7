"""The other end of the scale: knows what is cold and moves it at no cost."""

from collections.abc import Mapping
from typing import Protocol

from damosrl.machine import QuotaLoop
from damosrl_agents.controllers.fixed import FixedKnobs


class PerfectHost(Protocol):
    """Hosts that know the truth about their guests; only emulated ones do."""

    def perfect(self, machine: int) -> int:
        """Scale one machine's guests by the truth, at no cost."""


class AcmaOracle(FixedKnobs):
    """Pages out what pays, packs the rest and reports it, in all guests before each decision.

    It takes no time for that, and its price for memory against time is that of the score. It does
    not look ahead: what is touched again costs it a fault like anybody.
    """

    quota_loop = QuotaLoop.OFF
    sees_ground_truth = True

    def settings(self) -> Mapping[str, float]:
        """Return nothing: what it does is done by the machine."""
        return {}

    def guide(self, machine: PerfectHost, index: int) -> None:
        """Let one machine be scaled by the truth."""
        machine.perfect(index)
