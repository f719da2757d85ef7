"""What all modules have in common: parameters, and the document that they stand for."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields
from typing import ClassVar

from damosrl.damon.checks import I32_MAX, U64_MAX, require_integer
from damosrl.damon.kdamond import Document
from damosrl.damon.modules.layout import PhysicalLayout
from damosrl.damon.stats import Stats
from damosrl.errors import DocumentError


class Module(ABC):
    """Parameters of one kernel module that runs DAMON for a purpose.

    Subclasses are frozen dataclasses whose fields are the parameters of
    ``/sys/module/<name>/parameters`` that decide what is run, under the kernel's names and with
    the kernel's defaults (7.3, semantics 3).

    Attributes:
        NAME: What the module is called.
        CONTROLS: Parameters that start, stop or refresh the module; no part of a document.
        RESULTS: Parameters that can only be read.
    """

    __slots__ = ()
    NAME: ClassVar[str]
    CONTROLS: ClassVar[tuple[str, ...]] = ("enabled",)
    RESULTS: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for parameter in fields(self):  # type: ignore[arg-type]  # subclasses are dataclasses
            value = getattr(self, parameter.name)
            if isinstance(parameter.default, bool):
                if not isinstance(value, bool):
                    raise DocumentError(
                        f"{parameter.name} is no truth value", got=repr(value), allowed="Y, N"
                    )
            else:
                high = I32_MAX if parameter.name.endswith("_pid") else U64_MAX
                require_integer(parameter.name, value, high=high)

    @abstractmethod
    def document(self, layout: PhysicalLayout) -> Document:
        """Return the kdamonds that the module starts with these parameters.

        Args:
            layout: Physical memory of the machine.

        Raises:
            DocumentError: Where the kernel refuses to start the module.
            MachineError: The layout lacks what the module asks for.
        """

    def statistics(self, schemes: Sequence[Stats]) -> dict[str, int]:
        """Return the module's counters as ``/sys/module`` names them.

        Args:
            schemes: Statistics of the schemes of `document`, in order; sizes count core address
                units there, and here.
        """
        del schemes
        return {}


def counters(stats: Stats, tried: str, applied: str, exceeds: str) -> dict[str, int]:
    """Name the counters of one scheme as ``DEFINE_DAMON_MODULES_DAMOS_STATS_PARAMS`` does.

    Example:
        >>> counters(Stats(nr_tried=3), "tried", "done", "quota_exceeds")["nr_tried"]
        3
    """
    return {
        f"nr_{tried}": stats.nr_tried,
        f"bytes_{tried}": stats.sz_tried,
        f"nr_{applied}": stats.nr_applied,
        f"bytes_{applied}": stats.sz_applied,
        f"nr_{exceeds}": stats.qt_exceeds,
    }
