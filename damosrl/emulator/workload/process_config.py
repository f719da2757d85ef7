"""Processes in a workload's YAML: shares of its memory, addresses and times."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from damosrl.damon.units import parse_size
from damosrl.emulator.workload.address_space import Process, Vma, default_process
from damosrl.emulator.workload.parameters import check
from damosrl.emulator.workload.pieces import GRANULE_BYTES
from damosrl.errors import WorkloadError


@dataclass(frozen=True, slots=True)
class VmaConfig:
    """One area of a process's address space.

    Args:
        start: First virtual address, a number or a text such as "0x7f0000000000".
        share: Part of the process's memory that it maps, relative to that of the other areas; 0 for
            an area that is reserved and never touched, whose ``size`` has to be given.
        size: Size of an area without memory.
        from_s: When it is mapped, seconds since the start of the episode.
        to_s: When it is unmapped; left out, at the end of the process.
    """

    start: int | str
    share: float = 1.0
    size: str | None = None
    from_s: float = 0.0
    to_s: float | None = None

    def __post_init__(self) -> None:
        check("processes.vmas.share", self.share, 0.0)
        if (self.size is None) == (self.share == 0.0):
            raise WorkloadError(
                "an area of a process has both a share and a size, or neither",
                got=f"share {self.share}, size {self.size}",
                allowed="a share above 0, or share 0 and a size",
            )

    @property
    def address(self) -> int:
        """First virtual address."""
        if isinstance(self.start, int):
            return self.start
        try:
            return int(self.start, 0)
        except ValueError as error:
            raise WorkloadError(
                "start of an area is no address", got=self.start, allowed="a number such as 0x1000"
            ) from error


@dataclass(frozen=True, slots=True)
class ProcessConfig:
    """One process of a workload.

    Args:
        pid: What targets call it.
        share: Part of the footprint that it has, relative to that of the other processes.
        start_s: When it starts.
        end_s: When it ends; left out, it outlives the episode.
        vmas: Its areas by rising address, with parts of its memory in this order; left out, heap,
            mmap area and stack of a usual program.

    Example:
        >>> first, second = draw_processes((ProcessConfig(7), ProcessConfig(9, 3.0)), 2**30)
        >>> second.vmas[0].offset_bytes == 2**28
        True
    """

    pid: int
    share: float = 1.0
    start_s: float = 0.0
    end_s: float | None = None
    vmas: tuple[VmaConfig, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 < self.share < math.inf:
            raise WorkloadError(
                f"share of process {self.pid} is wrong", got=self.share, allowed="above 0"
            )
        if self.vmas and not any(area.share for area in self.vmas):
            raise WorkloadError(f"process {self.pid} has no memory", fix="give an area a share")

    def place(self, offset_bytes: int, size_bytes: int) -> Process:
        """Return the process with so much memory of the access model's space."""
        end_s = math.inf if self.end_s is None else self.end_s
        if not self.vmas:
            usual = default_process(size_bytes, self.pid, offset_bytes)
            return Process(self.pid, usual.vmas, self.start_s, end_s)
        with_memory = [area for area in self.vmas if area.share]
        parts = iter(shared_out([area.share for area in with_memory], size_bytes))
        areas = []
        for area in self.vmas:
            to_s = math.inf if area.to_s is None else area.to_s
            if area.share:
                low, high = next(parts)
                size, offset = high - low, offset_bytes + low
            else:
                size, offset = parse_size(area.size or "0"), None
            areas.append(Vma(area.address, size, offset, area.from_s, to_s))
        return Process(self.pid, tuple(areas), self.start_s, end_s)


def shared_out(shares: list[float], size_bytes: int) -> list[tuple[int, int]]:
    """Cut memory into parts by share, in whole granules of 2 MiB.

    Raises:
        WorkloadError: A part would be empty.
    """
    ends = np.cumsum(shares) / sum(shares)
    borders = [0, *(round(end * (size_bytes // GRANULE_BYTES)) * GRANULE_BYTES for end in ends)]
    borders[-1] = size_bytes
    parts = list(pairwise(borders))
    if any(low >= high for low, high in parts):
        raise WorkloadError(
            "a process or one of its areas would have no memory",
            got=f"shares {shares} of {size_bytes} bytes",
            allowed="at least 2 MiB each",
            fix="raise the footprint or the share",
        )
    return parts


def draw_processes(configs: tuple[ProcessConfig, ...], footprint_bytes: int) -> tuple[Process, ...]:
    """Return the processes of an episode on a footprint, which they share out in order."""
    if not configs:
        return ()
    parts = shared_out([config.share for config in configs], footprint_bytes)
    return tuple(
        config.place(low, high - low) for config, (low, high) in zip(configs, parts, strict=True)
    )
