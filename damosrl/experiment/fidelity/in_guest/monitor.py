"""DAMON while a body runs: started by our client, watched through our trace reader."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from damosrl.damon import AddressRange, Context, Document, Kdamond
from damosrl.damon.recorded import RecordedSnapshot, Recording
from damosrl.kernel.client import DamonClient
from damosrl.kernel.files import OsFiles
from damosrl.kernel.roots import Roots
from damosrl.kernel.session import Session
from damosrl.kernel.trace import AGGREGATED, ESZ, INTERVALS, TraceInstance
from damosrl.kernel.trace_lines import TraceLines

KDAMOND = 0
POLL_S = 0.05


class Monitor:
    """A running kdamond and what its tracepoints have told.

    Args:
        client: Who started it.
        trace: Its events.
        context: What it runs.
    """

    def __init__(self, client: DamonClient, trace: TraceInstance, context: Context) -> None:
        times = context.attrs.intervals
        self.client, self.context, self._trace = client, context, trace
        self.lines = TraceLines(times.sample_us, times.aggr_us, client.kdamond_pid(KDAMOND))
        self.snapshots: list[RecordedSnapshot] = []

    def poll(self) -> None:
        """Take in what has come since the last look."""
        found = self.lines.feed(self._trace.read())
        self.snapshots += [item.snapshot for item in found]

    def watch(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """Look again and again for so long.

        Args:
            seconds: Time.
            each: Called after each look.
        """
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            time.sleep(POLL_S)
            self.poll()
            each()

    def recording(self) -> Recording:
        """Return all snapshots."""
        times = self.context.attrs.intervals
        return Recording(tuple(self.snapshots), times.sample_us, times.aggr_us)


@contextmanager
def monitoring(context: Context, state_dir: Path) -> Iterator[Monitor]:
    """Run one context while the body runs.

    Args:
        context: What to monitor and the schemes on it.
        state_dir: Where the session keeps its lock and state.

    Raises:
        KernelError: The kernel refused, or DAMON is in use.
    """
    roots = Roots()
    with (
        Session(roots, OsFiles(), state_dir) as client,
        TraceInstance(roots, (AGGREGATED, ESZ, INTERVALS)) as trace,
    ):
        client.start(Document((Kdamond((context,)),)))
        yield Monitor(client, trace, context)
        client.stop()


def node_range(node: int) -> AddressRange:
    """Return the physical addresses of a memory node, from its memory blocks in sysfs."""
    folder = Path("/sys/devices/system")
    size = int((folder / "memory/block_size_bytes").read_text(encoding="ascii"), 16)
    blocks = [
        int(path.name.removeprefix("memory"))
        for path in (folder / f"node/node{node}").iterdir()
        if path.name.removeprefix("memory").isdigit()
    ]
    return AddressRange(min(blocks) * size, (max(blocks) + 1) * size)


def memory_kib(path: str = "/proc/meminfo") -> tuple[int, int]:
    """Return total and free memory, KiB, of the machine or of a node's ``meminfo``."""
    words = Path(path).read_text(encoding="ascii").replace(":", " ").split()
    return tuple(int(words[words.index(name) + 1]) for name in ("MemTotal", "MemFree"))  # type: ignore[return-value]
