"""Phases that return: a program that goes back and forth between a few behaviours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.workload.dwell import dwell_times
from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.parameters import Number, Sampler, check, percent, text
from damosrl.emulator.workload.pieces import (
    access_model,
    borders_of,
    cut,
    paint,
    place_segments,
    share_of,
    split_rate,
)

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Phases:
    """A few phases, each with a hot set of its own size, place and intensity, visited in turn.

    The next phase is any other one with equal chances (a Markov chain without self-transitions);
    a phase that returns finds its hot set where it was. Stays are lognormal.

    Args:
        phases: Number of different phases.
        hot_share: Hot part of the footprint, one value per phase: spread evenly over the range
            where nothing is drawn.
        access_share: Share of all accesses that go to the hot set.
        intensity: Factor on the mean access rate, one value per phase like ``hot_share``.
        clumps: Pieces each hot set is cut into.
        dwell_s: Median length of a visit.
        dwell_spread: Standard deviation of the logarithm of that time; 0 is regular.
        visits: Visits before the sequence repeats.
        mean_rate_hz: Accesses per second per 4 KiB page, mean over the footprint, before
            ``intensity``.
    """

    phases: Number = 3.0
    hot_share: Number = (0.05, 0.30)
    access_share: Number = 0.9
    intensity: Number = 1.0
    clumps: Number = 2.0
    dwell_s: Number = 60.0
    dwell_spread: Number = 0.0
    visits: Number = 16.0
    mean_rate_hz: Number = 50.0

    def __post_init__(self) -> None:
        check("phases", self.phases, 2.0, 64.0)
        check("hot_share", self.hot_share, 0.0, 1.0)
        check("access_share", self.access_share, 0.0, 1.0)
        check("intensity", self.intensity, 0.0)
        check("clumps", self.clumps, 1.0, 256.0)
        check("dwell_s", self.dwell_s, 0.1)
        check("dwell_spread", self.dwell_spread, 0.0, 3.0)
        check("visits", self.visits, 2.0, 1000.0)
        check("mean_rate_hz", self.mean_rate_hz, 0.0)

    def draw(self, granules: int, sampler: Sampler) -> AccessModel:
        """Return the pieces of all phases' hot sets, and one epoch per visit."""
        phases = sampler.whole(self.phases)
        clumps = sampler.whole(self.clumps)
        hot = [share_of(granules, share) for share in sampler.spread(self.hot_share, phases)]
        sizes = [cut(size, clumps) for size in hot]
        starts = [place_segments(sampler.rng, granules, size) for size in sizes]
        ends = [start + size for start, size in zip(starts, sizes, strict=True)]
        borders = borders_of(granules, np.concatenate(starts), np.concatenate(ends))
        mean_rate, access_share = (
            sampler.number(self.mean_rate_hz),
            sampler.number(self.access_share),
        )
        rates = np.empty((phases, len(borders) - 1))
        for phase, factor in enumerate(sampler.spread(self.intensity, phases)):
            hot_rate, rest_rate = split_rate(factor * mean_rate, granules, hot[phase], access_share)
            rates[phase] = rest_rate
            paint(rates[phase], borders, starts[phase], ends[phase], hot_rate)
        order = _visits(sampler.rng, phases, sampler.whole(self.visits))
        times, period = dwell_times(
            sampler, len(order), sampler.number(self.dwell_s), sampler.number(self.dwell_spread)
        )
        return access_model(borders, rates[order], times, period)

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"{text(self.phases)} phases that return, each about {text(self.dwell_s)} s (median) "
            f"long: in each, another {text(self.hot_share, percent)} of the memory takes "
            f"{text(self.access_share, percent)} of the accesses. Mean {text(self.mean_rate_hz)} "
            f"accesses per second per 4 KiB page, times {text(self.intensity)} by phase."
        )


def _visits(rng: np.random.Generator, phases: int, visits: int) -> IntArray:
    """Draw the order of visits, ``(visits,)``; no phase follows itself."""
    steps = rng.integers(1, phases, visits)
    steps[0] = rng.integers(phases)
    return np.cumsum(steps) % phases
