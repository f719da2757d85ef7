"""The kernel's own loop after it has had time to ramp up."""

from dataclasses import dataclass

from damosrl_agents.controllers.consist import Consist
from damosrl_agents.tiering import require_range


@dataclass(eq=False)
class ConsistWarm(Consist):
    """As `Consist`, with the quotas that the loop has after a while on the same workload.

    Args:
        warm_up_s: Seconds the loop has run before the episode starts.
    """

    warm_up_s: float = 1500.0

    def __post_init__(self) -> None:
        require_range("warm_up_s", self.warm_up_s, 0.0, 1e6)
