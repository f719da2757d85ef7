"""Statistics of a scheme, as the kernel counts them."""

from dataclasses import dataclass, fields

from damosrl.damon.checks import require_integer


@dataclass(frozen=True, slots=True)
class Stats:
    """Life-time counters of one scheme; kept across commits (semantics of kernel 7.3).

    Args:
        nr_tried: Regions handed to the action.
        sz_tried: Their size, core address units.
        nr_applied: Regions on which the action did something.
        sz_applied: Size it was applied to.
        sz_ops_filter_passed: Size that passed the operation set's filters.
        qt_exceeds: Windows that ended with the quota used up.
        nr_snapshots: Complete passes per target.
        max_nr_snapshots: Passes after which the scheme stops; 0 is no limit.
    """

    nr_tried: int = 0
    sz_tried: int = 0
    nr_applied: int = 0
    sz_applied: int = 0
    sz_ops_filter_passed: int = 0
    qt_exceeds: int = 0
    nr_snapshots: int = 0
    max_nr_snapshots: int = 0

    def __post_init__(self) -> None:
        for item in fields(self):
            require_integer(f"stats.{item.name}", getattr(self, item.name))
