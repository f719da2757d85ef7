"""One real kernel behind the Machine protocol: the same plans, the same telemetry."""

import math
import os
import time
from collections.abc import Callable, Sequence

import numpy as np

from damosrl.damon import Action, Document
from damosrl.errors import KernelError
from damosrl.kernel.client import DamonClient
from damosrl.kernel.clock import Clock, Pace
from damosrl.kernel.host.memcgs import MemcgMemory
from damosrl.kernel.host.nodes import Node
from damosrl.kernel.host.telemetry import HostSample, HostTelemetry
from damosrl.kernel.placing import placed
from damosrl.kernel.traced import Pipe, TracedSnapshots, packed
from damosrl.machine import (
    OPS_NAMES,
    FloatArray,
    IntArray,
    Kdamonds,
    Plan,
    Pressure,
    SchemeStats,
    Snapshot,
    Source,
    SwapUse,
    Telemetry,
)

HOT, COLD = Action.MIGRATE_HOT, Action.MIGRATE_COLD
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
"""What ``/proc/vmstat`` counts in."""


class KernelMachine:
    """A kernel that runs in real time; N is 1.

    Bytes migrated are what the schemes say they applied, by the direction of each scheme: vmstat
    counts pages of all migrations, without direction. What else moves pages (NUMA balancing,
    reclaim) is not in them. Nobody counts bytes that went back, so `Source.RETURNED` is missing.

    Args:
        client: Changes kdamonds; from a `damosrl.kernel.session.Session`, which restores them.
        host: Reads the rest.
        nodes: Memory nodes, the fastest first; the document's nodes are places in here.
        pipe: Trace lines of ``damon_aggregated``; None: there are no snapshots. ``tried_regions``
            take up to an apply interval each and are no source for a control loop.
        latency_ns: Reads the latency probe; None without one.
        clock: Real or virtual time.
        memcgs: Reads the memory of control groups; None without any.

    Raises:
        KernelError: There is no memory node.

    Example:
        >>> def idle_second(machine: KernelMachine, plan: Plan) -> Telemetry:
        ...     machine.commit(plan)
        ...     return machine.run(1.0)
    """

    def __init__(
        self,
        client: DamonClient,
        host: HostTelemetry,
        nodes: Sequence[Node],
        pipe: Pipe | None = None,
        latency_ns: Callable[[], float] | None = None,
        clock: Clock = time,
        memcgs: MemcgMemory | None = None,
    ) -> None:
        if not nodes:
            raise KernelError("this machine has no memory node", allowed="one at least")
        self.nodes = tuple(nodes)
        self._client = client
        self._host = host
        self._pipe = pipe
        self._latency_ns = latency_ns
        self._pace = Pace(clock)
        self._memcgs = memcgs if memcgs is not None and memcgs.paths else None
        self._document = Document(())
        self._traced: TracedSnapshots | None = None
        self._host_sample: HostSample | None = None

    @property
    def num_machines(self) -> int:
        """One."""
        return 1

    @property
    def overruns(self) -> int:
        """Steps that ended late."""
        return self._pace.overruns

    @property
    def elapsed_s(self) -> float:
        """Machine time now, as in the telemetry."""
        return self._pace.elapsed_s

    @property
    def document(self) -> Document:
        """What is in force, with addresses and node ids of this machine."""
        return self._document

    @property
    def host_sample(self) -> HostSample | None:
        """What the host told at the last look, its counters and swap too; None before the first."""
        return self._host_sample

    def placed(self, document: Document) -> Document:
        """Return a document with the addresses and node ids of this machine."""
        return placed(document, self.nodes)

    def begin(self, document: Document) -> None:
        """Start anew: kdamonds of ours are ended, and these started; time goes on.

        Raises:
            KernelError: The kernel refused; then nothing of ours runs.
        """
        self._client.stop()
        document = self.placed(document)
        self._client.start(document)
        self._document = document
        self._follow()
        self._pace.restart()

    def adopt(self, document: Document) -> bool:
        """Go on with kdamonds of ours that run already, under a document of the same structure.

        Returns:
            Whether all of them run and took the document; where not, `begin` starts anew.
        """
        document = self.placed(document)
        if len(self._client.running()) != len(document.kdamonds):
            return False
        try:
            self._client.commit(document)
        except KernelError:
            return False
        self._document = document
        self._follow()
        self._pace.restart()
        return True

    def commit(self, plan: Plan) -> None:
        """Put a plan into force; what does not change it is not written.

        Raises:
            KernelError: The kernel refused or did not answer in time; the old one stays in force.
        """
        document = self.placed(plan.document(0))
        if document != self._document:
            self._client.commit(document)
            self._document = document

    def run(self, seconds: float) -> Telemetry:
        """Let time pass up to the end of the step, and look.

        Raises:
            KernelError: The tree has vanished, or a kdamond has ended.
        """
        self.wait(seconds)
        return self.telemetry()

    def wait(self, seconds: float) -> None:
        """Let time pass up to the end of the step."""
        self._pace.wait(seconds)

    def telemetry(self) -> Telemetry:
        """Look now.

        Raises:
            KernelError: The tree has vanished, or a kdamond has ended.
        """
        count = len(self._document.kdamonds)
        for kdamond in range(count):
            self._client.update_stats(kdamond)
        pids = [self._client.kdamond_pid(kdamond) for kdamond in range(count)]
        sample = self._host.sample([pid for pid in pids if pid is not None])
        self._host_sample = sample
        snapshot, has_snapshot = self._snapshot(pids)
        latency_ns = math.nan if self._latency_ns is None else self._latency_ns()
        swap = _swap(sample)
        memcgs = None if self._memcgs is None else self._memcgs.read()
        absent = {
            Source.NODES: sample.nodes is None,
            Source.SNAPSHOT: not has_snapshot,
            Source.PRESSURE: sample.pressure is None,
            Source.RETURNED: True,
            Source.KDAMOND_CPU: math.isnan(sample.kdamond_cpu_us),
            Source.LATENCY: math.isnan(latency_ns),
            Source.SWAP: sample.swap is None,
            Source.SWAP_POOL: bool(np.isnan(swap.pool_bytes[0])),
            Source.SWAPPING: bool(np.isnan(swap.in_bytes[0] + swap.out_bytes[0])),
            Source.REFAULTS: bool(np.isnan(swap.refaulted_bytes[0])),
            Source.MEMCGS: memcgs is not None and bool(np.isnan(memcgs.used_bytes).any()),
        }
        stats = self._stats()
        up, down = self._migrated(stats)
        samples, aggregation_us = self._intervals()
        totals, free = self._memory(sample)
        return Telemetry(
            time_s=np.array([self._pace.elapsed_s]),
            node_total_bytes=totals,
            node_free_bytes=free,
            snapshot=snapshot,
            kdamonds=self._kdamonds(pids),
            samples_per_aggregation=samples,
            aggregation_us=aggregation_us,
            stats=stats,
            pressure=_pressure(sample),
            migrated_up_bytes=np.array([float(up)]),
            migrated_down_bytes=np.array([float(down)]),
            returned_bytes=np.array([math.nan]),
            kdamond_cpu_us=np.array([sample.kdamond_cpu_us]),
            latency_ns=np.array([latency_ns]),
            swap=swap,
            memcgs=memcgs,
            missing=tuple(source for source, is_absent in absent.items() if is_absent),
        )

    def _follow(self) -> None:
        """Read trace lines of the kdamonds that run now."""
        if self._pipe is not None:
            pids = [self._client.kdamond_pid(k) for k in range(len(self._document.kdamonds))]
            self._traced = TracedSnapshots(self._pipe, self._document, pids)

    def _snapshot(self, pids: Sequence[int | None]) -> tuple[Snapshot, bool]:
        if self._traced is None:
            return packed([{} for _ in pids]), False
        if self._traced.pids != tuple(pids):
            self._follow()
        return self._traced.read(), self._traced.fresh

    def _stats(self) -> SchemeStats:
        schemes = [kdamond.contexts[0].schemes for kdamond in self._document.kdamonds]
        shape = (1, len(schemes), max(map(len, schemes), default=0))
        stats = SchemeStats(*(np.zeros(shape, np.int64) for _ in SchemeStats._fields))
        for kdamond, item in enumerate(self._document.kdamonds):
            unit = item.contexts[0].addr_unit
            quotas = self._client.effective_bytes(kdamond)
            for scheme, (found, esz) in enumerate(
                zip(self._client.stats(kdamond), quotas, strict=True)
            ):
                place = (0, kdamond, scheme)
                stats.nr_tried[place], stats.nr_applied[place] = found.nr_tried, found.nr_applied
                stats.sz_tried[place] = found.sz_tried * unit
                stats.sz_applied[place] = found.sz_applied * unit
                stats.qt_exceeds[place] = found.qt_exceeds
                stats.sz_ops_filter_passed[place] = found.sz_ops_filter_passed * unit
                stats.effective_bytes[place] = min(esz * unit, np.iinfo(np.int64).max)
        return stats

    def _migrated(self, stats: SchemeStats) -> tuple[int, int]:
        """Sum up what schemes have moved to a faster node, and to a slower one."""
        up = down = 0
        for kdamond, item in enumerate(self._document.kdamonds):
            for scheme, told in enumerate(item.contexts[0].schemes):
                moved = int(stats.sz_applied[0, kdamond, scheme])
                up += moved if told.action is HOT else 0
                down += moved if told.action is COLD else 0
        return up, down

    def _intervals(self) -> tuple[IntArray, IntArray]:
        attrs = [kdamond.contexts[0].attrs for kdamond in self._document.kdamonds]
        samples = [item.samples_per_aggregation for item in attrs]
        aggregation_us = [item.intervals.aggr_us for item in attrs]
        return np.array([samples], np.int64), np.array([aggregation_us], np.int64)

    def _kdamonds(self, pids: Sequence[int | None]) -> Kdamonds:
        ops = [OPS_NAMES.index(item.contexts[0].ops) for item in self._document.kdamonds]
        running = [-1 if pid is None else pid for pid in pids]
        return Kdamonds(np.array([running], np.int64), np.array([ops], np.int64))

    def _memory(self, sample: HostSample) -> tuple[FloatArray, FloatArray]:
        if sample.nodes is None:
            unknown = np.full((1, len(self.nodes)), math.nan)
            return unknown, unknown.copy()
        total = [float(node.total_bytes) for node in sample.nodes]
        free = [float(node.free_bytes) for node in sample.nodes]
        return np.array([total]), np.array([free])


def _pressure(sample: HostSample) -> Pressure:
    if sample.pressure is None:
        return Pressure(*np.full((2, 1), math.nan), *np.full((2, 1, 3), math.nan))
    some, full = sample.pressure
    return Pressure(
        some_total_us=np.array([float(some.total_us)]),
        full_total_us=np.array([float(full.total_us)]),
        some_avg=np.array([some.average]),
        full_avg=np.array([full.average]),
    )


def _swap(sample: HostSample) -> SwapUse:
    """Return the swap space; what the host does not tell is NaN."""
    found = sample.swap
    pool = None if found is None else found.pool_bytes
    told = (
        math.nan if found is None else found.total_bytes,
        math.nan if found is None else found.used_bytes,
        math.nan if pool is None else pool,
        _counted(sample, "pswpin"),
        _counted(sample, "pswpout"),
        _counted(sample, "workingset_refault_anon", "workingset_refault_file"),
    )
    return SwapUse(*(np.array([float(value)]) for value in told))


def _counted(sample: HostSample, *names: str) -> float:
    """Add up counters of pages, in bytes; NaN where the kernel lacks one."""
    return sum((sample.counters.get(name, math.nan) for name in names), 0.0) * PAGE_BYTES
