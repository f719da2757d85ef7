"""Watermarks: the range of free memory in which a scheme is active."""

from dataclasses import dataclass
from enum import StrEnum

from damosrl.damon.checks import require_integer, require_member


class WatermarkMetric(StrEnum):
    """What watermarks compare; ``FREE_MEM_RATE`` is free memory of the whole system, permil."""

    NONE = "none"
    FREE_MEM_RATE = "free_mem_rate"


@dataclass(frozen=True, slots=True)
class Watermarks:
    """A scheme sleeps above ``high`` and below ``low``, and wakes below ``mid``.

    The kernel does not compare the three with each other, and neither does this class.

    Args:
        metric: ``NONE`` keeps the scheme active for ever.
        interval_us: Time between checks while inactive, us.
        high_permil: Upper end.
        mid_permil: Wake-up level.
        low_permil: Lower end.
    """

    metric: WatermarkMetric = WatermarkMetric.NONE
    interval_us: int = 0
    high_permil: int = 0
    mid_permil: int = 0
    low_permil: int = 0

    def __post_init__(self) -> None:
        require_member("watermarks.metric", self.metric, WatermarkMetric)
        for name in ("interval_us", "high_permil", "mid_permil", "low_permil"):
            require_integer(f"watermarks.{name}", getattr(self, name))
