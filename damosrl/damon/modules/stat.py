"""DAMON_STAT: watch all memory, do nothing, and tell bandwidth and idle times."""

from dataclasses import dataclass
from typing import ClassVar

from damosrl.damon.attrs import Attrs, Intervals
from damosrl.damon.context import Context, Ops
from damosrl.damon.kdamond import Document, Kdamond
from damosrl.damon.modules.layout import PhysicalLayout
from damosrl.damon.modules.module import Module
from damosrl.damon.modules.system import autotune_goal, physical_target


@dataclass(frozen=True, slots=True, kw_only=True)
class DamonStat(Module):
    """mm/damon/stat.c (since 6.17; 7.3, semantics 3.3): nothing to set but ``enabled``.

    What it tells is computed by `damosrl.damon.modules.idle`.
    """

    NAME: ClassVar[str] = "damon_stat"
    RESULTS: ClassVar[tuple[str, ...]] = (
        "aggr_interval_us",
        "estimated_memory_bandwidth",
        "kdamond_pid",
        "memory_idle_ms_percentiles",
    )

    def document(self, layout: PhysicalLayout) -> Document:
        """Return one kdamond without schemes, its intervals tuned towards 4 % of accesses."""
        context = Context(
            Ops.PADDR,
            (physical_target(layout.monitored()),),
            Attrs(Intervals(goal=autotune_goal(access_bp=400))),
        )
        return Document((Kdamond((context,)),))
