"""When watermarks let a scheme work: free memory falls and rises, aggregations come or do not."""

import time
from contextlib import ExitStack
from pathlib import Path

from damosrl.damon import AddressRange, Context, Ops, Scheme, Target, WatermarkMetric, Watermarks
from damosrl.experiment.fidelity.data import write_table
from damosrl.experiment.fidelity.in_guest.monitor import memory_kib, monitoring, node_range
from damosrl.experiment.fidelity.in_guest.program import filling

MARKS = Watermarks(WatermarkMetric.FREE_MEM_RATE, 300_000, 880, 800, 700)
LOADS_MIB = (220, 150, 130)
"""Programs that bring free memory between mid and high, below mid, and below low."""

STEP_S = 8.0


def context(span: AddressRange) -> Context:
    """Return a scheme that acts on nothing, between watermarks."""
    return Context(Ops.PADDR, (Target(regions=(span,)),), schemes=(Scheme(watermarks=MARKS),))


def record_switching(program: Path, out: Path) -> None:
    """Write ``watermarks.csv``, free memory, and ``watermarks.aggregations.csv``, ends (ns)."""
    free: list[tuple[int, int, int]] = []

    def look() -> None:
        total, left = memory_kib()
        free.append((time.monotonic_ns(), total, left))

    with monitoring(context(node_range(1)), out / "state") as monitor:
        monitor.watch(STEP_S, look)
        with ExitStack() as first:
            first.enter_context(filling(program, LOADS_MIB[0]))
            monitor.watch(STEP_S, look)
            with ExitStack() as second:
                second.enter_context(filling(program, LOADS_MIB[1]))
                monitor.watch(STEP_S, look)
                with filling(program, LOADS_MIB[2]):
                    monitor.watch(STEP_S, look)
                monitor.watch(STEP_S, look)
            monitor.watch(STEP_S, look)
        monitor.watch(STEP_S, look)
        ends = [(item.end_ns,) for item in monitor.snapshots]
    write_table(out / "watermarks.csv", ("time_ns", "total_kib", "free_kib"), free)
    write_table(out / "watermarks.aggregations.csv", ("end_ns",), ends)
