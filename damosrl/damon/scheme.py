"""Schemes: an action for memory of an access pattern, under a quota."""

from dataclasses import dataclass, field
from enum import StrEnum

from damosrl.damon.checks import I32_MAX, U32_MAX, require_integer, require_member
from damosrl.damon.filters import Filter
from damosrl.damon.pattern import AccessPattern
from damosrl.damon.quota import Quota
from damosrl.damon.watermarks import Watermarks


class Action(StrEnum):
    """What a scheme does, in the kernel's order (``enum damos_action``, 7.3)."""

    WILLNEED = "willneed"
    COLD = "cold"
    PAGEOUT = "pageout"
    HUGEPAGE = "hugepage"
    NOHUGEPAGE = "nohugepage"
    COLLAPSE = "collapse"
    LRU_PRIO = "lru_prio"
    LRU_DEPRIO = "lru_deprio"
    MIGRATE_HOT = "migrate_hot"
    MIGRATE_COLD = "migrate_cold"
    STAT = "stat"


@dataclass(frozen=True, slots=True)
class Dest:
    """One of several destinations of a migration (vaddr only), taken by weight.

    Args:
        id: Memory node.
        weight: Share among the destinations.
    """

    id: int
    weight: int

    def __post_init__(self) -> None:
        require_integer("dest id", self.id, high=I32_MAX)
        require_integer("dest weight", self.weight, high=U32_MAX)


@dataclass(frozen=True, slots=True)
class Scheme:
    """One DAMON-based operation scheme.

    Args:
        action: What to do.
        access_pattern: With which regions.
        target_nid: Destination node of migrations; -1 is none.
        apply_interval_us: Time between passes, us; 0 is the aggregation interval.
        quota: How much at most, and what first.
        watermarks: When at all.
        filters: What to leave out or let pass, in order; the two layers are told apart by type.
        dests: Weighted destinations of migrations.
        max_nr_snapshots: Passes after which the scheme stops; 0 is no limit.
    """

    action: Action = Action.STAT
    access_pattern: AccessPattern = field(default_factory=AccessPattern)
    target_nid: int = -1
    apply_interval_us: int = 0
    quota: Quota = field(default_factory=Quota)
    watermarks: Watermarks = field(default_factory=Watermarks)
    filters: tuple[Filter, ...] = ()
    dests: tuple[Dest, ...] = ()
    max_nr_snapshots: int = 0

    def __post_init__(self) -> None:
        require_member("action", self.action, Action)
        require_integer("target_nid", self.target_nid, low=-1, high=I32_MAX)
        require_integer("apply_interval_us", self.apply_interval_us)
        require_integer("max_nr_snapshots", self.max_nr_snapshots)

    @property
    def memcg_paths(self) -> frozenset[str]:
        """Control groups that filters and goals name.

        Example:
            >>> from damosrl.damon import Filter, FilterType
            >>> sorted(Scheme(filters=(Filter(FilterType.MEMCG, memcg_path="/web"),)).memcg_paths)
            ['/web']
        """
        filters = {item.memcg_path for item in self.filters}
        goals = {item.memcg_path for item in self.quota.goals}
        return frozenset(path for path in filters | goals if path is not None)
