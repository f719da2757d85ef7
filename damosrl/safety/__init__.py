"""What stands between a tuner and a machine: limits, slew, dead-band, breaker, and its record.

The same code runs in training, evaluation and on a real kernel, so a policy learns with the
limits under which it will work. It knows no environment and no emulator.
"""

from damosrl.safety.breaker import Breaker
from damosrl.safety.config import BreakerConfig, SafetyConfig, safety_config
from damosrl.safety.events import Event, EventKind, event_counts, event_records
from damosrl.safety.shield import Projection, Shield

__all__ = [
    "Breaker",
    "BreakerConfig",
    "Event",
    "EventKind",
    "Projection",
    "SafetyConfig",
    "Shield",
    "event_counts",
    "event_records",
    "safety_config",
]
