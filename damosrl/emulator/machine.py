"""A batch of emulated machines: the engine's monitors on emulated memory, advanced together."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Context, Document
from damosrl.damon.documents import read_document
from damosrl.emulator.assignment import assign
from damosrl.emulator.compression import write_compression
from damosrl.emulator.describe import describe_machine
from damosrl.emulator.heat import monitor_heat, physical_heat, virtual_heat
from damosrl.emulator.kswapd import write_watermarks
from damosrl.emulator.limits import WorkLimits
from damosrl.emulator.loading import check_status, load_context
from damosrl.emulator.memcg_report import read_memcg_truth, read_memcgs
from damosrl.emulator.memory_state import NONE, SLOT, MemoryWorld, allocate_world, grow_world
from damosrl.emulator.online import RunningDocuments, with_whole_node
from damosrl.emulator.oracle import rebalance
from damosrl.emulator.page_classes import write_page_classes
from damosrl.emulator.placement import coldest_last, lay_out, start_fill, start_order
from damosrl.emulator.presets import MachineConfig, capacities, one_per_machine
from damosrl.emulator.processes import (
    mapped_only,
    memory_borders,
    processes_of,
    with_borders,
    write_processes,
)
from damosrl.emulator.rate_store import RateStore
from damosrl.emulator.reclaim_oracle import page_out
from damosrl.emulator.releases import is_legacy
from damosrl.emulator.report import read_telemetry, read_truth
from damosrl.emulator.staging import with_tuned_intervals
from damosrl.emulator.state import EXACT, FAST
from damosrl.emulator.swap_oracle import fetch
from damosrl.emulator.template import engine_for, template_contexts
from damosrl.emulator.tenant_loading import write_applications
from damosrl.emulator.tenant_oracle import share_out
from damosrl.emulator.tick import begin, run_machines
from damosrl.emulator.tried import TriedRegions, read_tried, request_tried
from damosrl.emulator.watching import (
    default_ranges,
    is_virtual,
    node_of,
    node_ranges,
    refuse_unknown_pids,
    watches_ranges,
    with_ranges,
    with_start_regions,
)
from damosrl.emulator.workload.model import Workload
from damosrl.errors import DocumentError, EmulatorLimitError, MachineError
from damosrl.machine import GroundTruth, Plan, Telemetry

MONITORS = {"fast": FAST, "exact": EXACT}
FloatArray = NDArray[np.float64]


class EmulatedMachines:
    """N emulated machines behind the `damosrl.machine.Machine` protocol.

    Each is loaded with a workload of its own before it runs; loading begins a new episode at
    time 0. A batch gives bit for bit what its machines would give alone, whatever the threads.

    Args:
        configs: One machine for all, or one per machine; all with as many memory tiers. A name,
            path or mapping is looked up by `machine_config`.
        num_machines: Number of machines N.
        template: Kdamonds document. Where a kdamond of physical memory has no regions, it watches
            a whole node if there are as many such kdamonds as nodes (the first the fastest), else
            all memory. A vaddr target without regions means what its process maps; processes are
            the workload's.
        monitor: ``fast`` draws a region's count at once, ``exact`` samples as the kernel does.
        threads: Threads that share the machines.
        limits: Work after which a kdamond is given up; by default what `WorkLimits` says.
        memcgs: Paths of memory control groups that telemetry and truth tell of.

    Raises:
        MachineError: Machines, template or monitor do not fit together.

    Example:
        >>> machines = EmulatedMachines("dram_cxl", 1, template)  # doctest: +SKIP
        >>> machines.load(0, workload_source("zipf").draw(rng), seed=1)  # doctest: +SKIP
        >>> machines.run(1.0).node_free_bytes  # doctest: +SKIP
    """

    def __init__(
        self,
        configs: str | Mapping[str, Any] | MachineConfig | Sequence[MachineConfig],
        num_machines: int,
        template: Document,
        monitor: Literal["fast", "exact"] = "fast",
        threads: int = 1,
        limits: WorkLimits | None = None,
        memcgs: Sequence[str] = (),
    ) -> None:
        self._configs = one_per_machine(configs, num_machines)
        self._check(monitor, threads)
        self._contexts = template_contexts(template)
        self._kdamonds = len(self._contexts)
        legacy = np.array([is_legacy(config.kernel) for config in self._configs])
        self._documents = RunningDocuments(template, legacy)
        self._monitor = MONITORS[monitor]
        self._limits = limits
        self._memcgs = tuple(memcgs)
        self.engine = engine_for(self._contexts, num_machines, legacy=bool(legacy.any()))
        points = max(len(tier.curve_ns) for config in self._configs for tier in config.tiers)
        self._nodes = len(self._configs[0].memory_tiers)
        self.world: MemoryWorld = allocate_world(
            num_machines, self._nodes + 1, points, self._kdamonds
        )
        self._workloads: list[Workload | None] = [None] * num_machines
        self._virtual = any(map(is_virtual, self._contexts))
        for machine, config in enumerate(self._configs):
            describe_machine(self.world, machine, config)
        self._store = RateStore(num_machines)
        self._tick_s = np.array([config.tick_s for config in self._configs])
        self._until_us = np.zeros(num_machines * self._kdamonds, np.int64)
        self._loaded = np.zeros(num_machines, np.bool_)
        self._threads = min(threads, num_machines)
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 else None

    @property
    def num_machines(self) -> int:
        """Number of machines N."""
        return len(self._configs)

    def _check(self, monitor: str, threads: int) -> None:
        nodes = len(self._configs[0].memory_tiers)
        for config in self._configs:
            if len(config.memory_tiers) != nodes:
                raise MachineError(
                    f"machine {config.name} does not fit the others",
                    got=f"{len(config.memory_tiers)} memory tiers",
                    allowed=f"{nodes} as {self._configs[0].name} has",
                )
        if monitor not in MONITORS:
            raise MachineError("unknown monitor", got=monitor, allowed=", ".join(MONITORS))
        if threads < 1:
            raise MachineError("too few threads", got=threads, allowed=">= 1")

    def load(self, index: int, workload: Workload, seed: int) -> None:
        """Begin a new episode on one machine: memory laid out, monitors started, time 0.

        Args:
            index: Machine.
            workload: What runs on it.
            seed: Seed of everything random on this machine.

        Raises:
            MachineError: The machine cannot hold the workload.
            EmulatorLimitError: More extents are needed than the machine may have.
        """
        config = self._configs[index]
        frames = capacities(config, workload.access.footprint_bytes, workload.fast_share)
        processes = processes_of(workload)
        access = with_borders(workload.access, memory_borders(processes, config.granule_bytes))
        entry = self._store.place(index, access, config.granule_bytes)
        model = entry.model
        slots = min(int(frames.sum()) + len(frames), config.max_extents)
        self.world = grow_world(self.world, slots, len(model.piece_frames), self._store)
        write_page_classes(self.world, index, model, config.granule_bytes, workload.pages)
        write_compression(
            self.world, index, model, config.granule_bytes, workload.pages, config.swap_tier
        )
        seeds = np.random.SeedSequence(seed).spawn(self._kdamonds + 1)
        order = start_order(model, workload.start, np.random.default_rng(seeds[-1]))
        order = mapped_only(order, processes, model.piece_frames, config.granule_bytes)
        used = start_fill(frames, int(order[1].sum()), workload.start.fast_fill)
        if used[-1] > 0:
            order = coldest_last(*order, model.mean_rate_hz(), int(used[-1]))
        write_watermarks(self.world, index, frames[:-1], config.granule_bytes)
        lay_out(self.world, index, frames, used, *order)
        self._refuse_exhausted()
        world = self.world
        record = world.machines[index : index + 1]
        record["rates_at"], record["epochs_at"] = entry.rate_at, entry.epoch_at
        record["num_epochs"], record["num_pieces"] = model.rate_hz.shape
        record["period_s"] = model.period_s
        world = self.world = write_applications(world, index, workload, config)
        starts = np.concatenate([[0], np.cumsum(frames[:-1])]) * config.granule_bytes
        world.nodes["start_byte"][index] = starts
        record["has_processes"], record["next_change_s"] = 0, np.inf
        world.virtual.processes["pid"][index] = 0
        self._workloads[index] = workload
        if self._virtual or not all(process.is_static for process in processes):
            self._write_processes(index, workload)
            world = self.world
        begin(world, index, int(seeds[-1].generate_state(1, np.uint64)[0] >> 1))
        self._start_contexts(index, seeds)
        self._documents.restart(index)
        self._loaded[index] = True

    def _start_contexts(self, index: int, seeds: Sequence[np.random.SeedSequence]) -> None:
        config, nodes = self._configs[index], node_ranges(self.world, index)
        contexts = [with_whole_node(context) for context in self._contexts]
        defaults = default_ranges(contexts, nodes)
        for kdamond, context in enumerate(contexts):
            place = index * self._kdamonds + kdamond
            started = with_start_regions(
                self.world, index, context, defaults[kdamond], legacy=is_legacy(config.kernel)
            )
            self.world.watches["node"][place] = node_of(started, nodes)
            load_context(
                self.engine,
                place,
                started,
                int(seeds[kdamond].generate_state(1, np.uint64)[0]),
                monitor=self._monitor,
                overshoot=config.sleep_overshoot,
                kernel=config.kernel,
                limits=self._limits,
            )

    def commit(self, plan: Plan) -> None:
        """Put a plan into force on all machines.

        Where a machine runs the plan's document already, only numbers change; elsewhere the whole
        document is committed as the kernel does, at the next request slot of each kdamond
        (`damosrl.emulator.staging`). Documents may differ from the one that machines were started
        with in anything but the number of kdamonds; loading a machine goes back to that one.

        Raises:
            MachineError: The number of kdamonds differs, or the emulator does not know a feature.
            DocumentError: The kernel would refuse the document; nothing is changed.
        """
        contexts = [context for item in plan.template.kdamonds for context in item.contexts[:1]]
        if any(map(watches_ranges, contexts)):
            self._watch(contexts)
        self.engine = self._documents.commit(self.engine, plan)

    def _watch(self, contexts: Sequence[Context]) -> None:
        """Get ready for contexts that watch processes, or parts of physical memory."""
        if any(map(is_virtual, contexts)) and not self._virtual:
            self._virtual = True
            for index, workload in enumerate(self._workloads):
                if workload is not None and not self.world.machines["has_processes"][index]:
                    self._write_processes(index, workload)
        for index in np.flatnonzero(self._loaded).tolist():
            for context in contexts:
                refuse_unknown_pids(self.world, index, context)
        nodes = self.world.watches["node"].reshape(self.num_machines, -1)
        for kdamond, context in enumerate(contexts[: self._kdamonds]):
            if watches_ranges(context):
                for index in range(self.num_machines):
                    if node_of(context, node_ranges(self.world, index)) != nodes[index, kdamond]:
                        nodes[index, kdamond] = NONE

    def _write_processes(self, index: int, workload: Workload) -> None:
        model, granule = self._store.model(index), self._configs[index].granule_bytes
        self.world = write_processes(self.world, index, workload, model.piece_frames, granule)

    def commit_document(self, source: Path | str | Mapping[str, Any]) -> None:
        """Commit a kdamonds document, given as a path, text or mapping, on all machines.

        Raises:
            DocumentError: The document is invalid. Nothing is changed by it, but on machines of
                kernel 6.12 the kdamonds end: there an error in a commit leaves their main loop.
            MachineError: As `commit`.
        """
        try:
            document = read_document(source)
        except DocumentError:
            self._documents.end_legacy(self.engine)
            raise
        self.commit(Plan(document, {}))

    def request_tried_regions(self, index: int, kdamond: int, *, bytes_only: bool = False) -> None:
        """Ask one kdamond to write down the next complete pass of each of its schemes.

        Raises:
            MachineError: A request is pending (EBUSY), or the kdamond has stopped (ECANCELED).
        """
        context = index * self._kdamonds + kdamond
        self.engine = request_tried(self.engine, context, bytes_only=bytes_only)

    def tried_regions(self, index: int, kdamond: int) -> tuple[TriedRegions, ...]:
        """Return what the schemes of one kdamond handled since it was asked, scheme by scheme.

        It takes the longest apply interval until the answer is there. A ``stat`` scheme that
        matches all memory makes it a snapshot.

        Raises:
            MachineError: Not asked, not yet there (EBUSY), or cancelled (ECANCELED).
            EmulatorLimitError: More pieces than there is room for.
        """
        return read_tried(self.engine, index * self._kdamonds + kdamond)

    def tuned_document(self, index: int, document: Document) -> Document:
        """Return a document with the intervals that one machine's kdamonds run with now.

        It is the kernel's ``update_tuned_intervals``: committing a document that does not have them
        reverts what interval tuning has reached.
        """
        kdamonds = []
        for place, kdamond in enumerate(document.kdamonds):
            context = index * self._kdamonds + place
            tuned = with_tuned_intervals(self.engine, context, kdamond.contexts[0])
            kdamonds.append(replace(kdamond, contexts=(tuned,)))
        return Document(tuple(kdamonds))

    def with_addresses(self, index: int, document: Document) -> Document:
        """Return a document whose physical targets list what they watch on a loaded machine.

        Args:
            index: Machine.
            document: A document; what its kdamonds watch without regions is said at the class.
        """
        contexts = [with_whole_node(item.contexts[0]) for item in document.kdamonds]
        defaults = default_ranges(contexts, node_ranges(self.world, index))
        return Document(
            tuple(
                replace(kdamond, contexts=(with_ranges(context, default),))
                for kdamond, context, default in zip(
                    document.kdamonds, contexts, defaults, strict=True
                )
            )
        )

    def run(self, seconds: float) -> Telemetry:
        """Let time pass on all machines and report.

        Raises:
            MachineError: A machine has no workload yet.
            EmulatorLimitError: A machine ran out of regions or extents.
        """
        if not self._loaded.all():
            raise MachineError(
                f"machine {int(np.argmin(self._loaded))} has no workload", fix="call load first"
            )
        stopped = sum(self._in_threads(partial(self._run_chunk, seconds)))
        if stopped:
            check_status(self.engine)
            self._refuse_exhausted()
        return self.telemetry()

    def _in_threads(self, chunk: Callable[[int, int], int]) -> list[int]:
        """Let the threads share the machines: call ``chunk(first, last)`` in each."""
        if self._pool is None:
            return [chunk(0, self.num_machines)]
        borders = np.linspace(0, self.num_machines, self._threads + 1).astype(int).tolist()
        return list(self._pool.map(chunk, borders[:-1], borders[1:]))

    def _run_chunk(self, seconds: float, first: int, last: int) -> int:
        scratch = np.empty(self.world.slots.shape[1], SLOT)
        engine, world = self.engine, self.world
        return run_machines(
            engine, world, first, last, seconds, self._tick_s, self._until_us, scratch
        )

    def _refuse_exhausted(self) -> None:
        exhausted = np.flatnonzero(self.world.machines["exhausted"])
        if exhausted.size:
            config = self._configs[exhausted[0]]
            raise EmulatorLimitError(
                f"machine {exhausted[0]} needs more extents than it may have",
                got=f"over {config.max_extents}",
                allowed=f"max_extents={config.max_extents}",
                fix="raise max_extents, or choose a larger granule",
            )

    def telemetry(self) -> Telemetry:
        """Return what a kernel could tell now; arrays are copies."""
        told = read_telemetry(self.engine, self.world, self._configs, self._in_threads)
        paths = self._memcgs
        return replace(told, memcgs=read_memcgs(self.world, paths)) if paths else told

    def truth(self) -> GroundTruth:
        """Return what only the emulator knows about the last run."""
        truth = read_truth(self.world)
        paths = self._memcgs
        return replace(truth, memcgs=read_memcg_truth(self.world, paths)) if paths else truth

    def quota_feedback(self, index: int) -> NDArray[np.uint64]:
        """Return what the quota goal loops of one machine have learnt, ``(K, S)``.

        It is the kernel's ``esz_bp``: effective bytes in units of 1/10000.
        """
        rows = slice(index * self._kdamonds, (index + 1) * self._kdamonds)
        return self.engine.schemes["esz_bp"][rows].copy()

    def set_quota_feedback(self, index: int, feedback: NDArray[np.uint64]) -> None:
        """Start one machine's quota goal loops from what others have learnt, ``(K, S)``."""
        rows = slice(index * self._kdamonds, (index + 1) * self._kdamonds)
        self.engine.schemes["esz_bp"][rows] = feedback

    def rebalance(self, index: int, budget_bytes: float, horizon_s: float) -> float:
        """Move memory of one machine as an oracle would.

        First between memory and swap (`damosrl.emulator.swap_oracle`), then between the memory
        nodes (`damosrl.emulator.oracle`).

        Args:
            index: Machine.
            budget_bytes: Most bytes to move now.
            horizon_s: How far it looks ahead, as a decay time; a move has to pay within it.

        Returns:
            Bytes moved.
        """
        model = self._store.model(index)
        rate_hz = model.expected_rate_hz(float(self.world.machines["time_s"][index]), horizon_s)
        moved = fetch(self.world, index, rate_hz, budget_bytes, horizon_s)
        return moved + rebalance(self.world, index, rate_hz, budget_bytes - moved, horizon_s)

    def page_out(self, index: int, slowdown_price: float) -> float:
        """Page out what pays on one machine; see `damosrl.emulator.reclaim_oracle`.

        Args:
            index: Machine.
            slowdown_price: Cost of running twice as long, in units of all the memory in use.

        Returns:
            Bytes moved.
        """
        now_s = float(self.world.machines["time_s"][index])
        lengths_s, rate_hz = self._store.model(index).ahead(now_s)
        return page_out(self.world, index, lengths_s, rate_hz, slowdown_price)

    def steer(self, index: int, epoch: int, rate_hz: FloatArray) -> None:
        """Set what the workload of one machine does in an epoch that has not begun.

        Args:
            index: Machine; it runs a ``steered`` workload, or any other with epochs.
            epoch: Place of the epoch.
            rate_hz: Accesses per second per 4 KiB page in cells of equal size, ``(C,)``.

        Raises:
            MachineError: The epoch does not exist, or has begun.
        """
        now_s = float(self.world.machines["time_s"][index])
        self._store.write(index, epoch, rate_hz, now_s)

    def assign(self, index: int, budget_bytes: float, horizon_s: float) -> float:
        """Move memory of one machine towards `damosrl.emulator.assignment`; else as `rebalance`."""
        model = self._store.model(index)
        rate_hz = model.expected_rate_hz(float(self.world.machines["time_s"][index]), horizon_s)
        return assign(self.world, index, rate_hz, budget_bytes)

    def share_out(
        self, index: int, budget_bytes: float, horizon_s: float, targets: Mapping[str, float]
    ) -> float:
        """Move memory of the tenants of one machine, see `damosrl.emulator.tenant_oracle`.

        Returns bytes moved; with one application, none.

        Args:
            index: Machine with two memory nodes.
            budget_bytes: Most bytes to move now.
            horizon_s: How far it looks ahead, as a decay time; a move has to pay within it.
            targets: Largest slowdown wanted by path of control group.
        """
        if self.world.machines["num_tenants"][index] == 1:
            return 0.0
        model = self._store.model(index)
        rate_hz = model.expected_rate_hz(float(self.world.machines["time_s"][index]), horizon_s)
        return share_out(self.world, index, rate_hz, budget_bytes, horizon_s, targets)

    def heat_truth(
        self, index: int, bins: int, by: Literal["physical", "virtual"] = "physical"
    ) -> FloatArray:
        """Return the true mean hit probability by address, ``(bins,)``, each 0..1.

        Args:
            index: Machine.
            bins: Number of bins of equal size.
            by: ``physical``: the memory nodes one after the other, free frames included;
                ``virtual``: the workload's address space.
        """
        interval_s = float(self.engine.contexts["sample_us"][index * self._kdamonds]) * 1e-6
        if by == "physical":
            return physical_heat(self.world, index, bins, interval_s)
        return virtual_heat(self.world, index, bins, interval_s, self._store.model(index))

    def monitor_heat(self, index: int, bins: int) -> FloatArray:
        """Return the access rate the monitors report by physical address, ``(bins,)``, 0..1."""
        rows = slice(index * self._kdamonds, (index + 1) * self._kdamonds)
        units = self.engine.contexts["addr_unit"][rows].astype(np.int64)
        return monitor_heat(self.telemetry(), index, bins, units)
