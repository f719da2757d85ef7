"""Heat that leaves its home and comes back: the pattern that `damosrl attack` searches."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.parameters import Number, Sampler, check, check_sum, percent, text
from damosrl.emulator.workload.pieces import access_model, even_borders

MAX_CELLS = 128
"""Cells of a stripe: its places and sizes are multiples of a 128th."""
MAX_STRIPES = 16
MAX_STOPS = 16
SHORTEST_SHARE = 1e-3
"""A time at home, or a stay, that is shorter than this part of a round is left out."""
ROUNDS = 8
"""Rounds after which everything repeats, so that the rates stay small."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pulses:
    """A hot set at home, which goes away for a part of every round.

    While it is home, doing nothing is right if home is fast memory. While it is away, home looks
    cold and the other place hot: a tuner that follows pays for two moves, and for a home that is
    slow when the heat is back. Sweeps (several stops of a stay), drift (another place every round)
    and stripes (heat below the size of a monitor's regions) are special cases.

    Args:
        home_share: Home, as part of the footprint.
        home_place: Where home lies: 0 at the lowest addresses, 1 at the highest.
        away_share: What is hot at any time of a stay, as part of the footprint.
        hot_access_share: Share of all accesses that go to hot memory; the rest is even over
            what is neither home nor away.
        away_access_share: Share of those that leave home in a stay; 1 leaves it untouched.
        period_s: Time of a round: at home, then away.
        home_time_share: Part of the round that is spent at home.
        stops: Neighbouring places that a stay passes through, one after the other.
        drift_share: How far the place of the stay moves from round to round, as part of the memory
            that is not home.
        stripes: The pattern is cut into so many parts, spread evenly over the footprint.
        mean_rate_hz: Accesses per second per 4 KiB page, mean over the footprint.

    Example:
        >>> sampler = Sampler(np.random.default_rng(0), randomize=False)
        >>> Pulses(period_s=20.0).draw(8192, sampler).epoch_s
        array([ 0., 10.])
    """

    home_share: Number = 0.2
    home_place: Number = 0.0
    away_share: Number = 0.2
    hot_access_share: Number = 0.9
    away_access_share: Number = 1.0
    period_s: Number = 40.0
    home_time_share: Number = 0.5
    stops: Number = 1.0
    drift_share: Number = 0.0
    stripes: Number = 1.0
    mean_rate_hz: Number = 50.0

    def __post_init__(self) -> None:
        for name in ("home_share", "away_share"):
            check(name, getattr(self, name), 1.0 / MAX_CELLS, 0.9)
        check_sum("home_share and away_share", (self.home_share, self.away_share), 0.99)
        for name in ("home_place", "hot_access_share", "away_access_share", "home_time_share"):
            check(name, getattr(self, name), 0.0, 1.0)
        check("drift_share", self.drift_share, 0.0, 1.0)
        check("period_s", self.period_s, 1.0)
        check("stops", self.stops, 1.0, MAX_STOPS)
        check("stripes", self.stripes, 1.0, MAX_STRIPES)
        check("mean_rate_hz", self.mean_rate_hz, 0.0)

    def draw(self, granules: int, sampler: Sampler) -> AccessModel:
        """Return one epoch for each time at home and each stop; stays begin at a random place."""
        stripes = min(sampler.whole(self.stripes), granules // 4)
        cells = min(MAX_CELLS, granules // stripes)
        borders = even_borders(granules, stripes * cells)
        home, away, epoch_s, period_s = self._masks(cells, sampler)
        home, away = np.tile(home, (1, stripes)), np.tile(away, (1, stripes))
        sizes = np.diff(borders).astype(np.float64)
        hot = sampler.number(self.hot_access_share)
        left = np.where(away.any(axis=1), sampler.number(self.away_access_share), 0.0) * hot
        weights = np.stack((hot - left, left, np.full(len(left), 1.0 - hot)))
        parts = np.stack((home, away, ~(home | away)))
        density = weights / np.maximum(parts @ sizes, 1.0)
        total = sampler.number(self.mean_rate_hz) * granules
        rates = total * np.einsum("ge,gec->ec", density, parts)
        return access_model(borders, rates, epoch_s, period_s)

    def _masks(self, cells: int, sampler: Sampler) -> tuple[Mask, Mask, NDArray[np.float64], float]:
        """Return which cells of a stripe are home and away ``(E, C)``, epoch starts, the period."""
        home_cells = min(max(1, round(sampler.number(self.home_share) * cells)), cells - 2)
        others = cells - home_cells
        away_cells = min(max(1, round(sampler.number(self.away_share) * cells)), others - 1)
        home_first = round(sampler.number(self.home_place) * others)
        drift = round(sampler.number(self.drift_share) * others)
        stops, rounds = sampler.whole(self.stops), ROUNDS if drift % others else 1
        round_s, at_home = sampler.number(self.period_s), sampler.number(self.home_time_share)
        away_first = int(sampler.rng.integers(others))
        home = (np.arange(cells) - home_first) % cells < home_cells
        after_home = (np.arange(cells) - home_first - home_cells) % cells
        away, starts = [], []
        for turn in range(rounds):
            if at_home > SHORTEST_SHARE:
                away.append(np.zeros(cells, dtype=np.bool_))
                starts.append(turn * round_s)
            for stop in range(stops if at_home < 1.0 - SHORTEST_SHARE else 0):
                place = away_first + turn * drift + stop * away_cells
                away.append(~home & ((after_home - place) % others < away_cells))
                starts.append(round_s * (turn + at_home + (1.0 - at_home) * stop / stops))
        starts = [start - starts[0] for start in starts]  # no time at home: the stay is first
        stay = np.array(away)
        return np.tile(home, (len(stay), 1)), stay, np.array(starts), rounds * round_s

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"{text(self.hot_access_share, percent)} of the accesses go to hot memory. For "
            f"{text(self.home_time_share, percent)} of every {text(self.period_s)} s that is "
            f"{text(self.home_share, percent)} of the memory, its home, at "
            f"{text(self.home_place, percent)} of the way through the addresses; then "
            f"{text(self.away_access_share, percent)} of them go elsewhere, to "
            f"{text(self.away_share, percent)} of the memory at a time, at {text(self.stops)} "
            f"stops. The place moves by {text(self.drift_share, percent)} every round. All of it "
            f"is cut into {text(self.stripes)} stripes. Mean {text(self.mean_rate_hz)} accesses "
            "per second per 4 KiB page."
        )
