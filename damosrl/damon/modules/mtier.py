"""The sample module mtier: promote hot pages to node 0, demote cold ones to node 1."""

from dataclasses import dataclass
from typing import ClassVar

from damosrl.damon.attrs import Attrs, Intervals
from damosrl.damon.context import Context, Ops
from damosrl.damon.fields import located
from damosrl.damon.filters import Filter, FilterType
from damosrl.damon.kdamond import Document, Kdamond
from damosrl.damon.modules.layout import PhysicalLayout
from damosrl.damon.modules.module import Module
from damosrl.damon.modules.system import ANY_SIZE, autotune_goal, physical_target
from damosrl.damon.pattern import AccessPattern
from damosrl.damon.quota import GoalMetric, Quota, QuotaGoal, Weights
from damosrl.damon.ranges import AddressRange, Range
from damosrl.damon.scheme import Action, Scheme
from damosrl.errors import DocumentError, MachineError

FAST, SLOW = 0, 1
QUOTA_BYTES = 200 << 20
WINDOW_MS = 1000
APPLY_US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mtier(Module):
    """Parameters of samples/damon/mtier.c (7.3, semantics 3.4).

    The goals overlap: node 0 is filled to 99.7 % and emptied to 0.5 %, so that a slow exchange
    goes on. Where memory is busier than 4 %, interval tuning keeps postponing the schemes,
    whose interval of 1 s is longer than 3 aggregations (semantics 1.11).

    Args:
        node0_start_addr: First address of the fast node, bytes.
        node0_end_addr: One past its last address, bytes.
        node1_start_addr: First address of the slow node, bytes.
        node1_end_addr: One past its last address, bytes.
        node0_mem_used_bp: Use of node 0 up to which pages are promoted, basis points.
        node0_mem_free_bp: Free memory of node 0 up to which pages are demoted, basis points.
        detect_node_addresses: Take the spans of the machine's nodes 0 and 1 instead.

    Example:
        >>> machine = PhysicalLayout(nodes=(AddressRange(0, 4096), AddressRange(4096, 8192)))
        >>> up, down = Mtier(detect_node_addresses=True).document(machine).kdamonds
        >>> up.contexts[0].schemes[0].action, down.contexts[0].schemes[0].target_nid
        (<Action.MIGRATE_HOT: 'migrate_hot'>, 1)
    """

    NAME: ClassVar[str] = "mtier"

    node0_start_addr: int = 0
    node0_end_addr: int = 0
    node1_start_addr: int = 0
    node1_end_addr: int = 0
    node0_mem_used_bp: int = 9970
    node0_mem_free_bp: int = 50
    detect_node_addresses: bool = False

    def document(self, layout: PhysicalLayout) -> Document:
        """Return two kdamonds: promotion, which watches node 1, and demotion, on node 0."""
        spans = self._spans(layout)
        with located("node0_mem_used_bp"):
            used = QuotaGoal(GoalMetric.NODE_MEM_USED_BP, self.node0_mem_used_bp, nid=FAST)
        with located("node0_mem_free_bp"):
            free = QuotaGoal(GoalMetric.NODE_MEM_FREE_BP, self.node0_mem_free_bp, nid=FAST)
        promotion = Scheme(
            Action.MIGRATE_HOT,
            AccessPattern(ANY_SIZE, nr_accesses=Range(1, AccessPattern().nr_accesses.max)),
            target_nid=FAST,
            apply_interval_us=APPLY_US,
            quota=_quota(used),
            filters=(Filter(FilterType.YOUNG, allow=True),),
        )
        demotion = Scheme(
            Action.MIGRATE_COLD,
            AccessPattern(ANY_SIZE, nr_accesses=Range(0, 0)),
            target_nid=SLOW,
            apply_interval_us=APPLY_US,
            quota=_quota(free),
            filters=(Filter(FilterType.YOUNG),),
        )
        return Document(
            (_kdamond(spans[SLOW], promotion), _kdamond(spans[FAST], demotion)),
        )

    def _spans(self, layout: PhysicalLayout) -> tuple[AddressRange, AddressRange]:
        if self.detect_node_addresses:
            if len(layout.nodes) <= SLOW:
                raise MachineError(
                    "detect_node_addresses needs nodes 0 and 1",
                    got=f"{len(layout.nodes)} nodes",
                    fix="give both, for example --node 0-4G --node 4G-8G",
                )
            return layout.nodes[FAST], layout.nodes[SLOW]
        return (
            _span(FAST, self.node0_start_addr, self.node0_end_addr),
            _span(SLOW, self.node1_start_addr, self.node1_end_addr),
        )


def _span(node: int, start: int, end: int) -> AddressRange:
    if start >= end:
        raise DocumentError(
            f"node {node} has no addresses",
            got=f"{start}-{end}",
            allowed="start < end",
            fix=f"give node{node}_start_addr and node{node}_end_addr, or detect_node_addresses=Y",
        )
    return AddressRange(start, end)


def _quota(goal: QuotaGoal) -> Quota:
    return Quota(
        sz_bytes=QUOTA_BYTES,
        reset_interval_ms=WINDOW_MS,
        weights=Weights(nr_accesses_permil=100, age_permil=100),
        goals=(goal,),
    )


def _kdamond(span: AddressRange, scheme: Scheme) -> Kdamond:
    attrs = Attrs(Intervals(goal=autotune_goal(access_bp=400)))
    return Kdamond((Context(Ops.PADDR, (physical_target(span),), attrs, (scheme,)),))
