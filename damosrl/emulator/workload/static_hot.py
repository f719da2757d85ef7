"""A hot set that never moves (GUPS with a hot set, as in HeMem and Colloid)."""

from dataclasses import dataclass

import numpy as np

from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.parameters import (
    Number,
    Sampler,
    check,
    check_sum,
    percent,
    text,
)
from damosrl.emulator.workload.pieces import (
    access_model,
    borders_of,
    cut,
    paint,
    place_segments,
    share_of,
    split_rate,
)


@dataclass(frozen=True, slots=True)
class StaticHot:
    """A hot set, a warm rest and, if wanted, idle ballast; nothing ever changes.

    The hot set lies in clumps at places drawn per episode. Ninety per cent of the accesses to a
    small hot set is the GUPS of HeMem (SOSP 2021) and Colloid (SOSP 2024); ballast that is never
    touched is what maintainers test tiering with (Redis beside idle memory).

    Args:
        hot_share: Hot part of the footprint.
        access_share: Share of all accesses that go to it.
        idle_share: Part of the footprint that is never accessed, in one block.
        clumps: Pieces the hot set is cut into.
        mean_rate_hz: Accesses per second per 4 KiB page, mean over the footprint.

    Example:
        >>> model = StaticHot(clumps=2).draw(1024, Sampler(np.random.default_rng(0), False))
        >>> model.rate_hz.shape
        (1, 5)
    """

    hot_share: Number = 0.15
    access_share: Number = 0.9
    idle_share: Number = 0.0
    clumps: Number = 4.0
    mean_rate_hz: Number = 50.0

    def __post_init__(self) -> None:
        check("hot_share", self.hot_share, 0.0, 1.0)
        check("access_share", self.access_share, 0.0, 1.0)
        check("idle_share", self.idle_share, 0.0, 1.0)
        check_sum("hot_share and idle_share", (self.hot_share, self.idle_share), 1.0)
        check("clumps", self.clumps, 1.0)
        check("mean_rate_hz", self.mean_rate_hz, 0.0)

    def draw(self, granules: int, sampler: Sampler) -> AccessModel:
        """Return pieces with constant rates; clumps are never smaller than a granule."""
        hot = share_of(granules, sampler.number(self.hot_share))
        idle = min(round(granules * sampler.number(self.idle_share)), granules - hot)
        hot_sizes = cut(hot, sampler.whole(self.clumps))
        order = sampler.rng.permutation(len(hot_sizes) + 1)
        sizes = np.append(hot_sizes, idle)[order]
        starts = place_segments(sampler.rng, granules, sizes)
        ends = starts + sizes
        borders = borders_of(granules, starts, ends)
        hot_rate, rest_rate = split_rate(
            sampler.number(self.mean_rate_hz) * granules / (granules - idle),
            granules - idle,
            hot,
            sampler.number(self.access_share),
        )
        row = np.full(len(borders) - 1, rest_rate)
        ballast = order == len(hot_sizes)
        paint(row, borders, starts[~ballast], ends[~ballast], hot_rate)
        paint(row, borders, starts[ballast], ends[ballast], 0.0)
        return access_model(borders, row)

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"{text(self.hot_share, percent)} of the memory takes "
            f"{text(self.access_share, percent)} of the accesses, in {text(self.clumps)} clumps "
            f"that never move; {text(self.idle_share, percent)} is never touched. Mean "
            f"{text(self.mean_rate_hz)} accesses per second per 4 KiB page. "
            "Find it, move it once, then rest."
        )
