"""All that the host tells in one step, and what it does not tell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from damosrl.errors import KernelError
from damosrl.kernel.files import Files
from damosrl.kernel.host.cpu import cpu_time_us
from damosrl.kernel.host.nodes import NodeMemory, node_memory
from damosrl.kernel.host.pressure import MemoryPressure, pressure_file, read_pressure
from damosrl.kernel.host.swap import SwapMemory, read_swap
from damosrl.kernel.host.tables import numbers, read_if_there
from damosrl.kernel.roots import Roots

PRESSURE, NODES, COUNTERS, KDAMOND_CPU = "pressure", "nodes", "vmstat", "kdamond_cpu"
SWAP = "swap"
"""Names of the sources."""

COUNTED = (
    "pgmigrate_success",
    "pgmigrate_fail",
    "pgpromote_success",
    "pgdemote_kswapd",
    "pgdemote_direct",
    "pgdemote_proactive",
    "pswpin",
    "pswpout",
    "workingset_refault_anon",
    "workingset_refault_file",
    "oom_kill",
)
"""Events of ``/proc/vmstat`` that are kept, in pages (``oom_kill``: processes)."""


@dataclass(frozen=True, slots=True)
class HostSample:
    """What was read at once.

    Args:
        pressure: Memory PSI; None without it.
        nodes: Memory of each node, in the order asked for; None where one is gone.
        counters: Events by their names in vmstat; those that this kernel lacks are left out.
        kdamond_cpu_us: CPU time of all kdamonds together; NaN without it.
        swap: Room for pages that are paged out; None where the kernel does not tell.
        missing: Names of the sources that gave nothing.
    """

    pressure: MemoryPressure | None
    nodes: tuple[NodeMemory, ...] | None
    counters: dict[str, int]
    kdamond_cpu_us: float
    swap: SwapMemory | None
    missing: tuple[str, ...]


class HostTelemetry:
    """The reader of one host.

    Args:
        roots: Where its files are.
        files: How they are read.
        nids: Memory nodes to read.
        cgroup: Control group whose pressure counts; None for the machine's.

    Example:
        >>> from damosrl.kernel.files import OsFiles
        >>> sample = HostTelemetry(Roots(), OsFiles(), nids=[0]).sample()
        >>> "pswpin" in sample.counters
        True
    """

    def __init__(
        self, roots: Roots, files: Files, nids: Sequence[int], cgroup: str | None = None
    ) -> None:
        self._roots = roots
        self._files = files
        self._nids = tuple(nids)
        self._pressure_file = pressure_file(roots, cgroup)

    def sample(self, kdamond_pids: Sequence[int] = ()) -> HostSample:
        """Read everything once; what cannot be read is named, never invented.

        Args:
            kdamond_pids: Threads whose CPU time counts.
        """
        pressure = self._pressure()
        nodes = self._nodes()
        counters = self._counters()
        cpu_us = self._cpu_us(kdamond_pids)
        swap = read_swap(self._files, self._roots)
        absent = {
            PRESSURE: pressure is None,
            NODES: nodes is None,
            COUNTERS: not counters,
            KDAMOND_CPU: math.isnan(cpu_us),
            SWAP: swap is None,
        }
        missing = tuple(name for name, is_absent in absent.items() if is_absent)
        return HostSample(pressure, nodes, counters, cpu_us, swap, missing)

    def _pressure(self) -> MemoryPressure | None:
        try:
            return read_pressure(self._files, self._pressure_file)
        except KernelError:
            return None

    def _nodes(self) -> tuple[NodeMemory, ...] | None:
        try:
            return tuple(node_memory(self._files, self._roots, nid) for nid in self._nids)
        except KernelError:
            return None

    def _counters(self) -> dict[str, int]:
        text = read_if_there(self._files, self._roots.procfs / "vmstat") or ""
        return numbers(text, COUNTED)

    def _cpu_us(self, pids: Sequence[int]) -> float:
        times = [cpu_time_us(self._files, self._roots.procfs, pid) for pid in pids]
        known = [time_us for time_us in times if time_us is not None]
        return sum(known) if known and len(known) == len(times) else math.nan
