"""A window that sweeps over the memory again and again; promoting it is mostly too late."""

from dataclasses import dataclass

import numpy as np

from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.parameters import (
    Number,
    Sampler,
    check,
    percent,
    text,
)
from damosrl.emulator.workload.pieces import access_model, even_borders

MAX_STEPS = 400
"""Positions of the window per round, so that the rates stay small (400 x 400 x 4 bytes)."""


@dataclass(frozen=True, slots=True)
class CyclicScan:
    """A hot window moves through the memory at constant speed and begins again at its end.

    The worst case of recency: what has just been hot will be hot last. With a resident hot set
    beside it, it is an edge sweep with hot vertices (PageRank of the GAP suite): the resident set
    should be fast, the sweep left alone.

    Args:
        window_share: Window as part of the swept memory.
        window_access_share: Share of all accesses that go to the window.
        resident_share: Part of the footprint that is hot all the time, at the lowest or the
            highest addresses, and not swept.
        resident_access_share: Share of the accesses beside the window's that go to it.
        round_s: Time of one sweep.
        step_s: Time the window stands still; at least a 400th of the round.
        mean_rate_hz: Accesses per second per 4 KiB page, mean over the footprint.
    """

    window_share: Number = 0.05
    window_access_share: Number = 0.9
    resident_share: Number = 0.0
    resident_access_share: Number = 0.0
    round_s: Number = 100.0
    step_s: Number = 1.0
    mean_rate_hz: Number = 50.0

    def __post_init__(self) -> None:
        check("window_share", self.window_share, 0.0, 1.0)
        check("window_access_share", self.window_access_share, 0.0, 1.0)
        check("resident_share", self.resident_share, 0.0, 0.9)
        check("resident_access_share", self.resident_access_share, 0.0, 1.0)
        check("round_s", self.round_s, 1.0)
        check("step_s", self.step_s, 0.1)
        check("mean_rate_hz", self.mean_rate_hz, 0.0)

    def draw(self, granules: int, sampler: Sampler) -> AccessModel:
        """Return one cell per position of the window, one epoch per step."""
        resident = round(granules * sampler.number(self.resident_share))
        round_s = sampler.number(self.round_s)
        wanted = round(round_s / sampler.number(self.step_s))
        steps = int(np.clip(wanted, 4, min(MAX_STEPS, granules - resident)))
        resident_below = bool(sampler.rng.integers(2))
        first_step = int(sampler.rng.integers(steps))
        swept = even_borders(granules - resident, steps)
        sizes = np.diff(swept)
        total = sampler.number(self.mean_rate_hz) * granules
        window_access = sampler.number(self.window_access_share)
        beside = 1.0 - window_access
        resident_access = beside * sampler.number(self.resident_access_share) * (resident > 0)
        rest_rate = (beside - resident_access) * total / (granules - resident)
        width = max(1, round(sampler.number(self.window_share) * steps))
        ahead = (np.arange(steps)[None, :] - np.arange(steps)[:, None] - first_step) % steps
        inside = ahead < width
        window_rate = window_access * total / (inside @ sizes)
        rates = rest_rate + np.where(inside, window_rate[:, None], 0.0)
        if resident:
            hot = np.full((steps, 1), resident_access * total / resident)
            parts = (hot, rates) if resident_below else (rates, hot)
            rates = np.concatenate(parts, axis=1)
            swept = np.append(0, swept + resident) if resident_below else np.append(swept, granules)
        return access_model(swept, rates, np.arange(steps) * (round_s / steps), round_s)

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"A window of {text(self.window_share, percent)} of the memory takes "
            f"{text(self.window_access_share, percent)} of the accesses and sweeps over all of it "
            f"every {text(self.round_s)} s; {text(self.resident_share, percent)} is hot all the "
            f"time and takes {text(self.resident_access_share, percent)} of the others. Mean "
            f"{text(self.mean_rate_hz)} accesses per second per 4 KiB page. What was just hot "
            "will be hot last: following the window wastes migration."
        )
