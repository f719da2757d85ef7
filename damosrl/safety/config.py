"""What the safety layer is told: one choice of ``conf/safety``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from damosrl.config import read_choice, require_within
from damosrl.errors import ConfigError


@dataclass(frozen=True)
class BreakerConfig:
    """When to take a machine out of a tuner's hands, and for how long.

    Args:
        psi_some_percent: Memory PSI some avg10 above which an interval counts as bad.
        migration_bytes_per_s: Migrated bytes (up and down) per second above which it does.
        psi_full_percent: Memory PSI full avg10 above which it does; None does not judge it.
        overcommitted_percent: Memory that guests hold beyond their host's, of the host's, above
            which it does; None does not judge it.
        failed_percent: Memory that programs asked for in an interval and did not get, of the
            machine's, above which the breaker trips at once; None does not judge it.
        patience_steps: Bad intervals in a row that trip the breaker.
        hold_s: Time in the kernel's hands after the first trip.
        back_off: Factor on the hold time from trip to trip.
        longest_hold_s: Bound of the hold time.
        forgive_s: Good time after which the next hold is the first one's again.
    """

    psi_some_percent: float = 50.0
    migration_bytes_per_s: float = 1.5 * 2**30
    psi_full_percent: float | None = None
    overcommitted_percent: float | None = None
    failed_percent: float | None = None
    patience_steps: int = 10
    hold_s: float = 30.0
    back_off: float = 2.0
    longest_hold_s: float = 600.0
    forgive_s: float = 300.0

    def __post_init__(self) -> None:
        require_within("safety psi_some_percent", self.psi_some_percent, 0.0)
        require_within("safety migration_bytes_per_s", self.migration_bytes_per_s, 0.0)
        for name in ("psi_full_percent", "overcommitted_percent", "failed_percent"):
            limit = getattr(self, name)
            if limit is not None:
                require_within(f"safety {name}", limit, 0.0)
        require_within("safety patience_steps", self.patience_steps, 1)
        require_within("safety hold_s", self.hold_s, 0.0)
        require_within("safety back_off", self.back_off, 1.0)
        require_within("safety longest_hold_s", self.longest_hold_s, self.hold_s)
        require_within("safety forgive_s", self.forgive_s, 0.0)


@dataclass(frozen=True)
class SafetyConfig:
    """Limits on what a tuner may do.

    A knob that every memory node has one of is named without the node: the same for all.

    Args:
        name: Name of the choice.
        limits: Smallest and largest physical value by knob; 0 as the smallest allows "off".
            Knobs that are not named keep their own range.
        slew: Largest factor of change in one step, by knob; only for knobs on a log scale.
        dead_band: Changes of less than this (normalised) are not committed; 0 commits all.
        breaker: Outcome breaker; None switches it off.
        fallback: Physical knobs under which the kernel's loop runs after a trip; knobs that are
            not named go to their default.

    Example:
        >>> safety_config("default").slew["promotion_quota"]
        2.0
    """

    name: str = "default"
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    slew: dict[str, float] = field(default_factory=dict)
    dead_band: float = 0.0
    breaker: BreakerConfig | None = None
    fallback: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for knob, (low, high) in self.limits.items():
            if not low <= high:
                raise ConfigError(
                    f"safety limits of {knob} are reversed",
                    got=f"[{low}, {high}]",
                    allowed="smallest <= largest",
                    fix="swap them",
                )
        for knob, factor in self.slew.items():
            if not factor > 1.0:
                raise ConfigError(
                    f"slew of {knob} allows no change", got=factor, allowed="> 1", fix="raise it"
                )
        require_within("safety dead_band", self.dead_band, 0.0)


def safety_config(choice: str | Mapping[str, Any]) -> SafetyConfig:
    """Read a choice of ``conf/safety``, the path of a YAML, or a mapping of the same keys.

    Raises:
        UnknownNameError: No such choice or key; the nearest is named.
        ConfigError: A value is wrong.
    """
    return read_choice(SafetyConfig, "safety", choice)
