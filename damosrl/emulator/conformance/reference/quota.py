"""Quotas: feedback, goals, effective size, charge (semantics 2.5 - 2.8, 2.11)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from damosrl.emulator.conformance.reference.integers import U64_MAX, mult_frac, u32, u64

BASIS = 10_000
BYTES_PER_MS = 4096 * 1024
"""Throughput that is assumed before any time has been charged."""
NEVER = 4611686018427387902
"""Ticks of a window that does not end (MAX_JIFFY_OFFSET of include/linux/jiffies.h)."""


@dataclass(slots=True)
class Quota:
    """A scheme's quota and its state; ``goals`` are the target values of user_input goals."""

    ms: int = 0
    bytes: int = 0
    reset_interval_ms: int = 0
    weight_nr_accesses: int = 0
    weight_age: int = 0
    goals: list[int] = field(default_factory=list)
    temporal: bool = False
    fail_charge_num: int = 0
    fail_charge_denom: int = 0
    esz: int = 0
    esz_bp: int = 0
    charged: int = 0
    charged_from: int = 0
    total_charged_sz: int = 0
    total_charged_ns: int = 0
    min_score: int = 0
    cursor_target: int | None = None
    cursor_addr: int = 0

    def is_set(self) -> bool:
        """Tell whether there is any limit (2.6)."""
        return self.esz != 0 or self.bytes != 0 or self.ms != 0 or bool(self.goals)

    def is_full(self, min_region_sz: int) -> bool:
        """Tell whether less than a smallest region is left (2.6)."""
        return self.is_set() and (
            self.charged >= self.esz or self.esz - self.charged < min_region_sz
        )

    def window_ticks(self) -> int:
        """Return the length of a window: 32 bits of the number, never if negative (9)."""
        milliseconds = u32(self.reset_interval_ms)
        return NEVER if milliseconds >= 2**31 else milliseconds

    def cost(self, size: int, applied: int) -> int:
        """Return what a handled region is charged; failed bytes may have their own rate (2.5)."""
        if self.fail_charge_denom == 0 or applied > size:
            return size
        failed = mult_frac(size - applied, self.fail_charge_num, self.fail_charge_denom)
        return u64(applied + failed)


def feed_loop(x: int, score: int) -> int:
    """Return the next input of the feedback loop, given the score of the last one (2.8)."""
    if score == BASIS:
        return x
    if score >= 2 * BASIS:
        return BASIS
    distance = abs(score - BASIS)
    exact = x < U64_MAX // distance
    change = x * distance // BASIS if exact else u64(x // BASIS * distance)
    if score > BASIS:
        return max(u64(x - change), BASIS)
    return x + change if x < U64_MAX - change else U64_MAX


def goals_score(goals: Sequence[int], current: Sequence[int]) -> int:
    """Return the highest score of all goals: the least demanding one rules (2.11)."""
    return max(
        mult_frac(now, BASIS, target_value)
        for target_value, now in zip(goals, current, strict=True)
    )


def set_effective_quota(quota: Quota, current: Sequence[int], min_region_sz: int) -> None:
    """Compute the effective quota from goals, time and bytes (2.7).

    Args:
        quota: The quota; ``esz`` and ``esz_bp`` are written.
        current: Present value of each goal's metric.
        min_region_sz: Size of the smallest region in bytes.
    """
    if quota.ms == 0 and not quota.goals:
        quota.esz = quota.bytes
        return
    size = U64_MAX
    if quota.goals:
        _follow_goals(quota, goals_score(quota.goals, current))
        size = quota.esz_bp // BASIS
    if quota.ms:
        per_ms = BYTES_PER_MS
        if quota.total_charged_ns:
            per_ms = mult_frac(quota.total_charged_sz, 1_000_000, quota.total_charged_ns)
        size = min(size, max(u64(per_ms * quota.ms), min_region_sz))
    if quota.bytes:
        size = min(size, quota.bytes)
    quota.esz = size


def _follow_goals(quota: Quota, score: int) -> None:
    if not quota.temporal:
        quota.esz_bp = feed_loop(max(quota.esz_bp, BASIS), score)
    elif score >= BASIS:
        quota.esz_bp = 0
    elif 1 <= quota.bytes <= U64_MAX // BASIS:
        quota.esz_bp = quota.bytes * BASIS
    else:
        quota.esz_bp = U64_MAX
