"""The contract of `damosrl.machine.Machine`, clause by clause.

It holds for emulated machines, for a kernel behind files, and for a real one alike: nothing but the
protocol is used, and times are compared with a tolerance that the caller states.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from damosrl.errors import DamosrlError
from damosrl.machine import Machine, Plan, SchemeField, SchemeStats, Setting, Telemetry
from damosrl.testing.contract import require

MakeMachine = Callable[[], Machine]
OFF_BYTES = 1
"""A size quota that moves nothing; 0 would be no limit."""


@dataclass(frozen=True, slots=True)
class MachineCase:
    """A way to get machines, and what may be asked of them.

    Args:
        make: Starts fresh machines that run ``plan`` on a workload; equal calls, equal machines.
        plan: A plan whose schemes all have a size quota.
        promotion: Kdamond and scheme that moves hot memory up while some lies below.
        refused: A plan that must not go into force.
        quota_bytes: Size quota of every scheme while memory shall move.
        granule_bytes: Smallest piece that the machine moves.
        settle_s: Time after which promotion has moved something.
        step_s: Time of one step.
        time_tolerance_s: By how much a step may take longer or shorter.
        repeatable: Whether equal machines give equal telemetry; a real kernel does not.
    """

    make: MakeMachine
    plan: Plan
    promotion: tuple[int, int]
    refused: Plan
    quota_bytes: int = 64 << 20
    granule_bytes: int = 2 << 20
    settle_s: float = 6.0
    step_s: float = 1.0
    time_tolerance_s: float = 0.05
    repeatable: bool = True

    def with_quota(self, machines: int, quota_bytes: int) -> Plan:
        """Return the plan with one size quota for all schemes."""
        values = np.full(machines, quota_bytes, np.int64)
        settings = {
            Setting(kdamond, scheme, SchemeField.QUOTA_BYTES): values
            for kdamond, item in enumerate(self.plan.template.kdamonds)
            for scheme in range(len(item.contexts[0].schemes))
        }
        return replace(self.plan, settings={**self.plan.settings, **settings})

    def moving(self) -> tuple[Machine, Telemetry]:
        """Return fresh machines that have run the plan until memory has moved."""
        machine = self.make()
        machine.commit(self.with_quota(machine.num_machines, self.quota_bytes))
        return machine, machine.run(self.settle_s)


def check_machine(case: MachineCase) -> None:
    """Hold a machine to its contract.

    Raises:
        ContractError: A clause is broken; the message names it.
    """
    for clause in CLAUSES:
        clause(case)


def shapes_and_types_are_declared(case: MachineCase) -> None:
    """Every array has the shape by N, K, R, S, T and the type that `Telemetry` states."""
    machine, now = case.moving()
    n, kdamonds = machine.num_machines, len(case.plan.template.kdamonds)
    nodes, regions = now.node_total_bytes.shape[-1], now.snapshot.start.shape[-1]
    schemes = now.stats.nr_tried.shape[-1]
    most = max(len(item.contexts[0].schemes) for item in case.plan.template.kdamonds)
    require(schemes >= most, f"stats have a column for each of {most} schemes, got {schemes}")
    for name in _PER_MACHINE:
        _require_array(name, getattr(now, name), (n,), np.float64)
    for name in ("node_total_bytes", "node_free_bytes"):
        _require_array(name, getattr(now, name), (n, nodes), np.float64)
    for name in ("samples_per_aggregation", "aggregation_us"):
        _require_array(name, getattr(now, name), (n, kdamonds), np.int64)
    _require_array("nr_regions", now.snapshot.nr_regions, (n, kdamonds), np.int64)
    for name, kind in _SNAPSHOT_TYPES.items():
        _require_array(name, getattr(now.snapshot, name), (n, kdamonds, regions), kind)
    for name in SchemeStats._fields:
        _require_array(name, getattr(now.stats, name), (n, kdamonds, schemes), np.int64)
    for name in now.kdamonds._fields:
        _require_array(name, getattr(now.kdamonds, name), (n, kdamonds), np.int64)
    for name, shape in _PRESSURE_SHAPES.items():
        _require_array(name, getattr(now.pressure, name), (n, *shape), np.float64)


def values_are_in_range(case: MachineCase) -> None:
    """Free memory is at most the total, shares lie in 0..1, counters are not negative."""
    _, now = case.moving()
    for name in ("some_avg", "full_avg"):
        share = getattr(now.pressure, name)
        require(_within(share, 0.0, 1.0), f"{name} is a share of 0..1, got {share}")
    require(_within(now.node_free_bytes, 0.0, now.node_total_bytes), "0 <= free <= total bytes")
    require(bool((now.node_total_bytes > 0).all()), "every node has memory")
    require(bool((now.aggregation_us > 0).all()), "an aggregation interval lasts some time")
    require(bool((now.samples_per_aggregation > 0).all()), "an aggregation has a sample")
    require(bool((now.kdamonds.pid > 0).all()), "a running kdamond has a process id")
    for name in _COUNTERS:
        require(_within(_counter(now, name), 0.0, np.inf), f"{name} is not negative")
    known = now.latency_ns[~np.isnan(now.latency_ns)]
    require(bool((known > 0).all()), f"latency_ns is positive or NaN, got {known}")


def time_passes_as_asked(case: MachineCase) -> None:
    """Machine time grows by what was asked for, within the tolerance."""
    machine, before = case.moving()
    for seconds in (case.step_s, 2.0 * case.step_s):
        after = machine.run(seconds)
        passed_s = after.time_s - before.time_s
        near = np.abs(passed_s - seconds) <= case.time_tolerance_s
        require(bool(near.all()), f"run({seconds}) takes that long, took {passed_s}")
        before = after


def counters_never_fall(case: MachineCase) -> None:
    """What is counted over a life-time grows from step to step, across commits too."""
    machine, before = case.moving()
    for quota_bytes in (case.quota_bytes, 2 * case.quota_bytes, OFF_BYTES):
        machine.commit(case.with_quota(machine.num_machines, quota_bytes))
        after = machine.run(case.step_s)
        for name in _COUNTERS:
            grew = _within(_counter(after, name), _counter(before, name), np.inf)
            require(grew, f"{name} does not fall")
        before = after


def snapshots_are_ordered(case: MachineCase) -> None:
    """Regions are sorted and disjoint within their target, and inside the nodes' memory."""
    machine, now = case.moving()
    shot, most = now.snapshot, now.samples_per_aggregation
    require(bool((shot.nr_regions > 0).all()), "every kdamond has regions")
    for place in np.ndindex(machine.num_machines, shot.nr_regions.shape[1]):
        used = slice(int(shot.nr_regions[place]))
        start, end = shot.start[place][used], shot.end[place][used]
        target = shot.target[place][used]
        require(bool((start < end).all()), f"a region of {place} is not empty")
        same = target[1:] == target[:-1]
        require(bool((end[:-1] <= start[1:])[same].all()), f"regions of {place} are sorted")
        require(bool((target[1:] >= target[:-1]).all()), f"regions of {place} go by target")
        counts = shot.nr_accesses[place][used]
        require(bool((counts <= most[place]).all()), f"nr_accesses of {place} fits the samples")
        size = int((end - start).sum())
        total = int(now.node_total_bytes[place[0]].sum())
        require(size <= total, f"regions of {place} are inside memory: {size} <= {total} bytes")


def promotion_moves_hot_memory(case: MachineCase) -> None:
    """With a quota, hot memory below moves up; it is booked by the scheme and by the machine."""
    _, now = case.moving()
    moved = now.stats.sz_applied[:, *case.promotion]
    require(bool((moved > 0).all()), f"promotion applies to something, got {moved} bytes")
    require(bool((now.migrated_up_bytes > 0).all()), "what is promoted shows in migrated_up_bytes")


def one_byte_moves_nothing(case: MachineCase) -> None:
    """After a quota of one byte, no more memory moves."""
    machine, _ = case.moving()
    machine.commit(case.with_quota(machine.num_machines, OFF_BYTES))
    machine.run(case.step_s)  # a window that had begun may end
    before = machine.run(case.step_s)
    after = machine.run(2.0 * case.step_s)
    for name in ("migrated_up_bytes", "migrated_down_bytes"):
        moved = getattr(after, name) - getattr(before, name)
        require(bool((moved == 0).all()), f"{name} stands still at one byte, moved {moved}")
    effective = after.stats.effective_bytes[:, *case.promotion]
    require(bool((effective == OFF_BYTES).all()), f"effective_bytes is one byte, got {effective}")


def statistics_agree(case: MachineCase) -> None:
    """Applied is at most tried up to a granule per region; effective quotas keep to the size."""
    _, now = case.moving()
    stats = now.stats
    require(bool((stats.nr_applied <= stats.nr_tried).all()), "nr_applied <= nr_tried")
    most = stats.sz_tried + case.granule_bytes * stats.nr_applied
    require(bool((stats.sz_applied <= most).all()), "sz_applied <= sz_tried, up to a granule each")
    effective = stats.effective_bytes
    require(_within(effective, 0, case.quota_bytes), f"effective_bytes <= quota, got {effective}")


def refusals_change_nothing(case: MachineCase) -> None:
    """A refused plan raises a `DamosrlError`, and what ran before still does."""
    machine, _ = case.moving()
    machine.commit(case.with_quota(machine.num_machines, OFF_BYTES))
    before = machine.run(2.0 * case.step_s)
    try:
        machine.commit(case.refused)
    except DamosrlError:
        pass
    else:
        require(holds=False, what="a plan that cannot be is refused by a DamosrlError")
    after = machine.run(2.0 * case.step_s)
    same = np.array_equal(after.migrated_up_bytes, before.migrated_up_bytes)
    require(same, "after a refused plan the one before is in force: nothing moves")
    require(bool((after.kdamonds.pid == before.kdamonds.pid).all()), "kdamonds run on")
    machine.commit(case.with_quota(machine.num_machines, case.quota_bytes))
    moved = machine.run(case.settle_s).stats.sz_tried - after.stats.sz_tried
    require(bool((moved.max(axis=(1, 2)) > 0).all()), "a later plan goes into force")


def telemetry_belongs_to_the_caller(case: MachineCase) -> None:
    """What was returned does not change when the machine runs on."""
    machine, now = case.moving()
    kept = _flat(now)
    machine.run(case.step_s)
    require(_equal(kept, _flat(now)), "telemetry is a copy")


def equal_machines_run_alike(case: MachineCase) -> None:
    """Two machines made and used alike give the same telemetry, where that can be."""
    if case.repeatable:
        first, second = _flat(case.moving()[1]), _flat(case.moving()[1])
        require(_equal(first, second), "equal machines give equal telemetry")


CLAUSES = (
    shapes_and_types_are_declared,
    values_are_in_range,
    time_passes_as_asked,
    counters_never_fall,
    snapshots_are_ordered,
    promotion_moves_hot_memory,
    one_byte_moves_nothing,
    statistics_agree,
    refusals_change_nothing,
    telemetry_belongs_to_the_caller,
    equal_machines_run_alike,
)
"""Every clause is a check of its own: parametrise a test over them for one result each."""

_COUNTERS = (
    "time_s",
    "migrated_up_bytes",
    "migrated_down_bytes",
    "returned_bytes",
    "kdamond_cpu_us",
    "pressure.some_total_us",
    "pressure.full_total_us",
    "stats.nr_tried",
    "stats.sz_tried",
    "stats.nr_applied",
    "stats.sz_applied",
    "stats.qt_exceeds",
)
_PER_MACHINE = (
    "time_s",
    "migrated_up_bytes",
    "migrated_down_bytes",
    "returned_bytes",
    "kdamond_cpu_us",
    "latency_ns",
)
_SNAPSHOT_TYPES: dict[str, type[np.generic]] = {
    "start": np.uint64,
    "end": np.uint64,
    "nr_accesses": np.uint32,
    "age": np.uint32,
    "target": np.int64,
}
_PRESSURE_SHAPES: dict[str, tuple[int, ...]] = {
    "some_total_us": (),
    "full_total_us": (),
    "some_avg": (3,),
    "full_avg": (3,),
}


def _counter(telemetry: Telemetry, name: str) -> NDArray[np.float64]:
    """Return a life-time counter; NaN, which says that it is not known, counts as nothing."""
    value: object = telemetry
    for part in name.split("."):
        value = getattr(value, part)
    return np.nan_to_num(np.asarray(value, np.float64))


def _require_array(
    name: str, array: NDArray[np.generic], shape: tuple[int, ...], kind: type[np.generic]
) -> None:
    require(array.shape == shape, f"{name} has shape {shape}, got {array.shape}")
    require(array.dtype == kind, f"{name} is {np.dtype(kind)}, got {array.dtype}")


def _within(values: ArrayLike, low: ArrayLike, high: ArrayLike) -> bool:
    numbers = np.asarray(values)
    return bool(((numbers >= low) & (numbers <= high)).all())


def _flat(telemetry: Telemetry) -> list[NDArray[np.generic]]:
    """Return copies of all arrays."""
    found: list[NDArray[np.generic]] = []
    for item in fields(telemetry):
        value = getattr(telemetry, item.name)
        parts = value if isinstance(value, tuple) else (value,)
        found += [part.copy() for part in parts if isinstance(part, np.ndarray)]
    return found


def _equal(first: list[NDArray[np.generic]], second: list[NDArray[np.generic]]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)
