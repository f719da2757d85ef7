"""Uniform access: every page alike. No placement is better than another; moving is waste."""

from dataclasses import dataclass

import numpy as np

from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.parameters import Number, Sampler, check, text
from damosrl.emulator.workload.pieces import access_model


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every page is accessed at the same rate: the control in which nothing can be gained.

    Args:
        mean_rate_hz: Accesses per second per 4 KiB page when all memory is fast.
    """

    mean_rate_hz: Number = 50.0

    def __post_init__(self) -> None:
        check("mean_rate_hz", self.mean_rate_hz, 0.0)

    def draw(self, granules: int, sampler: Sampler) -> AccessModel:
        """Return one piece with one rate."""
        rate = sampler.number(self.mean_rate_hz)
        return access_model(np.array([0, granules]), np.array([rate]))

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"Every page is accessed alike, {text(self.mean_rate_hz)} times per second per 4 KiB "
            "page. No placement is better than another: every byte moved is waste."
        )
