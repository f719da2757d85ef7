"""One decision of the daemon, with everything that explains it."""

from enum import StrEnum

import msgspec


class Mode(StrEnum):
    """Who is at the wheel."""

    ACTIVE = "active"
    """The policy; what the shield lets through is committed."""
    CANARY = "canary"
    """The policy, blended with the configuration that was in force at the start."""
    SHADOW = "shadow"
    """Nobody: the policy decides, nothing is committed."""
    DRY_RUN = "dry-run"
    """Nobody: what would be written is printed."""
    FALLBACK = "fallback"
    """The kernel's consist loop under the fall-back configuration."""
    STOPPED = "stopped"
    """The kill-switch file exists: consist loop until it is removed."""


class Veto(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why one knob is not what the policy asked for.

    Args:
        knob: Name of the knob.
        kind: `damosrl.safety.EventKind` in lower case, or ``canary``.
    """

    knob: str
    kind: str


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of the daemon's log, and the last one in its status file.

    Args:
        step: Number since the start, from 1.
        wall_time: Coordinated universal time, ISO 8601; for people only.
        uptime_s: Monotonic time since the start.
        mode: Who is at the wheel.
        reason: Why this mode, in words; "" when nothing is out of the ordinary.
        features: Physical value of every feature by name; None where nothing was measured.
        requested: What the policy asked for, physical, by knob; None where it gave no number.
        applied: What is in force, physical, by knob.
        vetoes: Where the two differ, and why.
        committed: Whether the kernel took the configuration; False in shadow mode.
        refused: What the kernel answered; None if it took it.
        outside_ratio: Share of known features outside the range seen in training, 0..1; None
            where the bundle does not tell the range.
        guards: Guards that are breached now, in words.
        decision_us: Time from the first read of telemetry to the end of the commit.
        policy_us: Time of the policy alone.
        overruns: Steps that ended late, since the start.
    """

    step: int
    wall_time: str
    uptime_s: float
    mode: Mode
    reason: str
    features: dict[str, float | None]
    requested: dict[str, float | None]
    applied: dict[str, float]
    vetoes: tuple[Veto, ...]
    committed: bool
    refused: str | None
    outside_ratio: float | None
    guards: tuple[str, ...]
    decision_us: int
    policy_us: int
    overruns: int
