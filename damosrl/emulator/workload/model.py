"""What a workload is to the machine: access rates of pieces of an address space over time."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from damosrl.errors import WorkloadError

Placement = Literal["first_touch", "random", "good", "bad"]


@dataclass(frozen=True)
class AccessModel:
    """Pieces of a compact address space [0, footprint) with piecewise constant access rates.

    A sampled page is seen accessed in a sampling interval d with probability
    1 - exp(-rate * d) (independent accesses; reference: the Poisson process).

    Args:
        border_bytes: ``(P + 1,)`` int64, ascending from 0 to the footprint, multiples of 4096.
        epoch_s: ``(E,)`` float64, start of each epoch, ascending from 0.
        rate_hz: ``(E, P)`` float32, accesses per second per 4 KiB page when all memory is fast.
        period_s: Time after which the epochs repeat; infinite for a model that ends constant.
    """

    border_bytes: NDArray[np.int64]
    epoch_s: NDArray[np.float64]
    rate_hz: NDArray[np.float32]
    period_s: float = math.inf

    def __post_init__(self) -> None:
        borders, epochs, rates = self.border_bytes, self.epoch_s, self.rate_hz
        if rates.shape != (len(epochs), len(borders) - 1) or not rates.size:
            raise WorkloadError(
                "rates do not fit epochs and pieces",
                got=f"rates {rates.shape}, {len(epochs)} epochs, {len(borders) - 1} pieces",
                allowed="rates of shape (epochs, pieces), at least one of each",
            )
        if borders[0] != 0 or np.any(np.diff(borders) <= 0) or np.any(borders % 4096):
            raise WorkloadError(
                "piece borders are wrong", allowed="ascending multiples of 4096, starting at 0"
            )
        if epochs[0] != 0 or np.any(np.diff(epochs) <= 0):
            raise WorkloadError("epoch times are wrong", allowed="ascending, starting at 0")
        if not np.all(np.isfinite(rates)) or np.any(rates < 0):
            raise WorkloadError("rates are wrong", allowed="finite and >= 0")
        if not self.period_s > epochs[-1]:
            raise WorkloadError(
                "the period ends before the last epoch",
                got=self.period_s,
                allowed=f"> {epochs[-1]}",
            )

    @property
    def footprint_bytes(self) -> int:
        """Size of the address space."""
        return int(self.border_bytes[-1])

    def epoch_at(self, time_s: float) -> int:
        """Return the index of the epoch in force at a time."""
        phase = time_s % self.period_s if math.isfinite(self.period_s) else time_s
        return int(np.searchsorted(self.epoch_s, phase, side="right")) - 1


@dataclass(frozen=True, slots=True)
class Application:
    """The closed loop that makes the accesses.

    Args:
        threads: Threads running.
        parallelism: Outstanding memory requests per thread (memory-level parallelism).
        think_time_ns: Time a request's issuer computes between two requests.
    """

    threads: int = 8
    parallelism: float = 8.0
    think_time_ns: float = 200.0


@dataclass(frozen=True, slots=True)
class StartState:
    """How memory lies when an episode starts.

    Args:
        fast_fill: Share of the fast tier that is in use, 0..1.
        placement: ``first_touch`` lowest addresses first, ``random``, ``good`` hottest first,
            ``bad`` coldest first.
    """

    fast_fill: float = 0.97
    placement: Placement = "first_touch"


@dataclass(frozen=True)
class Workload:
    """One concrete workload of one episode: all parameters drawn.

    Args:
        name: Name of the choice it came from.
        family: Family for train and held-out splits ("static", "zipf", "recording", ...).
        access: Rates over time.
        application: The closed loop.
        start: Start state.
        fast_share: Fast-tier capacity as a share of the footprint.
    """

    name: str
    family: str
    access: AccessModel
    application: Application
    start: StartState
    fast_share: float
