"""The sample module prcl: page out what a process has not accessed for 5 seconds."""

from dataclasses import dataclass
from typing import ClassVar

from damosrl.damon.checks import U32_MAX
from damosrl.damon.kdamond import Document
from damosrl.damon.modules.layout import PhysicalLayout
from damosrl.damon.modules.module import Module
from damosrl.damon.modules.system import ANY_SIZE
from damosrl.damon.modules.wsse import process_document
from damosrl.damon.pattern import AccessPattern
from damosrl.damon.ranges import Range
from damosrl.damon.scheme import Action, Scheme

COLD_AGGREGATIONS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Prcl(Module):
    """Parameters of samples/damon/prcl.c (7.3, semantics 3.4).

    Args:
        target_pid: The process to watch and to reclaim from, without a quota.
    """

    NAME: ClassVar[str] = "prcl"

    target_pid: int = 0

    def document(self, layout: PhysicalLayout) -> Document:
        """Return one kdamond with one scheme, applied every aggregation interval."""
        del layout  # virtual addresses
        cold = AccessPattern(ANY_SIZE, Range(0, 0), Range(COLD_AGGREGATIONS, U32_MAX))
        return process_document(self.target_pid, Scheme(Action.PAGEOUT, cold))
