"""What the daemon is told besides the bundle: guards, patience, bounds of its log."""

from dataclasses import dataclass, field
from typing import Any

from damosrl.config import require_within
from damosrl.machine import Source


@dataclass(frozen=True)
class GuardSettings:
    """What must not happen to a machine while the daemon drives it.

    A guard is breached when its value is above the limit for ``patience_steps`` decisions in a
    row; a process that the kernel killed for memory is enough at once. The limits are judgement:
    they lie far above what a healthy machine shows, and none replaces a limit of the bundle.

    Args:
        psi_some_percent: Memory PSI some avg10.
        psi_full_percent: Memory PSI full avg10.
        swap_in_bytes_per_s: Pages read from swap.
        refault_bytes_per_s: Pages that were reclaimed and are needed again.
        migration_failure_ratio: Failed share of page migrations, where at least
            ``migration_min_bytes_per_s`` were tried.
        migration_min_bytes_per_s: Migrations below this rate are not judged.
        own_cpu_percent: CPU time of the daemon itself, of one CPU.
        oom_kills: Processes killed for memory from which on the guard is breached.
        patience_steps: Decisions in a row.
    """

    psi_some_percent: float = 60.0
    psi_full_percent: float = 30.0
    swap_in_bytes_per_s: float = 256.0 * 2**20
    refault_bytes_per_s: float = 256.0 * 2**20
    migration_failure_ratio: float = 0.5
    migration_min_bytes_per_s: float = 16.0 * 2**20
    own_cpu_percent: float = 10.0
    oom_kills: int = 1
    patience_steps: int = 3

    def __post_init__(self) -> None:
        for name in (
            "psi_some_percent",
            "psi_full_percent",
            "swap_in_bytes_per_s",
            "refault_bytes_per_s",
            "migration_failure_ratio",
            "migration_min_bytes_per_s",
            "own_cpu_percent",
        ):
            require_within(f"guards.{name}", getattr(self, name), 0.0)
        require_within("guards.oom_kills", self.oom_kills, 1)
        require_within("guards.patience_steps", self.patience_steps, 1)


@dataclass(frozen=True)
class DaemonSettings:
    """A configuration file of the daemon; every key has a default.

    Args:
        guards: Guards on what happens to the machine.
        outside_ratio: Share of features outside the range seen in training, as a mean over
            ``outside_time_s``, above which the policy is not trusted.
        outside_time_s: Time constant of that mean.
        outside_margin: How far outside counts, normalised (2 is the whole range).
        stale_steps: Decisions without usable telemetry after which the kernel's loop takes over,
            and with usable telemetry after which the policy comes back.
        frozen_s: Time without any sign of life of the kdamonds that makes telemetry stale.
        settle_s: Time between the start of monitoring and the first decision.
        time_limit_s: Longest time that one operation on the kernel may take.
        cgroup: Control group whose memory pressure counts; None for the machine's.
        latency: Options of the latency probe, see docs/latency.md; None without one.
        allow_missing: Sources of telemetry (``snapshot``, ``pressure``, ...) without which the
            daemon starts nevertheless; their features then hold a fixed value.
        journal_bytes: Largest size of one log file.
        journal_files: Log files that are kept.

    Example:
        >>> DaemonSettings(allow_missing=("snapshot",)).stale_steps
        3
    """

    guards: GuardSettings = field(default_factory=GuardSettings)
    outside_ratio: float = 0.25
    outside_time_s: float = 60.0
    outside_margin: float = 0.05
    stale_steps: int = 3
    frozen_s: float = 30.0
    settle_s: float = 0.3
    time_limit_s: float = 2.0
    cgroup: str | None = None
    latency: dict[str, Any] | None = None
    allow_missing: tuple[Source, ...] = ()
    journal_bytes: int = 8 * 2**20
    journal_files: int = 4

    def __post_init__(self) -> None:
        require_within("outside_ratio", self.outside_ratio, 0.0)
        require_within("outside_time_s", self.outside_time_s, 0.0)
        require_within("outside_margin", self.outside_margin, 0.0)
        require_within("stale_steps", self.stale_steps, 1)
        require_within("frozen_s", self.frozen_s, 0.0)
        require_within("settle_s", self.settle_s, 0.0)
        require_within("time_limit_s", self.time_limit_s, 0.01)
        require_within("journal_bytes", self.journal_bytes, 4096)
        require_within("journal_files", self.journal_files, 1)
