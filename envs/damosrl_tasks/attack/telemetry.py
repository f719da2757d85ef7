"""What is known about the tuner under attack and its twin, on which nothing is moved."""

from dataclasses import dataclass

from damosrl.knobs import FloatArray
from damosrl.machine import Telemetry


@dataclass(frozen=True, kw_only=True)
class AttackTelemetry(Telemetry):
    """The telemetry of the attacked machines, and what only an emulator knows of both.

    Args:
        slowdown: Mean over the attacker's last interval under the tuner, ``(N,)``.
        noop_slowdown: The same under no-op.
        fast_share: Share of accesses served by node 0 at the interval's end, under the tuner.
        noop_fast_share: The same under no-op.
    """

    slowdown: FloatArray
    noop_slowdown: FloatArray
    fast_share: FloatArray
    noop_fast_share: FloatArray

    @property
    def harm(self) -> FloatArray:
        """Slowdown above that of doing nothing, as a share of it, ``(N,)``."""
        return self.slowdown / self.noop_slowdown - 1.0
