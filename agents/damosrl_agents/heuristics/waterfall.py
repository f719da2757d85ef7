"""TPP on every border of a chain of nodes: demote below a watermark, promote what is hit twice."""

from collections.abc import Mapping
from dataclasses import dataclass

from damosrl_agents.controllers.fixed import FixedKnobs
from damosrl_agents.tiering import MIB, require_range


@dataclass(eq=False)
class Waterfall(FixedKnobs):
    """Each node demotes while its free memory lies below a watermark, and promotes on access.

    TPP (Maruf et al., ASPLOS 2023): demotion starts when free memory falls below
    ``demote_scale_factor`` = 200, that is 2 % of the node, and takes what was not accessed of late;
    a page is promoted at its second hit, which finds it on the active list, and whatever
    the target's watermarks say. With more than two nodes memory falls and rises one node at a
    time. As schemes: demotion stops at the free target, promotion asks for two samples of twenty.

    Args:
        watermark_percent: Free share of a node below which it demotes, per cent.
        second_hit_percent: Access rate of two hits, of the largest measurable one, per cent.
        quota_mib_per_s: Both quotas of every border, MiB/s; the kernel's rate limit of 64 GiB/s
            lies above what these knobs can be set to.
    """

    watermark_percent: float = 2.0
    second_hit_percent: float = 10.0
    quota_mib_per_s: float = 1024.0

    def __post_init__(self) -> None:
        require_range("watermark_percent", self.watermark_percent, 0.0, 100.0)
        require_range("second_hit_percent", self.second_hit_percent, 0.0, 100.0)
        require_range("quota_mib_per_s", self.quota_mib_per_s, 0.0, 1e6)

    def settings(self) -> Mapping[str, float]:
        """Return the same knobs for every border."""
        return {
            "promotion_quota": self.quota_mib_per_s * MIB,
            "demotion_quota": self.quota_mib_per_s * MIB,
            "hot_threshold": self.second_hit_percent,
            "cold_age": 0.0,
            "free_target": self.watermark_percent,
        }
