"""Documents whose nodes are numbered by speed, put onto the nodes that a machine has."""

from collections.abc import Sequence
from dataclasses import replace

from damosrl.damon import AddressRange, Context, Document, Ops, Scheme
from damosrl.errors import KernelError
from damosrl.kernel.host.nodes import Node


def placed(document: Document, nodes: Sequence[Node]) -> Document:
    """Write physical addresses and node ids into a document.

    In the document node 0 is the fastest, node 1 the next; in the kernel they have ids of their
    own. A kdamond of physical memory without regions watches one node where there are as many such
    kdamonds as nodes, else all of them: the kernel itself would watch nothing (semantics 1.2).

    Args:
        document: Nodes by their place in ``nodes``.
        nodes: The fastest first.

    Raises:
        KernelError: A node has no known addresses, or the document names one that is not there.
    """
    bare = [index for index, item in enumerate(document.kdamonds) if _is_bare(item.contexts[0])]
    watched = {
        index: (nodes[place],) if len(bare) == len(nodes) else tuple(nodes)
        for place, index in enumerate(bare)
    }
    return Document(
        tuple(
            replace(item, contexts=(_placed(item.contexts[0], watched.get(index, ()), nodes),))
            for index, item in enumerate(document.kdamonds)
        )
    )


def _is_bare(context: Context) -> bool:
    return context.ops is Ops.PADDR and not any(target.regions for target in context.targets)


def _placed(context: Context, watched: Sequence[Node], nodes: Sequence[Node]) -> Context:
    schemes = tuple(_on_nodes(scheme, nodes) for scheme in context.schemes)
    if not watched:
        return replace(context, schemes=schemes)
    for node in watched:
        if not node.ranges:
            raise KernelError(
                f"the addresses of node {node.nid} are not known",
                got="no memory blocks in sysfs",
                fix="give the target's regions in the document",
            )
    unit = context.addr_unit
    spans = sorted((item.start, item.end) for node in watched for item in node.ranges)
    regions = tuple(AddressRange(start // unit, end // unit) for start, end in spans)
    return replace(
        context,
        schemes=schemes,
        targets=tuple(replace(target, regions=regions) for target in context.targets),
    )


def _on_nodes(scheme: Scheme, nodes: Sequence[Node]) -> Scheme:
    goals = tuple(
        replace(goal, nid=_nid(goal.nid, nodes)) if goal.metric.startswith("node_") else goal
        for goal in scheme.quota.goals
    )
    dests = tuple(replace(item, id=_nid(item.id, nodes)) for item in scheme.dests)
    target = _nid(scheme.target_nid, nodes) if scheme.target_nid >= 0 else scheme.target_nid
    return replace(scheme, quota=replace(scheme.quota, goals=goals), dests=dests, target_nid=target)


def _nid(place: int, nodes: Sequence[Node]) -> int:
    if not 0 <= place < len(nodes):
        raise KernelError(
            "the document names a node that this machine has not",
            got=f"node {place}",
            allowed=f"0..{len(nodes) - 1}, the fastest first",
        )
    return nodes[place].nid
