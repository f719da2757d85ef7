"""Probes: attributes of sampled memory counted besides accesses (kernel 7.2, paddr)."""

from dataclasses import dataclass
from enum import StrEnum

from damosrl.damon.checks import U32_MAX, require_integer, require_member
from damosrl.damon.refusals import refusal


class ProbeFilterType(StrEnum):
    """Attributes a probe can test."""

    ANON = "anon"
    MEMCG = "memcg"


@dataclass(frozen=True, slots=True)
class ProbeFilter:
    """One test of a probe; the first that fires decides.

    Args:
        filter_type: Attribute.
        matching: Fire on memory with the attribute (True) or without (False).
        allow: Whether firing counts as a hit.
        path: For ``memcg``: path from the hierarchy's root.
    """

    filter_type: ProbeFilterType
    matching: bool = True
    allow: bool = False
    path: str | None = None

    def __post_init__(self) -> None:
        require_member("probe filter_type", self.filter_type, ProbeFilterType)
        if (self.filter_type is ProbeFilterType.MEMCG) != bool(self.path):
            raise refusal(
                "probe-path",
                "a probe's path belongs to memcg, and memcg needs one",
                got=f"filter_type={self.filter_type}, path={self.path}",
                fix="give path with memcg only",
            )


@dataclass(frozen=True, slots=True)
class Probe:
    """A counter of sampled memory that passes the filters.

    Args:
        filters: Tests in order.
        weight: Weight in the region score; any weight but 0 replaces access checks (7.3).
    """

    filters: tuple[ProbeFilter, ...] = ()
    weight: int = 0

    def __post_init__(self) -> None:
        require_integer("probe weight", self.weight, high=U32_MAX)
