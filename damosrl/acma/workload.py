"""What runs in the guests of a host: one choice of ``conf/workload`` with ``kind: acma``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.config import KIND
from damosrl.acma.state import LOAD
from damosrl.config import described, require_within, typed
from damosrl.errors import ConfigError

FloatArray = NDArray[np.float64]
Curve = Literal["steady", "diurnal", "burst", "build"]


@dataclass(frozen=True)
class Program:
    """What one guest runs; shares are of the guest's memory.

    Args:
        curve: How its memory moves between ``low`` and ``high``: ``steady`` stays high, ``diurnal``
            is a sine, ``burst`` jumps up for a tenth of the period, ``build`` climbs and drops.
        low: Smallest share.
        high: Largest share.
        period_s: Length of one wave.
        jitter: Random factor on level, period and phase, 0..1.
        small: Share of leaves that hold small allocations.
        unmovable: Share of leaves that the kernel pins at boot.
        unmovable_end: The same at the end of the episode.
        scatter: Share of new unmovable pages that open a free block of their own.
        churn: Share of all leaves freed and allocated anew per second.
        whole: Share of freed memory that is freed in whole blocks.
        touch: Touches of an average page per second.
        skew: The coldest share q of memory gets q^skew of the touches; 1 is uniform.
        cma_every_s: Mean time between requests for contiguous memory; 0 has none.
        cma_mib: Size of such a request.
        cma_s: How long it is held.

    Example:
        >>> Program(curve="diurnal", low=0.2, high=0.6).period_s
        120.0
    """

    curve: Curve = "steady"
    low: float = 0.2
    high: float = 0.6
    period_s: float = 120.0
    jitter: float = 0.2
    small: float = 0.02
    unmovable: float = 0.01
    unmovable_end: float = 0.012
    scatter: float = 0.1
    churn: float = 0.002
    whole: float = 0.7
    touch: float = 0.1
    skew: float = 4.0
    cma_every_s: float = 0.0
    cma_mib: int = 32
    cma_s: float = 10.0

    def __post_init__(self) -> None:
        for name in ("low", "high", "jitter", "small", "unmovable", "unmovable_end", "scatter",
                     "churn", "whole"):  # fmt: skip
            require_within(f"program {name}", getattr(self, name), 0.0, 1.0)
        require_within("program period_s", self.period_s, 2.0, 1e6)
        require_within("program touch", self.touch, 0.0, 1e3)
        require_within("program skew", self.skew, 1.0, 64.0)
        require_within("program cma_every_s", self.cma_every_s, 0.0, 1e6)
        require_within("program cma_mib", self.cma_mib, 2, 2**20)
        require_within("program cma_s", self.cma_s, 1.0, 1e6)
        if self.low > self.high:
            raise ConfigError(
                "program low is above high", got=f"{self.low} > {self.high}", fix="swap them"
            )


@dataclass(frozen=True)
class HostWorkload:
    """What runs on a host.

    Args:
        name: Name of the choice.
        family: What it is like; families are held out as a whole.
        kind: What kind of machine it is for.
        programs: Dealt out to the guests in turn.
        members: Names of workloads of which each episode draws one, instead of programs.

    Example:
        >>> host_workload("acma_diurnal").family
        'diurnal'
    """

    name: str
    family: str = "mix"
    programs: tuple[Program, ...] = ()
    members: tuple[str, ...] = ()
    kind: Literal["acma"] = "acma"

    def __post_init__(self) -> None:
        if bool(self.programs) == bool(self.members):
            raise ConfigError(
                f"workload {self.name} must say what runs",
                got="both" if self.programs else "nothing",
                allowed="either programs or members",
            )
        if self.name in self.members:
            raise ConfigError(f"workload {self.name} contains itself", fix="leave it out")

    @property
    def families(self) -> frozenset[str]:
        """All families that can be drawn."""
        if not self.members:
            return frozenset({self.family})
        return frozenset().union(*(host_workload(name).families for name in self.members))

    def pick(self, generator: np.random.Generator) -> "HostWorkload":
        """Draw one of the members; a workload without members is its own."""
        if not self.members:
            return self
        name = self.members[int(generator.integers(len(self.members)))]
        return host_workload(name).pick(generator)

    def draw(self, generator: np.random.Generator, guests: int, seconds: int) -> NDArray[np.void]:
        """Draw what happens in every second of an episode.

        Returns:
            `damosrl.acma.state.LOAD` records, ``(guests, seconds)``.
        """
        loads = np.zeros((guests, seconds), LOAD)
        for place in range(guests):
            loads[place] = _schedule(self.programs[place % len(self.programs)], generator, seconds)
        return loads


def host_workload(choice: str | Path | Mapping[str, Any] | HostWorkload) -> HostWorkload:
    """Read a choice of ``conf/workload``, a YAML or a mapping of the same keys.

    Raises:
        UnknownNameError: No such choice or key; the nearest is named.
        ConfigError: A value is wrong, or it is not for hosts with guests.
    """
    if isinstance(choice, HostWorkload):
        return choice
    values = described("workload", choice)
    if values.get("kind") != KIND:
        raise ConfigError(
            f"workload {values.get('name', choice)} is not for a host with guests",
            got=f"kind={values.get('kind')}",
            allowed=f"kind={KIND}",
            fix="choose one such as acma_diurnal",
        )
    return typed(HostWorkload, values, "workload")


def _schedule(program: Program, generator: np.random.Generator, seconds: int) -> NDArray[np.void]:
    spread = 1.0 + program.jitter * generator.uniform(-1.0, 1.0, 3)
    period_s = max(program.period_s * spread[0], 2.0)
    phase = (np.arange(seconds) / period_s + program.jitter * generator.uniform()) % 1.0
    high = min(program.low + (program.high - program.low) * spread[1], 0.95)
    shape = CURVES[program.curve](phase)
    loads = np.zeros(seconds, LOAD)
    loads["program"] = program.low + (high - program.low) * shape
    loads["small"] = program.small
    loads["unmovable"] = np.linspace(program.unmovable, program.unmovable_end, seconds)
    for name in ("scatter", "churn", "whole", "skew"):
        loads[name] = getattr(program, name)
    loads["touch"] = program.touch * spread[2]
    if program.cma_every_s > 0.0:
        asks = generator.uniform(size=seconds) < 1.0 / program.cma_every_s
        loads["cma_blocks"] = np.where(asks, program.cma_mib // 2, 0)
        loads["cma_s"] = program.cma_s
    return loads


def _steady(phase: FloatArray) -> FloatArray:
    return np.ones_like(phase)


def _diurnal(phase: FloatArray) -> FloatArray:
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * phase)


def _burst(phase: FloatArray) -> FloatArray:
    return np.where((phase >= 0.45) & (phase < 0.55), 1.0, 0.0)


def _build(phase: FloatArray) -> FloatArray:
    """Many short compilers, then one linker that takes as much again."""
    return np.where(phase < 0.75, phase / 1.5, np.where(phase < 0.9, 1.0, 0.0))


CURVES: Mapping[Curve, Callable[[FloatArray], FloatArray]] = {
    "steady": _steady,
    "diurnal": _diurnal,
    "burst": _burst,
    "build": _build,
}
