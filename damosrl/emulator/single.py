"""One emulated machine whose kdamonds are started, changed and stopped one by one, as by sysfs.

`EmulatedMachines` starts all kdamonds of a document at time 0; a kernel's memory and workload were
there before DAMON and outlive it. Commands take the time that the kernel's writer waits.
"""

from collections.abc import Callable
from dataclasses import fields

import numpy as np

from damosrl.damon import AddressRange, Attrs, Context, Document, Kdamond, Ops, Scheme, Stats
from damosrl.emulator.loading import load_context
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.memory_state import NONE
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.probe_loading import make_probe_room, probe_filters_of
from damosrl.emulator.releases import is_legacy
from damosrl.emulator.room import make_room, room_for
from damosrl.emulator.staging import request_commit, request_goals
from damosrl.emulator.state import ENDED, RUNNING, WALK_PENDING
from damosrl.emulator.tried import TriedRegions, read_tried, request_tried
from damosrl.emulator.watching import (
    node_of,
    node_ranges,
    refuse_unknown_pids,
    watches_ranges,
    with_start_regions,
)
from damosrl.emulator.workload.model import Workload
from damosrl.errors import EmulatorLimitError, MachineError

GRACE_US = 1_000_000
"""Waited for an answer beyond the longest interval that it may take."""


class SingleMachine:
    """A machine with a running workload and places for kdamonds, all empty at first.

    Args:
        config: The machine.
        workload: What runs on it from time 0.
        seed: Of everything random on it.
        max_kdamonds: Places for kdamonds; each costs room for regions.
        max_nr_regions: Largest ``max_nr_regions`` that a context may have.

    Raises:
        MachineError: The machine cannot hold the workload.

    Example:
        >>> machine = SingleMachine(config, workload, seed=1)  # doctest: +SKIP
        >>> machine.start(0, context)  # doctest: +SKIP
        >>> machine.run(1.0)  # doctest: +SKIP
    """

    def __init__(
        self,
        config: MachineConfig,
        workload: Workload,
        seed: int,
        max_kdamonds: int = 2,
        max_nr_regions: int = 2000,
    ) -> None:
        self.config = config
        self.max_kdamonds = max_kdamonds
        self.max_nr_regions = max_nr_regions
        # a vaddr context without targets watches nothing, and has the processes written down
        empty = Context(Ops.VADDR, attrs=Attrs(max_nr_regions=max_nr_regions), schemes=(Scheme(),))
        self.machines = EmulatedMachines(config, 1, Document((Kdamond((empty,)),) * max_kdamonds))
        self.machines.load(0, workload, seed)
        self.machines.engine.contexts["status"] = ENDED
        self._seeds = np.random.SeedSequence(entropy=seed, spawn_key=(max_kdamonds,))

    @property
    def time_s(self) -> float:
        """Time since the machine was booted."""
        return float(self.machines.world.machines["time_s"][0])

    @property
    def nodes(self) -> list[AddressRange]:
        """Physical addresses of each memory node, the fastest first."""
        return node_ranges(self.machines.world, 0)

    @property
    def pids(self) -> frozenset[int]:
        """Processes that live now."""
        processes = self.machines.world.virtual.processes[0]
        return frozenset(processes["pid"][processes["alive"] != 0].tolist())

    def is_running(self, kdamond: int) -> bool:
        """Tell whether a kdamond runs."""
        return bool(self.machines.engine.contexts["status"][kdamond] == RUNNING)

    def run(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            EmulatorLimitError: The machine ran out of regions or extents.
        """
        self.machines.run(seconds)

    def start(self, kdamond: int, context: Context) -> None:
        """Start a kdamond now: new regions, all counters zero.

        Args:
            kdamond: An empty place.
            context: What it does; a physical target without regions watches nothing.

        Raises:
            DocumentError: A target's process does not exist.
            EmulatorLimitError: It has more regions than there is room for, or no place.
            MachineError: It runs already, or the kernel lacks a feature.
        """
        self._refuse_too_large(kdamond, context)
        if self.is_running(kdamond):
            raise MachineError(f"kdamond {kdamond} runs already (EBUSY)", fix="stop it first")
        world, legacy = self.machines.world, is_legacy(self.config.kernel)
        if context.ops is not Ops.PADDR:
            whole = AddressRange(self.nodes[0].start, self.nodes[-1].end)
            context = with_start_regions(world, 0, context, whole, legacy=legacy)
        engine = make_room(self.machines.engine, room_for(context))
        self.machines.engine = engine = make_probe_room(engine, probe_filters_of([context]))
        world.watches["node"][kdamond] = node_of(context, self.nodes)
        (seed,) = self._seeds.spawn(1)
        try:
            load_context(
                engine,
                kdamond,
                context,
                int(seed.generate_state(1, np.uint64)[0]),
                overshoot=self.config.sleep_overshoot,
                kernel=self.config.kernel,
            )
        except (EmulatorLimitError, MachineError):
            engine.contexts["status"][kdamond] = ENDED
            raise
        engine.contexts["now_us"][kdamond] = round(self.time_s * 1e6)

    def stop(self, kdamond: int) -> None:
        """Stop a kdamond; the workload goes on."""
        self.machines.engine.contexts["status"][kdamond] = ENDED

    def commit(self, kdamond: int, context: Context) -> None:
        """Change a running kdamond, and let time pass until it is in force.

        Raises:
            DocumentError: The kernel would refuse it; nothing is changed.
            EmulatorLimitError: It has more regions than there is room for.
            MachineError: The kdamond has stopped, or the kernel lacks a feature.
        """
        self._refuse_too_large(kdamond, context)
        self._require_running(kdamond)
        refuse_unknown_pids(self.machines.world, 0, context)
        self.machines.engine = request_commit(self.machines.engine, [kdamond], context)
        watched = self.machines.world.watches["node"]
        if watches_ranges(context) and node_of(context, self.nodes) != watched[kdamond]:
            watched[kdamond] = NONE
        self._await(kdamond, lambda: bool(self.machines.engine.contexts["request"][kdamond]))

    def commit_goals(self, kdamond: int, context: Context) -> None:
        """Change the quota goals of a running kdamond alone, likewise.

        Raises:
            MachineError: The kdamond has stopped.
        """
        self._require_running(kdamond)
        self.machines.engine = request_goals(self.machines.engine, [kdamond], context)
        self._await(kdamond, lambda: bool(self.machines.engine.contexts["request"][kdamond]))

    def stats(self, kdamond: int) -> list[Stats]:
        """Return the statistics of each scheme."""
        names = [item.name for item in fields(Stats)]
        return [
            Stats(**{name: int(record[name]) for name in names})
            for record in self._schemes(kdamond)
        ]

    def effective_bytes(self, kdamond: int) -> list[int]:
        """Return the quota in force of each scheme, core address units."""
        return [int(record["esz"]) for record in self._schemes(kdamond)]

    def intervals_us(self, kdamond: int) -> tuple[int, int]:
        """Return the sampling and the aggregation interval in force."""
        record = self.machines.engine.contexts[kdamond]
        return int(record["sample_us"]), int(record["aggr_us"])

    def tried_regions(self, kdamond: int) -> tuple[TriedRegions, ...]:
        """Let time pass until every scheme has had a complete pass; return what they handled.

        Raises:
            MachineError: The kdamond stops, is paused, or watermarks keep its schemes inactive
                (ECANCELED); or no pass came in time.
        """
        self.machines.engine = request_tried(self.machines.engine, kdamond)
        self._await(kdamond, lambda: self._context(kdamond)["walk"] == WALK_PENDING)
        return read_tried(self.machines.engine, kdamond)

    def _context(self, kdamond: int) -> np.void:
        record: np.void = self.machines.engine.contexts[kdamond]
        return record

    def _schemes(self, kdamond: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        count = int(self._context(kdamond)["nr_schemes"])
        return self.machines.engine.schemes[kdamond, :count]

    def _await(self, kdamond: int, is_pending: Callable[[], bool]) -> None:
        """Let whole sampling intervals pass while a request of a running kdamond is pending."""
        step_us = max(int(self._context(kdamond)["sample_us"]), 1000)
        left_us = self._longest_wait_us(kdamond)
        while is_pending() and self.is_running(kdamond) and left_us > 0:
            self.run(step_us * 1e-6)
            left_us -= step_us

    def _longest_wait_us(self, kdamond: int) -> int:
        context, schemes = self._context(kdamond), self._schemes(kdamond)
        times = [int(context[name]) for name in ("sample_us", "aggr_us")]
        times += [
            int(schemes[name].max(initial=0)) for name in ("apply_interval_us", "wmark_interval_us")
        ]
        return 2 * max(times) + GRACE_US

    def _require_running(self, kdamond: int) -> None:
        if not self.is_running(kdamond):
            raise MachineError(f"kdamond {kdamond} has stopped (ECANCELED)", fix="start it")

    def _refuse_too_large(self, kdamond: int, context: Context) -> None:
        if kdamond >= self.max_kdamonds:
            raise EmulatorLimitError(
                "more kdamonds than the machine has places for",
                got=kdamond + 1,
                allowed=f"0..{self.max_kdamonds}",
                fix="raise max_kdamonds",
            )
        if context.attrs.max_nr_regions > self.max_nr_regions:
            raise EmulatorLimitError(
                "max_nr_regions is above what the machine has room for",
                got=context.attrs.max_nr_regions,
                allowed=f"0..{self.max_nr_regions}",
                fix="raise max_nr_regions of the machine",
            )
