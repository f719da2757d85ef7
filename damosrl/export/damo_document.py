"""A kdamonds document that goes on without a tuner: which loop it leaves, and where nodes lie."""

from collections.abc import Sequence

from damosrl.artifact import Artifact
from damosrl.damon import AddressRange, Document
from damosrl.errors import ExportError, UnknownNameError
from damosrl.kernel.host.nodes import Node
from damosrl.kernel.placing import placed
from damosrl.kernel_tasks import task_factory
from damosrl.knobs import FloatArray
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
        ExportError: The tuner lets nothing move, so that there is no loop to leave.

    Example:
        >>> kernel_loop(QuotaLoop.DIRECT)
        <QuotaLoop.TEMPORAL: 'temporal'>
    """
    if tuner_loop is QuotaLoop.OFF:
        raise ExportError(
            "a tuner that moves nothing has no document",
            got="quota loop off",
            fix="start no kdamond instead, or choose another tuner",
        )
    if asked is not None:
        if asked not in KERNEL_LOOPS:
            raise UnknownNameError("loop of the kernel", asked, KERNEL_LOOPS)
        return QuotaLoop(asked)
    return QuotaLoop.TEMPORAL if tuner_loop is QuotaLoop.DIRECT else tuner_loop


def nodes_at(spans: Sequence[AddressRange]) -> tuple[Node, ...]:
    """Return memory nodes 0, 1, ... at given addresses, the fastest first."""
    return tuple(Node(nid, None, False, (span,)) for nid, span in enumerate(spans))


def steady_document(
    artifact: Artifact, knobs: FloatArray, loop: QuotaLoop, nodes: Sequence[Node]
) -> Document:
    """Return what knobs tell a kernel whose loop goes on alone.

    Args:
        artifact: The policy; its task turns knobs into schemes.
        knobs: Physical values ``(k,)``.
        loop: Loop of the kernel.
        nodes: Memory nodes, the fastest first.

    Raises:
        ConfigError: There are too few nodes.
        ExportError: The task has other knobs on so many nodes.
        KernelError: A node's addresses are not known.
    """
    factory = task_factory(artifact.spec.task)
    task = factory(artifact.deployment.task_settings, len(nodes))
    if task.spec.knobs != artifact.spec.knobs:
        raise ExportError(
            "the policy turns other knobs than this machine has",
            got=f"{len(nodes)} memory nodes: {', '.join(task.spec.knobs.names)}",
            allowed=", ".join(artifact.spec.knobs.names),
            fix="give as many --node START-END as the machine of the training had",
        )
    return placed(task.plan(knobs[None], loop).document(0), nodes)
