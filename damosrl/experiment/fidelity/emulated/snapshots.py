"""Snapshots of emulated machines, taken where the kernel's tracepoint takes them, as recordings."""

from damosrl.damon import AddressRange, Attrs, Context, Document, Kdamond, Ops, Target
from damosrl.damon.recorded import RecordedSnapshot, Recording
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.workload.model import Workload
from damosrl.experiment.fidelity.emulated.program import PID, machine
from damosrl.machine import Telemetry

NS = 10**9


def watch(
    attrs: Attrs, load: Workload, seeds: range, overshoot: float, duration_s: float
) -> tuple[Recording, ...]:
    """Monitor a workload's process on emulated machines.

    Args:
        attrs: As in the guest.
        load: The program.
        seeds: One machine each.
        overshoot: Real length of a sampling interval over the one asked for, as in the guest.
        duration_s: Time to watch.

    Returns:
        One recording per seed, times since the start.
    """
    times = attrs.intervals
    seen = [_watch(attrs, load, seed, overshoot, duration_s) for seed in seeds]
    return tuple(Recording(tuple(shots), times.sample_us, times.aggr_us) for shots in seen)


def _watch(
    attrs: Attrs, load: Workload, seed: int, overshoot: float, duration_s: float
) -> list[RecordedSnapshot]:
    """Look once after each aggregation: the moving sums are then its counts."""
    (area,) = load.processes[0].vmas
    target = Target(pid=PID, regions=(AddressRange(area.start, area.end),))
    document = Document((Kdamond((Context(Ops.FVADDR, (target,), attrs),)),))
    config = machine((area.size_bytes,), overshoot)
    machines = EmulatedMachines(config, 1, document, monitor="exact")
    machines.load(0, load, seed)
    shots: list[RecordedSnapshot] = []
    context = machines.engine.contexts[0:1]
    start_ns = 0
    while start_ns < duration_s * NS:
        sample_us = int(context["sample_us"][0])
        left = int(context["next_aggr"][0] - context["passed"][0])
        sleep_us = int(sample_us * overshoot + 0.5)
        end_us = int(context["now_us"][0]) + left * sleep_us
        telemetry = machines.run(end_us / 1e6 + 1e-6 - float(machines.world.machines["time_s"][0]))
        shots.append(_snapshot(telemetry, start_ns, end_us * 1000, sample_us))
        start_ns = end_us * 1000
    return shots


def _snapshot(telemetry: Telemetry, start_ns: int, end_ns: int, sample_us: int) -> RecordedSnapshot:
    snapshot = telemetry.snapshot
    size = int(snapshot.nr_regions[0, 0])
    return RecordedSnapshot(
        start_ns,
        end_ns,
        sample_us,
        snapshot.start[0, 0, :size].copy(),
        snapshot.end[0, 0, :size].copy(),
        snapshot.nr_accesses[0, 0, :size].copy(),
        snapshot.age[0, 0, :size].copy(),
    )
