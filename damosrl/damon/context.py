"""Contexts: what is monitored, how, and the schemes on it."""

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from damosrl.damon.attrs import Attrs
from damosrl.damon.checks import I32_MAX, U32_MAX, require_integer, require_member
from damosrl.damon.probes import Probe
from damosrl.damon.quota import GoalMetric
from damosrl.damon.ranges import AddressRange
from damosrl.damon.refusals import refusal
from damosrl.damon.scheme import Scheme

PAGE_SIZE = 4096
MAX_PROBES = 4
U8_MAX = 255


class Ops(StrEnum):
    """Operation sets: address space of processes, the same with fixed regions, physical."""

    VADDR = "vaddr"
    FVADDR = "fvaddr"
    PADDR = "paddr"


@dataclass(frozen=True, slots=True)
class Target:
    """One monitored address space.

    Args:
        pid: Process of vaddr and fvaddr; None for paddr.
        regions: Initial regions, sorted. Empty means what the process maps (vaddr), nothing
            (fvaddr), the whole node on an emulated machine and nothing through sysfs (paddr).
        obsolete: Drop the target at the next commit.
    """

    pid: int | None = None
    regions: tuple[AddressRange, ...] = ()
    obsolete: bool = False

    def __post_init__(self) -> None:
        if self.pid is not None:
            require_integer("pid", self.pid, high=I32_MAX)
        for left, right in pairwise(self.regions):
            if left.end > right.start:
                raise refusal(
                    "regions-overlap",
                    "target regions overlap or are unsorted",
                    got=f"[{left.start}, {left.end}) before [{right.start}, {right.end})",
                    allowed="ascending, disjoint regions",
                    fix="sort or merge them",
                )


@dataclass(frozen=True, slots=True)
class Context:
    """One monitoring context, checked as the kernel does when it starts.

    Args:
        ops: Operation set.
        targets: Monitored address spaces; one at most for paddr.
        attrs: Intervals and region bounds.
        schemes: In the order they are applied.
        addr_unit: Bytes per core address unit (paddr only).
        pause: Stop sampling, keep the thread.
        probes: At most 4.

    Raises:
        DocumentError: Where the kernel would answer EINVAL.
    """

    ops: Ops
    targets: tuple[Target, ...] = ()
    attrs: Attrs = field(default_factory=Attrs)
    schemes: tuple[Scheme, ...] = ()
    addr_unit: int = 1
    pause: bool = False
    probes: tuple[Probe, ...] = ()

    def __post_init__(self) -> None:
        require_member("ops", self.ops, Ops)
        require_integer("addr_unit", self.addr_unit, low=1)
        if self.min_region_sz & (self.min_region_sz - 1):
            raise refusal(
                "min-region-size",
                "addr_unit gives a region size that is no power of two",
                got=self.addr_unit,
                allowed="powers of two, or above 4096",
                fix="give addr_unit=1",
            )
        self._check_probes()
        self._check_targets()
        self._check_goals()

    @property
    def min_region_sz(self) -> int:
        """Smallest region, core address units."""
        if self.ops is Ops.PADDR:
            return max(PAGE_SIZE // self.addr_unit, 1)
        return PAGE_SIZE

    def _check_probes(self) -> None:
        """Keep weighted hits within their integers: 8 bits a probe, 32 bits a region's score."""
        if len(self.probes) > MAX_PROBES:
            raise refusal(
                "too-many-probes", "too many probes", got=len(self.probes), allowed="0..4"
            )
        samples = self.attrs.samples_per_aggregation
        weights = sum(probe.weight for probe in self.probes)
        if weights and (samples > U8_MAX or weights * samples > U32_MAX):
            raise refusal(
                "probe-overflow",
                "weighted probes would overflow their counters",
                got=f"{samples} samples per aggregation, weights that sum up to {weights}",
                allowed=f"<= {U8_MAX} samples, samples x weights <= {U32_MAX}",
                fix="shorten the aggregation, or give smaller weights",
            )

    def _check_targets(self) -> None:
        physical = self.ops is Ops.PADDR
        if physical and len(self.targets) > 1:
            raise refusal(
                "one-paddr-target",
                "paddr has one address space",
                got=f"{len(self.targets)} targets",
                allowed="0 or 1",
                fix="use one kdamond per memory node",
            )
        for target in self.targets:
            if not physical and target.pid is None:
                raise refusal(
                    "target-without-pid",
                    f"a target of {self.ops} has no process",
                    got="pid=None",
                    fix="give pid",
                )
            self._check_regions(target)

    def _check_regions(self, target: Target) -> None:
        """Apply ``damon_set_regions()``: bounds aligned outwards may not be empty or overlap."""
        size, previous_end = self.min_region_sz, 0
        for region in target.regions:
            start, end = region.start // size * size, -(-region.end // size) * size
            if start >= end or start < previous_end:
                raise refusal(
                    "region-empty" if start >= end else "regions-overlap",
                    f"regions aligned to {size} are empty or overlap",
                    got=f"[{region.start}, {region.end})",
                    allowed=f"disjoint regions also after rounding outwards to {size}",
                    fix="widen or merge the regions",
                )
            previous_end = end

    def _check_goals(self) -> None:
        for scheme in self.schemes:
            for goal in scheme.quota.goals:
                if goal.metric is GoalMetric.NODE_ELIGIBLE_MEM_BP and self.ops is not Ops.PADDR:
                    raise refusal(
                        "goal-needs-paddr",
                        "goal node_eligible_mem_bp works on physical memory only",
                        got=f"ops={self.ops}",
                        allowed="ops=paddr",
                        fix="choose another metric",
                    )
