"""A hot set that moves: all of it at once, or a part of it at a time (churn)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.workload.dwell import dwell_times
from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.parameters import Number, Sampler, check, percent, text
from damosrl.emulator.workload.pieces import (
    access_model,
    even_borders,
    share_of,
    split_rate,
)

MAX_CLUMPS = 256


@dataclass(frozen=True, slots=True)
class ShiftingHot:
    """A hot set in clumps, some of which give way to new ones after each stay.

    With ``moved_share`` 1 the hot set jumps (the moving hot set of HeMem, SOSP 2021); with less,
    popularity drifts, as in caches.

    Args:
        hot_share: Hot part of the footprint, at any time.
        access_share: Share of all accesses that go to it.
        clumps: Pieces the hot set is cut into.
        moved_share: Part of the clumps that is replaced at each move, at least one clump.
        dwell_s: Median time between two moves.
        dwell_spread: Standard deviation of the logarithm of that time; 0 is regular.
        moves: Moves before the sequence repeats.
        mean_rate_hz: Accesses per second per 4 KiB page, mean over the footprint.

    Example:
        >>> family = ShiftingHot(moves=3, dwell_s=40.0)
        >>> family.draw(1024, Sampler(np.random.default_rng(0), False)).period_s
        120.0
    """

    hot_share: Number = 0.1
    access_share: Number = 0.9
    clumps: Number = 2.0
    moved_share: Number = 1.0
    dwell_s: Number = 60.0
    dwell_spread: Number = 0.0
    moves: Number = 24.0
    mean_rate_hz: Number = 50.0

    def __post_init__(self) -> None:
        check("hot_share", self.hot_share, 0.0, 0.5)
        check("access_share", self.access_share, 0.0, 1.0)
        check("clumps", self.clumps, 1.0, MAX_CLUMPS)
        check("moved_share", self.moved_share, 0.0, 1.0)
        check("dwell_s", self.dwell_s, 0.1)
        check("dwell_spread", self.dwell_spread, 0.0, 3.0)
        check("moves", self.moves, 2.0, 1000.0)
        check("mean_rate_hz", self.mean_rate_hz, 0.0)

    def draw(self, granules: int, sampler: Sampler) -> AccessModel:
        """Return cells of clump size whose rates change at each move."""
        hot = share_of(granules, sampler.number(self.hot_share))
        clumps = min(sampler.whole(self.clumps), hot)
        cells = min(max(2 * clumps, round(granules * clumps / hot)), granules)
        borders = even_borders(granules, cells)
        moved = max(1, math.ceil(sampler.number(self.moved_share) * clumps - 1e-9))
        places = _wander(sampler.rng, cells, clumps, moved, sampler.whole(self.moves))
        sizes = np.diff(borders)
        mean_rate, access_share = (
            sampler.number(self.mean_rate_hz),
            sampler.number(self.access_share),
        )
        rates = np.empty((len(places), cells))
        for row, here in zip(rates, places, strict=True):
            now_hot = int(sizes[here].sum())
            hot_rate, rest_rate = split_rate(mean_rate, granules, now_hot, access_share)
            row[:] = rest_rate
            row[here] = hot_rate
        starts, period = dwell_times(
            sampler, len(places), sampler.number(self.dwell_s), sampler.number(self.dwell_spread)
        )
        return access_model(borders, rates, starts, period)

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"{text(self.hot_share, percent)} of the memory takes "
            f"{text(self.access_share, percent)} of the accesses, in {text(self.clumps)} clumps; "
            f"every {text(self.dwell_s)} s (median) {text(self.moved_share, percent)} of the "
            f"clumps move to new places. Mean {text(self.mean_rate_hz)} accesses per second per "
            "4 KiB page. A tuner has to notice and be quick."
        )


def _wander(
    rng: np.random.Generator, cells: int, clumps: int, moved: int, moves: int
) -> NDArray[np.int64]:
    """Return which cells are hot at each stay, ``(moves, clumps)``; no move stands still."""
    here = rng.permutation(cells)[:clumps]
    places = [here]
    for _ in range(moves - 1):
        free = np.setdiff1d(np.arange(cells), here)
        leave = rng.permutation(clumps)[: min(moved, len(free))]
        here = here.copy()
        here[leave] = rng.permutation(free)[: len(leave)]
        places.append(here)
    return np.array(places)
