"""A fixed cold age: what has been idle for so long goes out."""

from collections.abc import Mapping
from dataclasses import dataclass

from damosrl_agents.controllers.fixed import FixedKnobs
from damosrl_agents.reclaim.knobs import MIB
from damosrl_agents.tiering import require_range


@dataclass(eq=False)
class ColdAge(FixedKnobs):
    """Pages out what has been idle for a fixed time, whatever that does.

    Args:
        cold_age_s: That time, seconds.
        quota_mib_per_s: Most to page out, MiB/s.
        psi_target_percent: Pressure at which paging out stops, above 0 and at most 100 %.
    """

    cold_age_s: float = 30.0
    quota_mib_per_s: float = 256.0
    psi_target_percent: float = 10.0

    def __post_init__(self) -> None:
        require_range("cold_age_s", self.cold_age_s, 0.0, 1e6)
        require_range("quota_mib_per_s", self.quota_mib_per_s, 0.0, 1e6)
        require_range("psi_target_percent", self.psi_target_percent, 1e-6, 100.0)

    def settings(self) -> Mapping[str, float]:
        """Return the knobs."""
        return {
            "reclaim_quota": self.quota_mib_per_s * MIB,
            "cold_age": self.cold_age_s,
            "psi_target": self.psi_target_percent,
        }
