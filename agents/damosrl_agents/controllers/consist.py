"""The kernel's own loop from a cold start, as Linux's tiering sample module sets it up."""

from collections.abc import Mapping

from damosrl.machine import QuotaLoop
from damosrl_agents.controllers.fixed import FixedKnobs
from damosrl_agents.tiering import MTIER


class Consist(FixedKnobs):
    """DAMOS quota goals with the ``consist`` tuner under the caps of samples/damon/mtier.c.

    The loop multiplies its quota by ``1 + (1 - score)`` each second and starts from one byte
    (Linux 7.3 mm/damon/core.c, damon_feed_loop_next_input), so that it moves next to nothing in
    the first minutes on a nearly full fast tier.
    """

    quota_loop = QuotaLoop.CONSIST

    def settings(self) -> Mapping[str, float]:
        """Return the module's caps and thresholds."""
        return MTIER
