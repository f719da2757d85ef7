"""Fills the fast tier from the hottest bytes down: the hot threshold is a quantile."""

from dataclasses import dataclass

import numpy as np

from damosrl.knobs import Float32Array, FloatArray
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.heuristics.heat import HeatBins
from damosrl_agents.tiering import KNOBS, MIB, require_names, require_range


@dataclass(eq=False)
class Quantile(BaseTuner):
    """Capacity-filling threshold with quotas that follow what is left to move.

    The threshold is the lower edge of the bin in which the bytes of both tiers, added up from
    the hottest, reach the fast tier's capacity (MEMTIS, Lee et al., SOSP 2023). Histograms are
    smoothed, as MEMTIS's cooling does, and the threshold moves by one bin per decision at most.
    Worth moving is what is hot in slow memory, as far as the fast tier holds bytes that are
    colder by the hysteresis factor; when little is, the quotas are off. So uniform heat moves
    nothing.

    Args:
        free_target_percent: Share of the fast tier to keep free, per cent.
        hysteresis_ratio: A fast byte gives way only to one hotter by this factor, 0..1.
        smoothing: Weight of the newest histogram, 0..1.
        quota_mib_per_s: Both quotas when there is much to move, MiB/s.
        full_quota_percent: Bytes worth moving, per cent of the fast tier, from which the whole
            quota is used; below, the quota shrinks in proportion.
        dead_band_percent: Bytes worth moving, per cent of the fast tier, not acted upon.
        cold_age_s: How long a region must have been cold before it is demoted, seconds.
    """

    free_target_percent: float = 1.0
    hysteresis_ratio: float = 0.5
    smoothing: float = 0.3
    quota_mib_per_s: float = 400.0
    full_quota_percent: float = 5.0
    dead_band_percent: float = 0.5
    cold_age_s: float = 0.0

    def __post_init__(self) -> None:
        require_range("free_target_percent", self.free_target_percent, 0.0, 100.0)
        require_range("hysteresis_ratio", self.hysteresis_ratio, 0.0, 1.0)
        require_range("smoothing", self.smoothing, 1e-6, 1.0)
        require_range("quota_mib_per_s", self.quota_mib_per_s, 0.0, 1e6)
        require_range("full_quota_percent", self.full_quota_percent, 1e-6, 100.0)
        require_range("dead_band_percent", self.dead_band_percent, 0.0, 100.0)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode with no histogram seen yet."""
        require_names(spec, "quantile", ("fast_capacity",), KNOBS)
        super().reset(spec, seed)
        self._bins = HeatBins.of(spec)
        self._heat: FloatArray = np.zeros((2, len(self._bins.edges_percent)))
        self._bin: int | None = None
        self._action = spec.action(
            promotion_quota=0.0, demotion_quota=0.0, free_target=self.free_target_percent
        )

    def act(self, observation: Float32Array) -> Float32Array:
        """Set threshold and quotas; without a measurement they stay as they are."""
        capacity = self.spec.value(observation, "fast_capacity")
        fast, slow = self._bins.read(observation)
        heat = np.stack([fast * capacity, slow * (1.0 - capacity)])
        if np.isfinite(heat).all():
            weight = 1.0 if self._bin is None else self.smoothing
            self._heat += weight * (heat - self._heat)
            self._bin = self._moved_bin(capacity)
            self._action = self._plan(capacity, self._bin)
        return self._action.copy()

    def _moved_bin(self, capacity: float) -> int:
        room = capacity * (1.0 - self.free_target_percent / 100.0)
        goal = filling_bin(self._heat.sum(axis=0), room)
        return goal if self._bin is None else self._bin + int(np.sign(goal - self._bin))

    def _plan(self, capacity: float, place: int) -> Float32Array:
        threshold = float(self._bins.edges_percent[place])
        colder = self._bins.edges_percent < self.hysteresis_ratio * threshold
        hot_in_slow = self._heat[1, place:].sum()
        cold_in_fast = self._heat[0, colder].sum()
        worth_percent = 100.0 * min(hot_in_slow, cold_in_fast) / max(capacity, 1e-9)
        share = min(worth_percent / self.full_quota_percent, 1.0)
        quota = 0.0 if worth_percent < self.dead_band_percent else share * self.quota_mib_per_s
        return self.spec.action(
            promotion_quota=quota * MIB,
            demotion_quota=quota * MIB,
            hot_threshold=threshold,
            cold_age=self.cold_age_s,
            free_target=self.free_target_percent,
        )


def filling_bin(heat: FloatArray, capacity: float) -> int:
    """Return the bin in which bytes added up from the hottest reach a capacity; at least 1.

    Bin 0 holds what was not seen accessed: that is never worth promoting.

    Args:
        heat: Bytes (or shares) by bin, coldest first, ``(B,)``.
        capacity: In the same unit.

    Example:
        >>> filling_bin(np.array([6.0, 1.0, 2.0, 1.0]), capacity=2.0)
        2
    """
    from_hottest = np.cumsum(heat[::-1])[::-1]
    reached = np.flatnonzero(from_hottest >= capacity)
    return max(int(reached[-1]) if reached.size else 0, min(1, len(heat) - 1))
