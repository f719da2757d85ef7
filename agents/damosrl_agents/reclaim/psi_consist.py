"""The kernel's quota goal on memory pressure, under its consist loop."""

from dataclasses import dataclass

from damosrl.machine import QuotaLoop
from damosrl_agents.reclaim.cold_age import ColdAge


@dataclass(eq=False)
class PsiConsist(ColdAge):
    """Lets the kernel steer the quota to a pressure (``some_mem_psi_us``, goal tuner consist).

    The loop starts at one byte and at most doubles each window (semantics 2.8). The cold age keeps
    it from what is in use; the quota is a cap.

    Args:
        cold_age_s: Least time without access, seconds.
        quota_mib_per_s: Cap of the quota, MiB/s.
        psi_target_percent: Wanted share of time stalled, above 0 and at most 100 %.
    """

    cold_age_s: float = 5.0
    quota_mib_per_s: float = 256.0
    psi_target_percent: float = 0.1

    quota_loop = QuotaLoop.CONSIST
