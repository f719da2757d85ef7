"""Popularity after Zipf: few clumps take most accesses, with a long tail."""

from dataclasses import dataclass

import numpy as np

from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.parameters import Number, Sampler, check, text
from damosrl.emulator.workload.pieces import MAX_PIECES, access_model, even_borders


@dataclass(frozen=True, slots=True)
class Zipf:
    """The clump of rank k is accessed in proportion to k^-exponent; ranks lie at random.

    With few clumps hot memory lies together and a monitor's regions can fit it; with thousands it
    is scattered below region size, as keys hashed over pages are. Exponents of real caches run
    from 0 to 2.7 (Twitter's cache clusters, OSDI 2020); YCSB takes 0.99.

    Args:
        exponent: Skew; 0 is uniform.
        clumps: Pieces of equal size, each with its own rank; at most one per 2 MiB.
        mean_rate_hz: Accesses per second per 4 KiB page, mean over the footprint.

    Example:
        >>> model = Zipf(clumps=4).draw(64, Sampler(np.random.default_rng(0), False))
        >>> model.rate_hz.shape
        (1, 4)
    """

    exponent: Number = 0.99
    clumps: Number = 128.0
    mean_rate_hz: Number = 50.0

    def __post_init__(self) -> None:
        check("exponent", self.exponent, 0.0, 10.0)
        check("clumps", self.clumps, 1.0, MAX_PIECES)
        check("mean_rate_hz", self.mean_rate_hz, 0.0)

    def draw(self, granules: int, sampler: Sampler) -> AccessModel:
        """Return clumps with constant rates."""
        clumps = min(sampler.whole(self.clumps), granules)
        weight = np.arange(1, clumps + 1) ** -sampler.number(self.exponent)
        mean_rate = sampler.number(self.mean_rate_hz)
        borders = even_borders(granules, clumps)
        sizes = np.diff(borders)
        share = sampler.rng.permutation(weight / weight.sum())
        return access_model(borders, share * mean_rate * granules / sizes)

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"The memory is cut into {text(self.clumps)} equal clumps, and the clump of rank k is "
            f"accessed in proportion to k^-{text(self.exponent)} (Zipf), ranks at random places. "
            f"Mean {text(self.mean_rate_hz)} accesses per second per 4 KiB page. Nothing changes."
        )
