"""The kernel's on/off loop: full quota until the goal is met, then none."""

from damosrl.machine import QuotaLoop
from damosrl_agents.controllers.consist import Consist


class Temporal(Consist):
    """DAMOS quota goals with the ``temporal`` tuner under the caps of samples/damon/mtier.c.

    Linux 7.3 mm/damon/core.c, damos_set_effective_quota: the whole size quota while a goal is
    missed, nothing once it is met. It needs no ramp.
    """

    quota_loop = QuotaLoop.TEMPORAL
