"""Snapshots of a hot set that moves, a scan and idle time, at fixed and at self-tuned intervals."""

from pathlib import Path

from damosrl.damon import AddressRange, Attrs, Context, Intervals, IntervalsGoal, Ops, Target
from damosrl.damon.recording import write_recording
from damosrl.experiment.fidelity.data import write_table
from damosrl.experiment.fidelity.in_guest.monitor import monitoring
from damosrl.experiment.fidelity.in_guest.program import Program, Segment, Touched, running

AREA_MIB = 256
MOVING = (
    Segment(0, 32, 10.0),
    Segment(128, 32, 10.0),
    Segment(64, 16, 8.0),
    Segment(0, 256, 10.0),
    Segment(0, 0, 8.0),
    Segment(192, 48, 8.0),
)
"""A hot set, two moves of it, a scan of everything, idle time, a third hot set."""

BREATHING = (Segment(0, 8, 14.0), Segment(0, 96, 14.0), Segment(0, 0, 12.0), Segment(160, 16, 14.0))
"""Working sets far below and far above the goal of interval tuning."""

GOAL = IntervalsGoal(access_bp=400, aggrs=3, min_sample_us=2_000, max_sample_us=40_000)


def record_moves(program: Path, out: Path) -> None:
    """Write ``hot_set.damon`` and the program's schedule, ``hot_set.csv``."""
    with running(program, AREA_MIB, segments=MOVING) as load:
        _record(load, Attrs(), MOVING, out, "hot_set")


def record_tuning(program: Path, out: Path) -> None:
    """Write ``intervals.damon``, ``intervals.csv`` and the sampling intervals that were set."""
    attrs = Attrs(Intervals(goal=GOAL))
    with running(program, AREA_MIB, segments=BREATHING) as load:
        _record(load, attrs, BREATHING, out, "intervals")


def _record(
    load: Program, attrs: Attrs, segments: tuple[Segment, ...], out: Path, name: str
) -> None:
    area = AddressRange(load.area.start, load.area.end)
    target = Target(pid=load.pid, regions=(area,))
    with monitoring(Context(Ops.FVADDR, (target,), attrs), out / "state") as monitor:
        load.go()
        monitor.watch(sum(item.seconds for item in segments) + 0.5)
        write_recording(monitor.recording(), out / f"{name}.damon")
        tunings = monitor.lines.tunings
    if tunings:
        write_table(out / f"{name}.tuned.csv", ("time_ns", "sample_us"), tunings)
    write_table(out / f"{name}.csv", Touched._fields, load.finish())
