"""The sample module wsse: estimate the working set of a process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from damosrl.damon.context import Context, Ops, Target
from damosrl.damon.kdamond import Document, Kdamond
from damosrl.damon.modules.layout import PhysicalLayout
from damosrl.damon.modules.module import Module
from damosrl.damon.region import Region
from damosrl.damon.scheme import Scheme
from damosrl.errors import DocumentError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wsse(Module):
    """Parameters of samples/damon/wsse.c (7.3, semantics 3.4).

    Args:
        target_pid: The process to watch.

    Example:
        >>> Wsse(target_pid=42).document(PhysicalLayout()).kdamonds[0].contexts[0].ops
        <Ops.VADDR: 'vaddr'>
    """

    NAME: ClassVar[str] = "wsse"

    target_pid: int = 0

    def document(self, layout: PhysicalLayout) -> Document:
        """Return one kdamond without schemes, on all that the process maps."""
        del layout  # virtual addresses
        return process_document(self.target_pid)


def process_document(target_pid: int, *schemes: Scheme) -> Document:
    """Return one kdamond that watches a process with the kernel's default intervals.

    Raises:
        DocumentError: There is no process 0.
    """
    if not target_pid:
        raise DocumentError("target_pid names no process", got=0, fix="give target_pid=PID")
    return Document((Kdamond((Context(Ops.VADDR, (Target(target_pid),), schemes=schemes),)),))


def working_set_bytes(regions: Sequence[Region]) -> int:
    """Return what the module prints per aggregation: bytes of regions with any access.

    Example:
        >>> working_set_bytes([Region(0, 4096, nr_accesses=1), Region(4096, 8192)])
        4096
    """
    return sum(region.size for region in regions if region.nr_accesses)
