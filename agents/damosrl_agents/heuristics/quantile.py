"""Fills the tiers from the hottest bytes down: hot thresholds are quantiles."""

from dataclasses import dataclass

import numpy as np

from damosrl.knobs import Float32Array, FloatArray
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.borders import borders_of, tier_names
from damosrl_agents.heuristics.heat import HeatBins
from damosrl_agents.tiering import KNOBS, MIB, require_names, require_range


@dataclass(eq=False)
class Quantile(BaseTuner):
    """Capacity-filling threshold; quotas follow what an exchange would gain.

    The threshold is the lower edge of the bin in which the bytes of all tiers, added up from
    the hottest, reach the fast tier's capacity (MEMTIS, Lee et al., SOSP 2023). Histograms are
    smoothed, as MEMTIS's cooling does, and the threshold moves by one bin per decision at most.
    With more than two nodes each border has its own: what lies above it counts as fast memory.

    The gain is the share of observed accesses that would move to fast memory if what is hot
    in slow memory changed places with what is colder by the hysteresis factor in fast memory.
    Sampling noise shows a few per cent of gain where there is none, so small gains are left
    alone and the quota grows in proportion beyond them: uniform heat moves next to nothing.

    Args:
        free_target_percent: Share of the fast tier to keep free, per cent.
        hysteresis_ratio: A fast byte gives way only to one hotter by this factor, 0..1.
        smoothing: Weight of the newest histogram, 0..1.
        quota_mib_per_s: Both quotas at a large gain, MiB/s.
        least_gain_percent: Gain up to which nothing is moved, per cent of accesses.
        full_gain_percent: Gain from which the whole quota is used, per cent of accesses.
        cold_age_s: How long a region must have been cold before it is demoted, seconds.
    """

    free_target_percent: float = 1.0
    hysteresis_ratio: float = 0.5
    smoothing: float = 0.3
    quota_mib_per_s: float = 400.0
    least_gain_percent: float = 3.0
    full_gain_percent: float = 60.0
    cold_age_s: float = 0.0

    def __post_init__(self) -> None:
        require_range("free_target_percent", self.free_target_percent, 0.0, 100.0)
        require_range("hysteresis_ratio", self.hysteresis_ratio, 0.0, 1.0)
        require_range("smoothing", self.smoothing, 1e-6, 1.0)
        require_range("quota_mib_per_s", self.quota_mib_per_s, 0.0, 1e6)
        require_range("least_gain_percent", self.least_gain_percent, 0.0, 100.0)
        require_range("full_gain_percent", self.full_gain_percent, self.least_gain_percent + 1e-6)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode with no histogram seen yet."""
        self._borders = borders_of(spec)
        sizes = tuple(f"{tier}_capacity" for tier in tier_names(spec)[:-1])
        require_names(spec, "quantile", sizes or ("fast_capacity",), KNOBS)
        super().reset(spec, seed)
        self._sizes = sizes
        self._bins = HeatBins.of(spec)
        self._heat: FloatArray = np.zeros((len(sizes) + 1, len(self._bins.edges_percent)))
        self._thresholds: list[int] = []
        self._action = spec.action(
            promotion_quota=0.0, demotion_quota=0.0, free_target=self.free_target_percent
        )

    def act(self, observation: Float32Array) -> Float32Array:
        """Set thresholds and quotas; without a measurement they stay as they are."""
        sizes = np.array([self.spec.value(observation, name) for name in self._sizes])
        sizes = np.append(sizes, 1.0 - sizes.sum())
        heat = self._bins.read(observation) * sizes[:, None]
        if np.isfinite(heat).all():
            weight = self.smoothing if self._thresholds else 1.0
            self._heat += weight * (heat - self._heat)
            self._turn(np.cumsum(sizes)[:-1])
        return self._action.copy()

    def _turn(self, above: FloatArray) -> None:
        """Move every border's threshold and set its knobs.

        Args:
            above: Bytes above each border as shares of all memory, ``(T - 1,)``.
        """
        knobs: dict[str, float] = {}
        goals = [self._goal(room) for room in above[: len(self._borders)]]
        before = self._thresholds or goals
        self._thresholds = [
            place + int(np.sign(goal - place)) for place, goal in zip(before, goals, strict=True)
        ]
        for number, (border, place) in enumerate(
            zip(self._borders, self._thresholds, strict=True), start=1
        ):
            sides = [self._heat[:number].sum(axis=0), self._heat[number:].sum(axis=0)]
            quota = self._quota(np.stack(sides), place)
            knobs[border.promotion_quota] = knobs[border.demotion_quota] = quota
            knobs[border.hot_threshold] = float(self._bins.edges_percent[place])
        self._action = self.spec.action(
            **knobs, cold_age=self.cold_age_s, free_target=self.free_target_percent
        )

    def _goal(self, capacity: float) -> int:
        room = capacity * (1.0 - self.free_target_percent / 100.0)
        return filling_bin(self._heat.sum(axis=0), room)

    def _quota(self, heat: FloatArray, place: int) -> float:
        edges = self._bins.edges_percent
        gain = 100.0 * exchange_gain(heat, edges, place, self.hysteresis_ratio)
        beyond = (gain - self.least_gain_percent) / (
            self.full_gain_percent - self.least_gain_percent
        )
        return min(max(beyond, 0.0), 1.0) * self.quota_mib_per_s * MIB


def exchange_gain(
    heat: FloatArray, edges_percent: FloatArray, place: int, hysteresis_ratio: float
) -> float:
    """Return the share of observed accesses that an exchange would bring to the fast tier.

    As many bytes change places as are hot in slow memory and colder by the hysteresis factor in
    fast memory; each bin counts with the rate of its middle, the coldest with none.

    Args:
        heat: Bytes (or shares of all memory) of the fast tier and of slow memory, ``(2, B)``.
        edges_percent: Lower edges of the bins, ascending, ``(B,)``.
        place: Bin from which slow memory counts as hot.
        hysteresis_ratio: Fast memory below this share of the hot threshold gives way.

    Example:
        >>> heat = np.array([[1.0, 0.0], [2.0, 1.0]])
        >>> exchange_gain(heat, np.array([0.0, 50.0]), place=1, hysteresis_ratio=0.5)
        1.0
    """
    rates = (edges_percent + np.append(edges_percent[1:], 100.0)) / 2.0
    rates[0] = 0.0
    colder = edges_percent < hysteresis_ratio * edges_percent[place]
    hot, cold = heat[1, place:], heat[0, colder]
    moved = min(hot.sum(), cold.sum())
    total = float((heat * rates).sum())
    if moved <= 0.0 or total <= 0.0:
        return 0.0
    won = moved * (hot @ rates[place:] / hot.sum() - cold @ rates[colder] / cold.sum())
    return float(won) / total


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
