"""A scheme as a case states it, and its state while it runs (FORMAT section 1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from damosrl.emulator.conformance.reference.integers import u32
from damosrl.emulator.conformance.reference.quota import Quota

COLDEST_FIRST = ("pageout", "lru_deprio", "migrate_cold")
HOTTEST_FIRST = ("lru_prio", "migrate_hot")
STATISTICS = ("nr_tried", "sz_tried", "nr_applied", "sz_applied", "qt_exceeds", "nr_snapshots")


@dataclass(slots=True)
class Filter:
    """One filter; ``place`` is [start, end) of type addr, or the index of type target."""

    type: str
    matching: bool
    allow: bool
    start: int = 0
    end: int = 0
    target_idx: int = 0


@dataclass(slots=True)
class Watermarks:
    """Free memory in permil between which a scheme is active; ``metric`` none: always."""

    metric: str
    interval_us: int
    high: int
    mid: int
    low: int


@dataclass(slots=True)
class Pattern:
    """Closed ranges of size (bytes), moving sum (samples) and age (aggregation intervals)."""

    sz_bytes: tuple[int, int]
    nr_accesses: tuple[int, int]
    age: tuple[int, int]

    def has(self, size: int, count: int, age: int) -> bool:
        """Tell whether a region belongs to the pattern (2.3)."""
        return (
            self.sz_bytes[0] <= size <= self.sz_bytes[1]
            and self.nr_accesses[0] <= count <= self.nr_accesses[1]
            and self.age[0] <= age <= self.age[1]
        )


Series = Sequence[Sequence[int]]
"""Rows of [from_ms, value]."""


@dataclass(slots=True)
class Scheme:
    """Parameters, and state: schedule, watermark flag, statistics."""

    action: str
    pattern: Pattern
    quota: Quota
    apply_interval_us: int = 0
    watermarks: Watermarks | None = None
    filters: list[Filter] = field(default_factory=list)
    max_nr_snapshots: int = 0
    applied_percent: int = 100
    goal_series: list[Series] = field(default_factory=list)
    next_apply: int = 0
    activated: bool = True
    statistics: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATISTICS, 0))


def read_pattern(pattern: Mapping[str, Any]) -> Pattern:
    """Read an access pattern; the core keeps 32 bits of the bounds of counts and ages (0)."""

    def narrow(bounds: Sequence[int]) -> tuple[int, int]:
        return u32(bounds[0]), u32(bounds[1])

    low, high = pattern["sz_bytes"]
    return Pattern((low, high), narrow(pattern["nr_accesses"]), narrow(pattern["age"]))


def read_filter(condition: Mapping[str, Any]) -> Filter:
    """Read a filter of a case or table; what its type does not use may be missing."""
    known = ("type", "matching", "allow", "start", "end", "target_idx")
    return Filter(**{name: condition[name] for name in known if name in condition})


def read_scheme(scheme: Mapping[str, Any]) -> Scheme:
    """Read a scheme of a trace case."""
    quotas = scheme["quotas"]
    series = [goal["current_value"] for goal in quotas["goals"]]
    return Scheme(
        action=scheme["action"],
        pattern=read_pattern(scheme["access_pattern"]),
        quota=Quota(
            ms=quotas["ms"],
            bytes=quotas["bytes"],
            reset_interval_ms=quotas["reset_interval_ms"],
            weight_nr_accesses=quotas["weights"]["nr_accesses"],
            weight_age=quotas["weights"]["age"],
            goals=[goal["target_value"] for goal in quotas["goals"]],
            temporal=quotas["goal_tuner"] == "temporal",
            fail_charge_num=quotas["fail_charge_num"],
            fail_charge_denom=quotas["fail_charge_denom"],
        ),
        apply_interval_us=scheme["apply_interval_us"],
        watermarks=Watermarks(**scheme["watermarks"]),
        filters=[read_filter(condition) for condition in scheme["core_filters"]],
        max_nr_snapshots=scheme["max_nr_snapshots"],
        applied_percent=scheme["applied_fraction_percent"],
        goal_series=[[[0, value]] if isinstance(value, int) else value for value in series],
    )
