"""A kernel that is none: an emulated machine behind the files of sysfs, procfs and tracefs.

What drives a real kernel through its files drives this one, at emulated time.
"""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from damosrl.damon import Context, Document, Stats
from damosrl.damon.features import NEWEST, OLDEST
from damosrl.emulator.presets import MachineConfig, capacities
from damosrl.emulator.single import SingleMachine
from damosrl.emulator.workload.model import Workload
from damosrl.errors import DocumentError, EmulatorLimitError, MachineError
from damosrl.kernel.roots import Roots
from damosrl.kernel.tried import TriedRegion
from damosrl.machine import Snapshot, SwapUse
from damosrl.testing.fake_host import BLOCK_BYTES, FakeHost, FakeNode
from damosrl.testing.fake_tracefs import aggregated_lines
from damosrl.testing.fake_tree import FakeTree

PAGE_BYTES = 4096
FASTEST_TIER = 4
"""Number of the memory tier of DRAM in Linux; slower nodes get greater ones."""
_ERRNO_BY_NAME = {"EBUSY": errno.EBUSY, "ECANCELED": errno.ECANCELED}


class EmulatedClock:
    """The time of an emulated kernel; nothing passes but by `sleep`, and by commands that wait."""

    def __init__(self, kernel: "EmulatedKernel") -> None:
        self._kernel = kernel

    def monotonic(self) -> float:
        """Return the time since boot, s."""
        return self._kernel.machine.time_s

    def sleep(self, seconds: float) -> None:
        """Let time pass on the emulated machine, then renew the host's files.

        Raises:
            ValueError: The time is negative.
        """
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        if seconds > 0:
            self._kernel.machine.run(seconds)
            self._kernel.renew()


class EmulatedKernel:
    """DAMON of an emulated machine as a `Backend`, and the files by which it is driven.

    Memory tiers are rounded up to whole memory blocks (128 MiB), so that the nodes' files name the
    addresses that the machine uses. Commands take the time that a kernel takes to serve them: a
    commit up to a request slot, ``update_schemes_tried_regions`` a pass of every scheme. Host files
    are of the time when the last sleep or command ended. The CPU time of all kdamonds is shared
    equally among those that run. A swap tier is one area, zram where it compresses. What the files
    do not tell: the application's latency.

    Args:
        config: The machine; its ``kernel`` is replaced by what ``version`` means.
        workload: What runs on it from boot.
        seed: Of everything random; equal seeds and equal use give equal files.
        roots: Where the files pretend to be.
        version: Kernel, "6.12" to "7.3"; those between monitor as 7.3 does.
        max_kdamonds: Places for kdamonds; by default one per memory node.

    Raises:
        MachineError: The machine cannot hold the workload.

    Example:
        >>> kernel = EmulatedKernel(config, workload, 1, roots)  # doctest: +SKIP
        >>> client = DamonClient(roots, kernel.files)  # doctest: +SKIP
        >>> client.start(document)  # doctest: +SKIP
        >>> kernel.clock.sleep(1.0)  # doctest: +SKIP
        >>> client.update_stats(0)  # doctest: +SKIP
    """

    def __init__(
        self,
        config: MachineConfig,
        workload: Workload,
        seed: int,
        roots: Roots,
        version: str = NEWEST,
        max_kdamonds: int | None = None,
    ) -> None:
        config = replace(
            in_whole_blocks(config, workload), kernel=OLDEST if version == OLDEST else NEWEST
        )
        places = len(config.memory_tiers) if max_kdamonds is None else max_kdamonds
        self.machine = SingleMachine(config, workload, seed, places)
        self.clock = EmulatedClock(self)
        self.files = FakeTree(roots, version, self, processes=self.machine.pids)
        self.host = FakeHost(roots, self.files.set_host, self._nodes(), release=f"{version}.0")
        self._cpu_us = [0.0] * places
        self._cpu_seen_us = 0.0
        self.renew()

    def start(self, document: Document, kdamond: int) -> None:
        """See `Backend.start`."""
        with _refused_as_kernel():
            self.machine.start(kdamond, _context(document))
        self._cpu_us[kdamond] = 0.0

    def commit(self, document: Document, kdamond: int) -> None:
        """See `Backend.commit`."""
        with _refused_as_kernel():
            self.machine.commit(kdamond, _context(document))
        self._renew_host()

    def commit_goals(self, document: Document, kdamond: int) -> None:
        """See `Backend.commit_goals`."""
        with _refused_as_kernel():
            self.machine.commit_goals(kdamond, _context(document))
        self._renew_host()

    def stop(self, kdamond: int) -> None:
        """See `Backend.stop`."""
        self.machine.stop(kdamond)

    def stats(self, kdamond: int) -> Sequence[Stats]:
        """See `Backend.stats`."""
        return self.machine.stats(kdamond)

    def effective_bytes(self, kdamond: int) -> Sequence[int]:
        """See `Backend.effective_bytes`."""
        return self.machine.effective_bytes(kdamond)

    def tuned_intervals(self, kdamond: int) -> tuple[int, int] | None:
        """See `Backend.tuned_intervals`."""
        return self.machine.intervals_us(kdamond)

    def tried_regions(self, kdamond: int) -> Sequence[Sequence[TriedRegion]]:
        """See `Backend.tried_regions`; time passes until they are there."""
        with _refused_as_kernel():
            found = self.machine.tried_regions(kdamond)
        self._renew_host()
        return [
            [
                TriedRegion(
                    item.start,
                    item.end,
                    item.nr_accesses,
                    item.age,
                    item.sz_filter_passed,
                    item.probe_hits,
                )
                for item in scheme.regions
            ]
            for scheme in found
        ]

    def trace_lines(self) -> bytes:
        """Return what ``damon_aggregated`` tells of the regions as they are now.

        It is one snapshot of every running kdamond, not one per aggregation: whoever wants them all
        sleeps an aggregation interval at a time. Counts are pseudo moving sums, which at the end of
        an aggregation are the counts that a kernel traces.
        """
        snapshot = self.machine.machines.telemetry().snapshot
        time_us = round(self.machine.time_s * 1e6)
        lines = []
        for kdamond in range(self.machine.max_kdamonds):
            if self.machine.is_running(kdamond):
                for target, regions in _by_target(snapshot, kdamond).items():
                    pid = self._pid(kdamond)
                    lines.append(aggregated_lines(time_us, regions, target, pid))
        return b"".join(lines)

    def renew(self) -> None:
        """Bring all files up to date; kdamonds that have ended are told to the tree."""
        self.files.processes = self.machine.pids
        for kdamond in range(self.machine.max_kdamonds):
            if self._pid(kdamond) > 0 and not self.machine.is_running(kdamond):
                self.files.end_kdamond(kdamond)
        self._renew_host()

    def _renew_host(self) -> None:
        telemetry = self.machine.machines.telemetry()
        for nid, free_bytes in enumerate(telemetry.node_free_bytes[0].tolist()):
            self.host.set_node_free(nid, int(free_bytes))
        pressure = telemetry.pressure
        self.host.set_pressure(
            int(pressure.some_total_us[0]),
            int(pressure.full_total_us[0]),
            pressure.some_avg[0].tolist(),
            pressure.full_avg[0].tolist(),
        )
        moved_bytes = telemetry.migrated_up_bytes[0] + telemetry.migrated_down_bytes[0]
        self.host.set_vmstat(pgmigrate_success=int(moved_bytes) // PAGE_BYTES)
        if telemetry.swap is not None:
            self._renew_swap(telemetry.swap)
        self._share_cpu_time(float(telemetry.kdamond_cpu_us[0]))

    def _renew_swap(self, swap: SwapUse) -> None:
        size_bytes, used_bytes, pool_bytes, in_bytes, out_bytes, refaulted_bytes = (
            int(values[0]) for values in swap
        )
        self.host.set_vmstat(
            pswpin=in_bytes // PAGE_BYTES,
            pswpout=out_bytes // PAGE_BYTES,
            workingset_refault_anon=refaulted_bytes // PAGE_BYTES,
        )
        tier = self.machine.config.swap_tier
        if tier is not None:
            place = "/dev/zram0" if tier.compression else "/dev/nvme0n1p2"
            self.host.add_swap(place, size_bytes, used_bytes, pool_bytes)

    def _share_cpu_time(self, total_us: float) -> None:
        running = [item for item in range(self.machine.max_kdamonds) if self._pid(item) > 0]
        for kdamond in running:
            self._cpu_us[kdamond] += (total_us - self._cpu_seen_us) / len(running)
            name = f"kdamond.{kdamond}"
            self.host.set_cpu_time(self._pid(kdamond), int(self._cpu_us[kdamond]), name)
        self._cpu_seen_us = total_us

    def _pid(self, kdamond: int) -> int:
        """Return the process id of a kdamond's thread as the tree has it, -1 without."""
        path: Path = self.files.roots.damon / f"kdamonds/{kdamond}/pid"
        return int(self.files.read(path)) if self.files.exists(path) else -1

    def _nodes(self) -> list[FakeNode]:
        cpus = f"0-{self.machine.config.cpus - 1}"
        return [
            FakeNode(node.end - node.start, 0, FASTEST_TIER * (nid + 1), "" if nid else cpus)
            for nid, node in enumerate(self.machine.nodes)
        ]


def in_whole_blocks(config: MachineConfig, workload: Workload) -> MachineConfig:
    """Return the machine with its memory tiers rounded up to whole memory blocks.

    Raises:
        MachineError: The machine cannot hold the workload.
    """
    frames = capacities(config, workload.access.footprint_bytes, workload.fast_share)
    tiers = []
    for tier, count in zip(config.tiers, frames.tolist(), strict=False):
        blocks = -(-count * config.granule_bytes // BLOCK_BYTES)
        is_memory = tier.kind == "memory"
        tiers.append(replace(tier, capacity=f"{blocks * BLOCK_BYTES} B") if is_memory else tier)
    return replace(config, tiers=tuple(tiers))


@contextmanager
def _refused_as_kernel() -> Iterator[None]:
    """Turn refusals of the emulator into the kernel's error numbers."""
    try:
        yield
    except DocumentError as error:
        raise OSError(errno.EINVAL, str(error)) from error
    except EmulatorLimitError as error:
        raise OSError(errno.ENOMEM, str(error)) from error
    except MachineError as error:
        found = (number for name, number in _ERRNO_BY_NAME.items() if name in error.what)
        raise OSError(next(found, errno.EINVAL), str(error)) from error


def _context(document: Document) -> Context:
    """Return the one context of a document that is one kdamond's."""
    return document.kdamonds[0].contexts[0]


def _by_target(snapshot: Snapshot, kdamond: int) -> dict[int, list[tuple[int, int, int, int]]]:
    """Return the regions of one kdamond by target, as ``(start, end, nr_accesses, age)``."""
    found: dict[int, list[tuple[int, int, int, int]]] = {}
    used = slice(int(snapshot.nr_regions[0, kdamond]))
    columns = (snapshot.start, snapshot.end, snapshot.nr_accesses, snapshot.age)
    rows = zip(*(column[0, kdamond, used].tolist() for column in columns), strict=True)
    for target, row in zip(snapshot.target[0, kdamond, used].tolist(), rows, strict=True):
        found.setdefault(target, []).append(row)
    return found
