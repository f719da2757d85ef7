"""The RFC's controller (IDEA v2 of 12 May 2024): three parameters, and a loop for the rest."""

from collections.abc import Mapping
from dataclasses import dataclass

from damosrl.machine import QuotaLoop
from damosrl_agents.acma.checks import require_target
from damosrl_agents.controllers.fixed import FixedKnobs
from damosrl_agents.tiering import require_range


@dataclass(eq=False)
class AcmaRfc(FixedKnobs):
    """Sets minimum, maximum and pressure target once; page reporting carries the messages.

    The defaults are the RFC's: 1000 us of stall per 1000 ms.

    Args:
        min_percent: Smallest size of a guest, per cent of its memory.
        max_percent: Largest size.
        pressure_percent: Share of time that some task may stall.
    """

    min_percent: float = 10.0
    max_percent: float = 100.0
    pressure_percent: float = 0.1

    def __post_init__(self) -> None:
        require_range("min_percent", self.min_percent, 0.0, self.max_percent)
        require_range("max_percent", self.max_percent, 1.0, 100.0)
        require_target(self.pressure_percent)

    def settings(self) -> Mapping[str, float]:
        """Return the three parameters."""
        return {
            "min_memory": self.min_percent,
            "max_memory": self.max_percent,
            "pressure_target": self.pressure_percent,
            "page_reporting": 1.0,
        }


class AcmaRfcPosted(AcmaRfc):
    """The same as its code was posted.

    The growing scheme follows the kernel's goal loop like the others, so it grows while there is no
    pressure; and a window in which one block cannot be given is never left.
    """

    quota_loop = QuotaLoop.CONSIST
