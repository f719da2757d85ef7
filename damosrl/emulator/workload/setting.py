"""What every workload has besides its accesses: size, fast share, application, start state."""

from dataclasses import dataclass, field
from typing import Literal

from damosrl.emulator.workload.model import Application, Placement, StartState
from damosrl.emulator.workload.pages import PagesConfig
from damosrl.emulator.workload.parameters import (
    Number,
    Sampler,
    Size,
    check,
    percent,
    size_range,
    size_text,
    text,
)
from damosrl.emulator.workload.pieces import GRANULE_BYTES, MIN_GRANULES
from damosrl.emulator.workload.process_config import ProcessConfig
from damosrl.errors import WorkloadError

Randomize = bool | Literal["start"]
"""``false`` draws layouts only, ``start`` the start state too, ``true`` all parameters."""

NATIVE = "native"
"""Footprint of a recording at its own size."""


@dataclass(frozen=True, slots=True)
class ApplicationConfig:
    """The closed loop that makes the accesses; see `damosrl.emulator.workload.model.Application`.

    Args:
        threads: Threads running.
        parallelism: Outstanding memory requests per thread.
        think_time_ns: Time between two requests of one issuer.
    """

    threads: Number = 8.0
    parallelism: Number = 8.0
    think_time_ns: Number = 200.0

    def __post_init__(self) -> None:
        check("application.threads", self.threads, 1.0, 4096.0)
        check("application.parallelism", self.parallelism, 1.0, 1024.0)
        check("application.think_time_ns", self.think_time_ns, 0.0)

    def draw(self, sampler: Sampler) -> Application:
        """Return the closed loop of one episode."""
        return Application(
            threads=sampler.whole(self.threads),
            parallelism=sampler.number(self.parallelism),
            think_time_ns=sampler.number(self.think_time_ns),
        )


@dataclass(frozen=True, slots=True)
class StartConfig:
    """How memory lies when an episode starts.

    Args:
        fast_fill: Share of the fast tier that is in use.
        placement: One of ``first_touch`` (lowest addresses first), ``random``, ``good`` (hottest
            first), ``bad`` (coldest first); or several, drawn with equal chances, of which the
            first is the nominal one.
    """

    fast_fill: Number = 0.97
    placement: Placement | tuple[Placement, ...] = "first_touch"

    def __post_init__(self) -> None:
        check("start.fast_fill", self.fast_fill, 0.0, 1.0)
        if not self.placements:
            raise WorkloadError("start.placement is empty", allowed="at least one placement")

    @property
    def placements(self) -> tuple[Placement, ...]:
        """The placements that may be drawn."""
        return (self.placement,) if isinstance(self.placement, str) else self.placement

    def draw(self, sampler: Sampler) -> StartState:
        """Return the start state of one episode."""
        return StartState(sampler.number(self.fast_fill), sampler.choice(self.placements))


@dataclass(frozen=True, slots=True)
class Setting:
    """One workload's YAML without its accesses.

    Args:
        name: What tables call it; the YAML's file name where left out.
        family: Family for train and held-out splits; the kind's own where left out.
        randomize: What is drawn per episode, see `Randomize`; layouts (which addresses are hot)
            always are.
        footprint: Size of the address space, or ``native`` for a recording's own.
        fast_share: Fast-tier capacity as a share of the footprint: 1/2 is 1:1, 1/17 is 1:16.
        application: The closed loop.
        start: Start state.
        pages: What the pages are, by share of the address space.
        processes: Who has which part of the memory, at which virtual addresses, and when; left out,
            one process of pid 1 with heap, mmap area and stack, or with a recording's own areas.
    """

    name: str | None = None
    family: str | None = None
    randomize: Randomize = False
    footprint: Size = "16 GiB"
    fast_share: Number = 0.25
    application: ApplicationConfig = field(default_factory=ApplicationConfig)
    start: StartConfig = field(default_factory=StartConfig)
    pages: PagesConfig | None = None
    processes: tuple[ProcessConfig, ...] = ()

    def __post_init__(self) -> None:
        check("fast_share", self.fast_share, 0.001, 1.0)
        if self.footprint != NATIVE:
            limits = size_range(self.footprint, "footprint")
            check("footprint", limits, MIN_GRANULES * GRANULE_BYTES, 2.0**60)

    @property
    def smallest_granules(self) -> int | None:
        """Smallest footprint that will be drawn, in granules; None for a recording's own."""
        if self.footprint == NATIVE:
            return None
        limits = size_range(self.footprint, "footprint")
        return int(min(limits.nominal, limits.range[0])) // GRANULE_BYTES

    def draw_granules(self, sampler: Sampler, native_granules: int) -> int:
        """Draw the footprint, in whole granules."""
        if self.footprint == NATIVE:
            return native_granules
        return int(sampler.number(size_range(self.footprint, "footprint"))) // GRANULE_BYTES

    def describe(self) -> str:
        """Say the size, the fast share, the closed loop and the start state."""
        loop = self.application
        return (
            f"{self.describe_memory()} "
            f"{text(loop.threads)} threads with {text(loop.parallelism)} requests in flight each, "
            f"{text(loop.think_time_ns)} ns between requests."
            + (f" {self.pages.describe()}" if self.pages else "")
            + (f" Processes: {', '.join(map(_life, self.processes))}." if self.processes else "")
        )

    def describe_memory(self) -> str:
        """Say the size, the fast share, the start state, and what is drawn."""
        if self.footprint == NATIVE:
            size = "Size as recorded"
        else:
            size = f"Size {text(size_range(self.footprint, 'footprint'), size_text)}"
        drawn = {
            False: "Parameters are fixed",
            True: "All ranges are drawn anew in every episode",
            "start": "The start state is drawn anew in every episode, the rest is fixed",
        }[self.randomize]
        return (
            f"{size}; the fast tier holds {text(self.fast_share, percent)} of it. "
            "The fast tier starts "
            f"{text(self.start.fast_fill, percent)} full, placed by "
            f"{' or '.join(self.start.placements)}. {drawn}."
        )


def _life(process: ProcessConfig) -> str:
    end = "" if process.end_s is None else f" to {process.end_s:g} s"
    return f"pid {process.pid} from {process.start_s:g} s{end}"
