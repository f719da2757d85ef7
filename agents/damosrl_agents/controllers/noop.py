"""Moves nothing: the zero of the score."""

from collections.abc import Mapping

from damosrl.machine import QuotaLoop
from damosrl_agents.controllers.fixed import FixedKnobs


class Noop(FixedKnobs):
    """Leaves memory where it was first placed; all quotas are off."""

    quota_loop = QuotaLoop.OFF

    def settings(self) -> Mapping[str, float]:
        """Return nothing: with the quotas off, knobs have no effect."""
        return {}
