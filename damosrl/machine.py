"""The world behind an environment: memory, a monitor, time. Emulated or a real kernel.

Everything carries a leading machine axis ``N``, so that one task's code serves a batch of
emulated machines and a single real one (N = 1) alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Document, GoalTuner, Ops, Range
from damosrl.damon.scheme import Scheme

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


class QuotaLoop(StrEnum):
    """Which loop sets the schemes' effective quotas under the size quota.

    ``DIRECT``: the tuner's quota itself; demotion stops at the free target.
    ``CONSIST``, ``TEMPORAL``: the kernel's goal tuners of that name.
    ``OFF``: nothing is migrated.
    """

    DIRECT = "direct"
    CONSIST = "consist"
    TEMPORAL = "temporal"
    OFF = "off"


class SchemeField(StrEnum):
    """The numbers of a scheme that change from step to step."""

    QUOTA_BYTES = "quota_bytes"
    MIN_NR_ACCESSES = "min_nr_accesses"
    MAX_NR_ACCESSES = "max_nr_accesses"
    MIN_AGE = "min_age"
    MAX_AGE = "max_age"
    GOAL_TARGET = "goal_target"
    """Target value of the first goal, in the goal's unit."""
    GOAL_TUNER = "goal_tuner"
    """0: the goals are left out; 1: consist; 2: temporal."""


GOAL_TUNER_CODES: tuple[GoalTuner | None, ...] = (None, GoalTuner.CONSIST, GoalTuner.TEMPORAL)


class Setting(NamedTuple):
    """The address of one changing number: kdamond index, scheme index, field."""

    kdamond: int
    scheme: int
    field: SchemeField


@dataclass(frozen=True)
class Plan:
    """What to commit: one document's structure, and the numbers that differ per machine.

    A batch of emulated machines writes ``settings`` straight into its arrays; a real kernel
    takes ``document(0)``. Both mean the same, which is tested.

    Args:
        template: The kdamonds document, valid as it stands.
        settings: Arrays ``(N,)`` int64 by address.
    """

    template: Document
    settings: Mapping[Setting, IntArray]

    def document(self, machine: int) -> Document:
        """Build the whole document of one machine."""
        kdamonds = list(self.template.kdamonds)
        for setting, values in self.settings.items():
            kdamond = kdamonds[setting.kdamond]
            context = kdamond.contexts[0]
            schemes = list(context.schemes)
            schemes[setting.scheme] = with_field(
                schemes[setting.scheme], setting.field, int(values[machine])
            )
            context = replace(context, schemes=tuple(schemes))
            kdamonds[setting.kdamond] = replace(kdamond, contexts=(context,))
        return Document(kdamonds=tuple(kdamonds))


def with_field(scheme: Scheme, field: SchemeField, value: int) -> Scheme:
    """Return the scheme with one changing number replaced."""
    pattern, quota = scheme.access_pattern, scheme.quota
    accesses, age = pattern.nr_accesses, pattern.age
    match field:
        case SchemeField.QUOTA_BYTES:
            return replace(scheme, quota=replace(quota, sz_bytes=value))
        case SchemeField.MIN_NR_ACCESSES:
            pattern = replace(pattern, nr_accesses=Range(value, accesses.max))
        case SchemeField.MAX_NR_ACCESSES:
            pattern = replace(pattern, nr_accesses=Range(accesses.min, value))
        case SchemeField.MIN_AGE:
            pattern = replace(pattern, age=Range(value, age.max))
        case SchemeField.MAX_AGE:
            pattern = replace(pattern, age=Range(age.min, value))
        case SchemeField.GOAL_TARGET:
            goals = tuple(replace(goal, target_value=value) for goal in quota.goals[:1])
            return replace(scheme, quota=replace(quota, goals=goals + quota.goals[1:]))
        case SchemeField.GOAL_TUNER:
            tuner = GOAL_TUNER_CODES[value]
            if tuner is None:
                return replace(scheme, quota=replace(quota, goals=()))
            return replace(scheme, quota=replace(quota, goal_tuner=tuner))
    return replace(scheme, access_pattern=pattern)


class Snapshot(NamedTuple):
    """What the monitors see now; arrays ``(N, K, R)`` for K kdamonds, padded to R regions."""

    nr_regions: IntArray
    """Regions in use, ``(N, K)``."""
    start: NDArray[np.uint64]
    """First byte address."""
    end: NDArray[np.uint64]
    """One past the last byte address."""
    nr_accesses: NDArray[np.uint32]
    """Pseudo moving sum, samples."""
    age: NDArray[np.uint32]
    """Aggregation intervals."""
    target: IntArray
    """Index of the monitoring target, in the order of the kdamond's targets."""


OPS_NAMES = tuple(Ops)
"""Operation sets by the codes of `Kdamonds.ops`."""


class Kdamonds(NamedTuple):
    """Monitoring threads and what they watch; arrays ``(N, K)``."""

    pid: IntArray
    """Process id of the thread; -1 when it has ended, as sysfs gives it."""
    ops: IntArray
    """Operation set, a place in `OPS_NAMES`."""


class SchemeStats(NamedTuple):
    """Life-time counters of every scheme; arrays ``(N, K, S)`` int64, as sysfs gives them."""

    nr_tried: IntArray
    sz_tried: IntArray
    nr_applied: IntArray
    sz_applied: IntArray
    qt_exceeds: IntArray
    effective_bytes: IntArray
    sz_ops_filter_passed: IntArray


class Pressure(NamedTuple):
    """PSI of memory, as in /proc/pressure/memory; arrays ``(N,)``."""

    some_total_us: FloatArray
    full_total_us: FloatArray
    some_avg: FloatArray
    """``(N, 3)``: share of the last 10, 60 and 300 s, 0..1."""
    full_avg: FloatArray


class SwapUse(NamedTuple):
    """Swap space of N machines, ``(N,)`` each; NaN where the machine does not tell.

    A kernel gives it in /proc/meminfo, in zram's ``mm_stat`` and in /proc/vmstat.
    """

    total_bytes: FloatArray
    """Room for pages, by their size in memory."""
    used_bytes: FloatArray
    """Pages swapped out, by their size in memory."""
    pool_bytes: FloatArray
    """Memory that their compressed copies take; 0 on a disk."""
    in_bytes: FloatArray
    """Life-time bytes that faults brought back."""
    out_bytes: FloatArray
    """Life-time bytes swapped out, whoever did it."""
    refaulted_bytes: FloatArray
    """Life-time bytes that came back soon after they had gone out. A kernel counts what comes back
    before it has forgotten that it went (``workingset_refault``), an emulated machine what goes one
    way within the ping-pong window after the other."""


class Shortage(NamedTuple):
    """Memory that was asked for and is not there, of N machines, ``(N,)`` each."""

    failed_bytes: FloatArray
    """What programs asked for and did not get, since the start."""
    overcommitted_bytes: FloatArray
    """What guests hold now beyond the memory of their host."""


class MemcgUse(NamedTuple):
    """Memory of some control groups, as ``memory.numa_stat`` gives it; their children not included.

    A group that does not exist has no memory.
    """

    paths: tuple[str, ...]
    """Which groups, G of them."""
    used_bytes: FloatArray
    """``(N, G, T)``."""


class MemcgTruth(NamedTuple):
    """What only the emulator knows of the tenants in some control groups; arrays ``(N, G)``.

    NaN where no tenant has the group.
    """

    paths: tuple[str, ...]
    """Which groups, G of them."""
    slowdown: FloatArray
    """Time per access over that of the tenant alone on the machine, all its memory in node 0."""
    mean_latency_ns: FloatArray
    """Mean over all its accesses."""
    fast_share: FloatArray
    """Share of its accesses served by node 0."""


class Source(StrEnum):
    """Where a part of the telemetry comes from, as far as a machine may lack it."""

    NODES = "nodes"
    """Total and free memory of the nodes."""
    SNAPSHOT = "snapshot"
    """Regions of the kdamonds."""
    PRESSURE = "pressure"
    """Memory PSI."""
    RETURNED = "returned"
    """Bytes that went back where they had come from; no kernel counts them."""
    KDAMOND_CPU = "kdamond_cpu"
    """CPU time of the kdamonds."""
    LATENCY = "latency"
    """The latency probe."""
    SWAP = "swap"
    """Size and use of the swap space."""
    SWAP_POOL = "swap_pool"
    """Memory that swapped pages take."""
    SWAPPING = "swapping"
    """Bytes swapped in and out."""
    REFAULTS = "refaults"
    """Bytes that came back soon after they had been swapped out."""
    MEMCGS = "memcgs"
    """Memory of control groups, where some are asked for."""


TOLD_BY: Mapping[Source, str] = {
    Source.NODES: "node_total_bytes",
    Source.SNAPSHOT: "snapshot",
    Source.PRESSURE: "pressure",
    Source.RETURNED: "returned_bytes",
    Source.KDAMOND_CPU: "kdamond_cpu_us",
    Source.LATENCY: "latency_ns",
    Source.SWAP: "swap",
    Source.SWAP_POOL: "swap",
    Source.SWAPPING: "swap",
    Source.REFAULTS: "swap",
    Source.MEMCGS: "memcgs",
}
"""Field of the telemetry that a source fills (the nodes' also ``node_free_bytes``)."""


@dataclass(frozen=True)
class Telemetry:
    """All that a real kernel can tell, for N machines with K kdamonds and T memory nodes.

    Args:
        time_s: Machine time, ``(N,)``.
        node_total_bytes: ``(N, T)``; node 0 is the fastest.
        node_free_bytes: ``(N, T)``.
        snapshot: Regions of every kdamond.
        kdamonds: Whether each kdamond runs, and what it watches.
        samples_per_aggregation: ``(N, K)``, the largest possible nr_accesses.
        aggregation_us: ``(N, K)``.
        stats: Counters of every scheme.
        pressure: Memory PSI.
        migrated_up_bytes: Life-time bytes moved to a faster node, ``(N,)``.
        migrated_down_bytes: Life-time bytes moved to a slower node, ``(N,)``.
        returned_bytes: Life-time bytes promoted that had been demoted (or the other way)
            within the ping-pong window, ``(N,)``; refault-like counter of vmstat.
        kdamond_cpu_us: Life-time CPU time of the kdamonds, ``(N,)``.
        latency_ns: Mean access latency by a probe in the last interval, NaN without one, ``(N,)``.
        swap: Swap space; None where the machine does not tell.
        shortage: Memory that is lacking; None where the machine does not tell.
        memcgs: Memory of the control groups that the machine was asked for; None without any.
        missing: Sources that these machines do not have: their arrays hold NaN, or for the
            snapshot no regions.
    """

    time_s: FloatArray
    node_total_bytes: FloatArray
    node_free_bytes: FloatArray
    snapshot: Snapshot
    kdamonds: Kdamonds
    samples_per_aggregation: IntArray
    aggregation_us: IntArray
    stats: SchemeStats
    pressure: Pressure
    migrated_up_bytes: FloatArray
    migrated_down_bytes: FloatArray
    returned_bytes: FloatArray
    kdamond_cpu_us: FloatArray
    latency_ns: FloatArray
    swap: SwapUse | None = None
    shortage: Shortage | None = None
    memcgs: MemcgUse | None = None
    missing: tuple[Source, ...] = ()

    @classmethod
    def bare(cls, time_s: FloatArray, **told: Any) -> Self:
        """Return the telemetry of a world without DAMON: what is not told is missing.

        Args:
            time_s: Machine time, ``(N,)``.
            **told: Further fields by name, those of a subclass too.

        Example:
            >>> told = Telemetry.bare(np.zeros(2), migrated_up_bytes=np.ones(2))
            >>> told.pressure.some_avg.shape, Source.PRESSURE in told.missing
            ((2, 3), True)
        """
        size = len(time_s)
        none, regions = np.zeros((size, 0), np.int64), np.zeros((size, 0, 0), np.int64)
        unknown, averages = np.full(size, np.nan), np.full((size, 3), np.nan)
        addresses, counts = regions.astype(np.uint64), regions.astype(np.uint32)
        fields: dict[str, Any] = {
            "node_total_bytes": np.zeros((size, 0)),
            "node_free_bytes": np.zeros((size, 0)),
            "snapshot": Snapshot(none, addresses, addresses, counts, counts, regions),
            "kdamonds": Kdamonds(none, none),
            "samples_per_aggregation": none,
            "aggregation_us": none,
            "stats": SchemeStats(*[regions] * len(SchemeStats._fields)),
            "pressure": Pressure(unknown, unknown, averages, averages),
            "migrated_up_bytes": np.zeros(size),
            "migrated_down_bytes": np.zeros(size),
            "returned_bytes": unknown,
            "kdamond_cpu_us": unknown,
            "latency_ns": unknown,
            "missing": tuple(source for source, name in TOLD_BY.items() if name not in told),
        }
        return cls(time_s=time_s, **{**fields, **told})


@dataclass(frozen=True)
class GroundTruth:
    """What only the emulator knows, over the last ``run``; arrays ``(N,)`` float64.

    Args:
        slowdown: Time per access over that of all-fast memory, >= 1 up to rounding. With several
            tenants the mean of theirs, weighted by accesses.
        throughput_per_s: Accesses served per second.
        mean_latency_ns: Mean over all accesses.
        p99_latency_ns: 99th percentile of the access latency.
        fast_share: Share of accesses served by node 0.
        memcgs: Tenants of the control groups that the machine was asked for; None without any.
    """

    slowdown: FloatArray
    throughput_per_s: FloatArray
    mean_latency_ns: FloatArray
    p99_latency_ns: FloatArray
    fast_share: FloatArray
    memcgs: MemcgTruth | None = None


class Machine(Protocol):
    """A world: commit a plan, let time pass, read telemetry.

    Example:
        >>> def idle_second(machine: Machine, plan: Plan) -> Telemetry:
        ...     machine.commit(plan)
        ...     return machine.run(1.0)
    """

    @property
    def num_machines(self) -> int:
        """Number of machines N behind this object."""

    def commit(self, plan: Plan) -> None:
        """Put a plan into force at the next sampling interval; nothing is half-applied."""

    def run(self, seconds: float) -> Telemetry:
        """Let time pass on all machines and report."""
