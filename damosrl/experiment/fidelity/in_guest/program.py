"""The program with known accesses, from Python: where its memory lies and what it touched when."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from damosrl.errors import KernelError
from damosrl.machine import IntArray

MIB = 2**20
PAGE_BYTES = 4096


class Segment(NamedTuple):
    """What is touched for how long; a size of 0 is idle time."""

    offset_mib: int
    size_mib: int
    seconds: float


class Touched(NamedTuple):
    """What was touched when, as the program tells it (CLOCK_MONOTONIC, ns; bytes)."""

    start_ns: int
    end_ns: int
    start: int
    end: int
    passes: int


class Program:
    """A running program whose memory is mapped and written once.

    Args:
        process: It.
        area: Its memory, and when it was written.
    """

    def __init__(self, process: "subprocess.Popen[str]", area: Touched) -> None:
        self.process, self.area = process, area

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def go(self) -> None:
        """Let it begin with its segments."""
        if self.process.stdin is not None:
            self.process.stdin.write("\n")
            self.process.stdin.flush()

    def finish(self) -> list[Touched]:
        """Close its input, wait for its end, and return the segments that it finished."""
        lines, _ = self.process.communicate()
        return [Touched(**json.loads(line)) for line in lines.splitlines()]

    def pages_by_node(self) -> dict[int, int]:
        """Return how many pages of its area lie on each node (``numa_maps``)."""
        text = Path(f"/proc/{self.pid}/numa_maps").read_text(encoding="utf-8")
        line = next(row for row in text.splitlines() if row.startswith(f"{self.area.start:x} "))
        words = [word for word in line.split() if word[0] == "N" and word[1].isdigit()]
        return {int(word[1 : word.index("=")]): int(word.partition("=")[2]) for word in words}

    def frames(self) -> IntArray:
        """Return where its pages lie, ``(L, 3)``: first page, first frame, length of each run.

        Pages count from the area's start, frames from physical address 0 (``pagemap``; needs root).
        """
        first, size = self.area.start // PAGE_BYTES, (self.area.end - self.area.start) // PAGE_BYTES
        with Path(f"/proc/{self.pid}/pagemap").open("rb") as file:
            file.seek(8 * first)
            entries = np.frombuffer(file.read(8 * size), np.uint64)
        frame = (entries & np.uint64(2**55 - 1)).astype(np.int64)
        starts = np.flatnonzero(np.diff(frame, prepend=frame[0] - 2) != 1)
        lengths = np.diff(np.append(starts, size))
        return np.stack([starts, frame[starts], lengths], axis=1)


@contextmanager
def running(
    program: Path, area_mib: int, node: int = -1, segments: Sequence[Segment] = ()
) -> Iterator[Program]:
    """Run the program while the body runs; it waits with its memory mapped until `Program.go`.

    Args:
        program: The compiled ``accesses.c``.
        area_mib: Its memory.
        node: Memory node that its pages start on; -1 is wherever the kernel likes.
        segments: What it touches.

    Raises:
        KernelError: It did not start.
    """
    words = [str(program), str(area_mib), str(node)]
    words += [f"{item.offset_mib}:{item.size_mib}:{item.seconds}" for item in segments]
    with _process(words) as process:
        first = process.stdout.readline() if process.stdout is not None else ""
        if not first:
            raise KernelError("the program with known accesses ended", got=" ".join(words))
        yield Program(process, Touched(**json.loads(first)))


@contextmanager
def filling(program: Path, area_mib: int, node: int = -1) -> Iterator[None]:
    """Let the program take memory while the body runs, without waiting for it to have it all."""
    with _process([str(program), str(area_mib), str(node)]):
        yield


@contextmanager
def _process(words: Sequence[str]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(  # noqa: S603  (our own program)
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()
