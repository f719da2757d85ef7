"""A kdamonds document that goes on without a tuner: which loop it leaves, and where nodes lie."""

from collections.abc import Sequence

from damosrl.damon import AddressRange, Document
from damosrl.errors import ExportError, UnknownNameError
from damosrl.kernel.host.nodes import Node
from damosrl.kernel.placing import placed
from damosrl.machine import QuotaLoop

KERNEL_LOOPS = (QuotaLoop.CONSIST, QuotaLoop.TEMPORAL)
"""Loops that the kernel runs by itself: goals under the caps of the document."""


def kernel_loop(tuner_loop: QuotaLoop, asked: str | None = None) -> QuotaLoop:
    """Choose the loop that goes on in the kernel when the tuner is gone.

    What the tuner ran on stays. A tuner that sets quotas itself has demotion stop at its free
    target by ``temporal`` already, so that one becomes the loop of both directions: ``consist``
    would start from one byte again.

    Args:
        tuner_loop: Loop under the tuner's numbers.
        asked: ``consist`` or ``temporal``, if the user chose.

    Raises:
        UnknownNameError: There is no such loop.

    Example:
        >>> kernel_loop(QuotaLoop.DIRECT)
        <QuotaLoop.TEMPORAL: 'temporal'>
    """
    if asked is not None:
        if asked not in KERNEL_LOOPS:
            raise UnknownNameError("loop of the kernel", asked, KERNEL_LOOPS)
        return QuotaLoop(asked)
    return QuotaLoop.TEMPORAL if tuner_loop is QuotaLoop.DIRECT else tuner_loop


def nodes_at(spans: Sequence[AddressRange]) -> tuple[Node, ...]:
    """Return memory nodes 0, 1, ... at given addresses, the fastest first."""
    return tuple(Node(nid, None, False, (span,)) for nid, span in enumerate(spans))


def on_nodes(document: Document, nodes: Sequence[Node]) -> Document:
    """Write node ids and addresses into a document with one kdamond per node.

    Args:
        document: Nodes by number, the fastest first.
        nodes: As many, in the same order.

    Raises:
        ExportError: There are not as many.
        KernelError: A node's addresses are not known.
    """
    if len(nodes) != len(document.kdamonds):
        raise ExportError(
            "the document needs one memory node per kdamond",
            got=f"{len(nodes)} nodes",
            allowed=f"{len(document.kdamonds)}",
            fix="give --node START-END for each, the fastest first",
        )
    return placed(document, nodes)
