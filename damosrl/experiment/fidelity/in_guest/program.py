"""The program with known accesses, from Python: where its memory lies and what it touched when."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from damosrl.errors import KernelError

MIB = 2**20


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
    with subprocess.Popen(  # noqa: S603  (our own program)
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            first = process.stdout.readline() if process.stdout is not None else ""
            if not first:
                raise KernelError("the program with known accesses ended", got=words)
            yield Program(process, Touched(**json.loads(first)))
        finally:
            process.kill()
