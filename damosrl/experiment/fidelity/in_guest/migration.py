"""What migrations under a size quota move, and how much of the quota free frames eat."""

import time
from pathlib import Path

from damosrl.damon import (
    U32_MAX,
    AccessPattern,
    Action,
    Context,
    Ops,
    Quota,
    Range,
    Scheme,
    Target,
    Weights,
)
from damosrl.experiment.fidelity.data import write_json, write_table
from damosrl.experiment.fidelity.in_guest.monitor import (
    KDAMOND,
    Monitor,
    memory_kib,
    monitoring,
    node_range,
)
from damosrl.experiment.fidelity.in_guest.program import MIB, Program, Segment, running

HOT_AREA_MIB, HOT = 256, Segment(96, 64, 26.0)
HOT_QUOTA_BYTES = 8 * MIB
COLD_AREA_MIB, STILL_HOT = 320, Segment(0, 64, 40.0)
COLD_QUOTA_BYTES = 40 * MIB
RESET_MS = 1000
COLUMNS = ("time_ns", "node0_pages", "node1_pages", "sz_tried", "sz_applied", "qt_exceeds")


def scheme(action: Action, node: int, quota_bytes: int) -> Scheme:
    """Return a migration to a node: of what is accessed at all, or of what is not."""
    counts = Range(1, U32_MAX) if action is Action.MIGRATE_HOT else Range(0, 0)
    quota = Quota(sz_bytes=quota_bytes, reset_interval_ms=RESET_MS, weights=Weights(0, 100, 100))
    return Scheme(action, AccessPattern(nr_accesses=counts), node, quota=quota)


def record_promotion(program: Path, out: Path) -> None:
    """Write ``promotion.csv``: the hot part of memory on node 1 moves to node 0."""
    with running(program, HOT_AREA_MIB, 1, (HOT,)) as load:
        _record(load, 1, scheme(Action.MIGRATE_HOT, 0, HOT_QUOTA_BYTES), HOT, out, "promotion")


def record_demotion(program: Path, out: Path) -> None:
    """Write ``demotion.csv``: cold memory of node 0 moves to node 1, beside free frames."""
    with running(program, COLD_AREA_MIB, 0, (STILL_HOT,)) as load:
        _record(
            load, 0, scheme(Action.MIGRATE_COLD, 1, COLD_QUOTA_BYTES), STILL_HOT, out, "demotion"
        )


def _record(
    load: Program, node: int, migration: Scheme, segment: Segment, out: Path, name: str
) -> None:
    span = node_range(node)
    context = Context(Ops.PADDR, (Target(regions=(span,)),), schemes=(migration,))
    rows: list[tuple[int, ...]] = []
    total_kib, free_kib = memory_kib(f"/sys/devices/system/node/node{node}/meminfo")
    frames = load.frames()
    with monitoring(context, out / "state") as monitor:
        load.go()
        monitor.watch(segment.seconds - 1.0, lambda: _look(monitor, load, rows))
        ends = [item.end_ns for item in monitor.snapshots]
    (touched,) = load.finish()
    write_table(out / f"{name}.csv", COLUMNS, rows)
    write_table(out / f"{name}.frames.csv", ("page", "frame", "pages"), frames.tolist())
    write_json(
        out / f"{name}.json",
        {
            "node_bytes": span.size,
            "total_kib": total_kib,
            "free_kib": free_kib,
            "passes": touched.passes,
            "start_ns": touched.start_ns,
            "end_ns": touched.end_ns,
            "aggregation_ends_ns": ends,
        },
    )


def _look(monitor: Monitor, load: Program, rows: list[tuple[int, ...]]) -> None:
    """Note twice a second or so where the pages are and what the scheme has counted."""
    if rows and time.monotonic_ns() - rows[-1][0] < 450_000_000:
        return
    monitor.client.update_stats(KDAMOND)
    (stats,) = monitor.client.stats(KDAMOND)
    pages = load.pages_by_node()
    rows.append(
        (
            time.monotonic_ns(),
            pages.get(0, 0),
            pages.get(1, 0),
            stats.sz_tried,
            stats.sz_applied,
            stats.qt_exceeds,
        )
    )
