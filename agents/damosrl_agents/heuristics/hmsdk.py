"""The thresholds of SK hynix' HMSDK on every border: demote what idles for long, promote early."""

from collections.abc import Mapping
from dataclasses import dataclass

from damosrl_agents.controllers.fixed import FixedKnobs
from damosrl_agents.tiering import MIB, require_range


@dataclass(eq=False)
class HMSDK(FixedKnobs):
    """Demotes what was not accessed for 30 s, promotes what is accessed in 5 % of samples.

    The scheme numbers of tools/gen_migpol.py (skhynix/hmsdk v4.0): migrate_cold at an access rate
    of 0 from an age of 30 s on, migrate_hot from 5 % on, 50 GB per 20 s either way. It sets no
    goal: free memory stops nothing, so the target is the highest that the knob has. Not taken over
    are its intervals (100 ms / 2 s) and up to 10,000 regions: monitoring belongs to the task.

    Args:
        cold_age_s: Idle time before demotion, seconds.
        hot_percent: Access rate from which memory is promoted, of the largest, per cent.
        quota_mib_per_s: Both quotas, MiB/s; 50 GB per 20 s.
        free_target_percent: Free share of a node at which demotion stops, per cent.
    """

    cold_age_s: float = 30.0
    hot_percent: float = 5.0
    quota_mib_per_s: float = 2384.0
    free_target_percent: float = 5.0

    def __post_init__(self) -> None:
        require_range("cold_age_s", self.cold_age_s, 0.0)
        require_range("hot_percent", self.hot_percent, 0.0, 100.0)
        require_range("quota_mib_per_s", self.quota_mib_per_s, 0.0, 1e6)
        require_range("free_target_percent", self.free_target_percent, 0.0, 100.0)

    def settings(self) -> Mapping[str, float]:
        """Return the same knobs for every border."""
        return {
            "promotion_quota": self.quota_mib_per_s * MIB,
            "demotion_quota": self.quota_mib_per_s * MIB,
            "hot_threshold": self.hot_percent,
            "cold_age": self.cold_age_s,
            "free_target": self.free_target_percent,
        }
