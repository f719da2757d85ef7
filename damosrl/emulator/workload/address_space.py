"""Processes: where a workload's memory lies in virtual addresses, and when it is mapped.

An access model speaks of a compact space [0, footprint). A process is a list of areas (the kernel's
VMAs), each of which maps a part of that space, with gaps between, as heap, mmap area and stack have
them. An area that comes or goes during an episode takes its memory with it.
"""

import math
from dataclasses import dataclass
from itertools import combinations, pairwise

from damosrl.errors import WorkloadError

PAGE_BYTES = 4096
LARGE_BYTES = 2 * 2**20
"""Areas of a layout are multiples of this, a huge page, where memory is large enough."""

DEFAULT_PID = 1
HEAP_START = 0x5555_5560_0000
MMAP_END = 0x7FFF_F7E0_0000
STACK_START = 0x7FFF_FFC0_0000
"""Where x86-64 without randomisation puts heap, mmap area (it ends there) and stack, nearly."""

HEAP_SHARE = 0.25
"""Part of the memory that lies in the heap; all but the stack of the rest is mmapped."""


@dataclass(frozen=True, slots=True)
class Vma:
    """One area of a process's address space.

    Args:
        start: First virtual address, a multiple of 4096.
        size_bytes: Size, a multiple of 4096.
        offset_bytes: Where its memory begins in the access model's space; None for an area that is
            reserved and never touched.
        from_s: When it is mapped, seconds since the start of the episode.
        to_s: When it is unmapped.
    """

    start: int
    size_bytes: int
    offset_bytes: int | None = None
    from_s: float = 0.0
    to_s: float = math.inf

    def __post_init__(self) -> None:
        offset = self.offset_bytes or 0
        if min(self.start, self.size_bytes - 1, offset) < 0 or any(
            value % PAGE_BYTES for value in (self.start, self.size_bytes, offset)
        ):
            raise WorkloadError(
                "an area of a process is wrong",
                got=f"start {self.start}, size {self.size_bytes}, offset {self.offset_bytes}",
                allowed="multiples of 4096, size above 0",
            )
        if self.start + self.size_bytes > 2**63:
            raise WorkloadError(
                "an area of a process ends too high", got=self.end, allowed="at most 2^63"
            )
        if not 0.0 <= self.from_s < self.to_s:
            raise WorkloadError(
                "an area is unmapped before it is mapped",
                got=f"{self.from_s} s to {self.to_s} s",
                allowed="0 <= from_s < to_s",
            )

    @property
    def end(self) -> int:
        """One past the last virtual address."""
        return self.start + self.size_bytes

    @property
    def is_static(self) -> bool:
        """Whether it is mapped all the time."""
        return self.from_s == 0.0 and math.isinf(self.to_s)


@dataclass(frozen=True, slots=True)
class Process:
    """A process: its pid, its areas, and when it lives.

    Args:
        pid: What targets call it.
        vmas: Areas by rising start address; areas of the same addresses at different times are
            possible. Their memory is cut to the life of the process.
        start_s: When it starts.
        end_s: When it ends: all its memory is free from then on.

    Example:
        >>> [hex(area.start) for area in default_process(2**30).vmas]
        ['0x555555600000', '0x7fffc8000000', '0x7fffffc00000']
    """

    pid: int
    vmas: tuple[Vma, ...]
    start_s: float = 0.0
    end_s: float = math.inf

    def __post_init__(self) -> None:
        if not 0 < self.pid < 2**31:
            raise WorkloadError("pid is wrong", got=self.pid, allowed="1..2147483647")
        if not 0.0 <= self.start_s < self.end_s:
            raise WorkloadError(
                f"process {self.pid} ends before it starts",
                got=f"{self.start_s} s to {self.end_s} s",
                allowed="0 <= start_s < end_s",
            )
        if any(left.start > right.start for left, right in pairwise(self.vmas)):
            raise WorkloadError(
                f"areas of process {self.pid} are unsorted", fix="sort them by start address"
            )
        for left, right in combinations(self.vmas, 2):
            if right.start < left.end and left.from_s < right.to_s and right.from_s < left.to_s:
                raise WorkloadError(
                    f"areas of process {self.pid} overlap",
                    got=f"[{left.start:#x}, {left.end:#x}) and [{right.start:#x}, {right.end:#x})",
                    allowed="areas of one time side by side",
                )

    @property
    def is_static(self) -> bool:
        """Whether nothing of it ever comes or goes."""
        lives = self.start_s == 0.0 and math.isinf(self.end_s)
        return lives and all(area.is_static for area in self.vmas)


def check_processes(processes: tuple[Process, ...], footprint_bytes: int) -> None:
    """Check that processes share a workload's memory.

    Raises:
        WorkloadError: Two have the same pid; an area lies outside the footprint; two areas map the
            same memory.
    """
    pids = [process.pid for process in processes]
    if len(set(pids)) < len(pids):
        raise WorkloadError("pids are not distinct", got=sorted(pids))
    spans = sorted(
        (area.offset_bytes, area.offset_bytes + area.size_bytes)
        for process in processes
        for area in process.vmas
        if area.offset_bytes is not None
    )
    if spans and spans[-1][1] > footprint_bytes:
        raise WorkloadError(
            "an area maps more than the footprint", got=spans[-1][1], allowed=footprint_bytes
        )
    for left, right in pairwise(spans):
        if left[1] > right[0]:
            raise WorkloadError(
                "two areas map the same memory", got=f"offsets {left} and {right}", allowed="none"
            )


def default_process(footprint_bytes: int, pid: int = DEFAULT_PID, offset_bytes: int = 0) -> Process:
    """Return a process with heap, mmap area and stack, so that two large gaps lie between.

    Args:
        footprint_bytes: Its memory, a multiple of 4096. With less than three pages there is one
            area only, and so no three regions.
        pid: Its pid.
        offset_bytes: Where its memory begins in the access model's space.
    """
    large = footprint_bytes >= 4 * LARGE_BYTES and footprint_bytes % LARGE_BYTES == 0
    unit = LARGE_BYTES if large else PAGE_BYTES
    if footprint_bytes < 3 * unit:
        return Process(pid, (Vma(HEAP_START, footprint_bytes, offset_bytes),))
    heap = max(int(footprint_bytes * HEAP_SHARE) // unit, 1) * unit
    mmapped = footprint_bytes - heap - unit
    heap_end = HEAP_START + heap
    mmap_start = max(MMAP_END - mmapped, heap_end + 2**40)
    stack_start = max(STACK_START, mmap_start + mmapped + STACK_START - MMAP_END)
    return Process(
        pid,
        (
            Vma(HEAP_START, heap, offset_bytes),
            Vma(mmap_start, mmapped, offset_bytes + heap),
            Vma(stack_start, unit, offset_bytes + heap + mmapped),
        ),
    )
