"""What a workload is to the machine: access rates of pieces of an address space over time."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from damosrl.damon.units import parse_size
from damosrl.emulator.workload.address_space import PAGE_BYTES, Process
from damosrl.errors import UnitError, WorkloadError

Placement = Literal["first_touch", "random", "good", "bad"]

LARGEST_ORDER = 18
"""Order of the largest folio: 1 GiB."""


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


@dataclass(frozen=True, slots=True)
class PageClass:
    """One kind of pages.

    Args:
        share: Share of the address space, relative to that of the other classes.
        kind: ``anon`` or ``file``.
        memcg: Path of the memory control group.
        folio: Size of the folios they start in: 4 KiB to 1 GiB, a power of two.
        mapped: Whether some page table maps them; page cache may be unmapped.
        compression: Size of a page over that of its compressed copy, at least 1; None: as pages
            usually compress in the machine's swap store.

    Raises:
        WorkloadError: The share, the folio size or the compression is out of range.
    """

    share: float = 1.0
    kind: Literal["anon", "file"] = "anon"
    memcg: str = "/"
    folio: str | int = PAGE_BYTES
    mapped: bool = True
    compression: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.share < math.inf:
            raise WorkloadError("share of a page class is wrong", got=self.share, allowed=">= 0")
        if self.compression is not None and not 1.0 <= self.compression < math.inf:
            raise WorkloadError(
                "compression of a page class is no ratio", got=self.compression, allowed=">= 1"
            )
        if self._folio_bytes() not in {PAGE_BYTES << order for order in range(LARGEST_ORDER + 1)}:
            raise WorkloadError(
                "folio of a page class is wrong",
                got=self.folio,
                allowed="a power of two from 4 KiB to 1 GiB",
            )

    def _folio_bytes(self) -> int:
        try:
            return parse_size(self.folio)
        except UnitError as error:
            raise WorkloadError(
                "folio of a page class is no size", got=self.folio, fix="give 2 MiB"
            ) from error

    @property
    def order(self) -> int:
        """Folio size as a power of two of pages."""
        return (self._folio_bytes() // PAGE_BYTES).bit_length() - 1


@dataclass(frozen=True)
class PageLayout:
    """Which class the pages at each address have.

    Args:
        border_bytes: ``(B + 1,)`` int64, borders of blocks, from 0 to the footprint.
        classes: Class of each block, ``B`` of them.
    """

    border_bytes: NDArray[np.int64]
    classes: tuple[PageClass, ...]

    def at(self, address_bytes: NDArray[np.int64]) -> list[PageClass]:
        """Return the class at each address."""
        blocks = np.searchsorted(self.border_bytes, address_bytes, side="right") - 1
        return [self.classes[block] for block in np.minimum(blocks, len(self.classes) - 1)]


@dataclass(frozen=True, slots=True)
class Tenant:
    """One application among several on a machine.

    Args:
        memcg: Path of the memory control group of all its pages, and of nobody else's.
        application: Its closed loop.
    """

    memcg: str
    application: Application


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
        processes: Who maps which part of the access model's space; none: one process, see
            `damosrl.emulator.workload.address_space.default_process`.
        pages: What the pages are; None: anonymous, mapped, root group, folios of 4 KiB.
        tenants: Applications with memory of their own, told by their control groups; none: the
            application has all of it. With tenants ``application`` is not used.
    """

    name: str
    family: str
    access: AccessModel
    application: Application
    start: StartState
    fast_share: float
    pages: PageLayout | None = None
    processes: tuple[Process, ...] = ()
    tenants: tuple[Tenant, ...] = ()
