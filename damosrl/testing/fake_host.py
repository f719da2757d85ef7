"""The files by which a kernel tells of its host: nodes, tiers, pressure, counters, mounts.

Texts are in the formats of Linux' Documentation (accounting/psi.rst, admin-guide/mm, proc(5)), so
that the readers of `damosrl.kernel.host` and `damosrl doctor` take them for a kernel's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from damosrl.errors import KernelError
from damosrl.kernel.roots import Roots
from damosrl.kernel.trace import SINCE

BLOCK_BYTES = 128 << 20
"""Size of a memory block on x86-64."""
MIB, GIB = 1 << 20, 1 << 30
CAPABILITIES_OF_ROOT = 0x1FF_FFFF_FFFF

Put = Callable[[str, str], None]
"""Writes one file: absolute path and text, as `FakeTree.set_host` does."""


@dataclass(frozen=True, slots=True)
class FakeNode:
    """One memory node.

    Args:
        total_bytes: Memory, a multiple of `BLOCK_BYTES`.
        free_bytes: Of it.
        tier: Number of its memory tier, lower is faster; None for a kernel without tiers.
        cpus: As in ``cpulist``; "" for none.
    """

    total_bytes: int
    free_bytes: int
    tier: int | None = 4
    cpus: str = ""


TWO_TIERS = (FakeNode(GIB, GIB // 2, 4, "0-1"), FakeNode(GIB, GIB, 90))
"""As the lab's two-tier guest."""


def put_file(path: str, text: str) -> None:
    """Write a real file and the folders above it: a `Put` for hosts in a directory."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


class FakeHost:
    """A host whose numbers the test sets; every change is written at once.

    Args:
        roots: Where the files go.
        put: Who writes them.
        nodes: Memory nodes by number; their memory lies one after the other from address 0.
        release: The kernel's name of its version.
        user_id: Of the process that reads, as its ``status`` tells.
        capabilities: Bits in force for it.

    Example:
        >>> from damosrl.kernel.host.nodes import memory_nodes
        >>> from damosrl.testing.fake_tree import FakeTree
        >>> roots = Roots(sysfs=Path("/tree/sys"), procfs=Path("/tree/proc"))
        >>> tree = FakeTree(roots)
        >>> host = FakeHost(roots, tree.set_host)
        >>> [node.tier for node in memory_nodes(tree, roots)]
        [4, 90]
    """

    def __init__(
        self,
        roots: Roots,
        put: Put,
        nodes: Sequence[FakeNode] = TWO_TIERS,
        release: str = "7.3.4",
        user_id: int = 0,
        capabilities: int = CAPABILITIES_OF_ROOT,
    ) -> None:
        self.roots = roots
        self.nodes = list(nodes)
        self._put = put
        self._counters = dict.fromkeys(_COUNTED, 0)
        self._put_kernel(release)
        self._put_process(user_id, capabilities)
        self._put_nodes()
        self.set_pressure()
        self.set_vmstat()

    def put(self, path: Path, text: str) -> None:
        """Write any other file."""
        self._put(str(path), text)

    def set_pressure(
        self,
        some_total_us: int = 0,
        full_total_us: int = 0,
        some_avg: Sequence[float] = (0.0, 0.0, 0.0),
        full_avg: Sequence[float] = (0.0, 0.0, 0.0),
        cgroup: str | None = None,
    ) -> None:
        """Set memory PSI of the machine or of one control group.

        Args:
            some_total_us: Time in which some task was stalled.
            full_total_us: Time in which all were.
            some_avg: Shares of the last 10, 60 and 300 s, 0..1.
            full_avg: The same for all tasks.
            cgroup: Path of the control group below the root of the hierarchy.
        """
        path = self.roots.procfs / "pressure/memory"
        if cgroup is not None:
            path = self.roots.cgroupfs / cgroup.strip("/") / "memory.pressure"
        lines = (("some", some_avg, some_total_us), ("full", full_avg, full_total_us))
        self.put(path, "".join(_pressure_line(*line) for line in lines))

    def set_vmstat(self, **counters: int) -> None:
        """Set counters of ``/proc/vmstat``, pages; others stay."""
        self._counters |= counters
        self.put(self.roots.procfs / "vmstat", _lines(self._counters))

    def set_node_free(self, nid: int, free_bytes: int) -> None:
        """Set a node's free memory."""
        if not 0 <= free_bytes <= self.nodes[nid].total_bytes:
            raise KernelError(
                f"node {nid} cannot have that much free",
                got=f"{free_bytes} bytes",
                allowed=f"0..{self.nodes[nid].total_bytes}",
            )
        node = self.nodes[nid] = replace(self.nodes[nid], free_bytes=free_bytes)
        sizes = {"MemTotal": node.total_bytes, "MemFree": node.free_bytes}
        text = "".join(
            f"Node {nid} {name}: {size // 1024:>14} kB\n" for name, size in sizes.items()
        )
        self.put(self._node(nid) / "meminfo", text)

    def set_node_counters(self, nid: int, **counters: int) -> None:
        """Set a node's ``vmstat``, pages."""
        self.put(self._node(nid) / "vmstat", _lines(counters))

    def set_cpu_time(self, pid: int, cpu_time_us: int, name: str = "kdamond.0") -> None:
        """Set the CPU time of a kernel thread."""
        folder = self.roots.procfs / str(pid)
        self.put(folder / "comm", f"{name}\n")
        self.put(folder / "schedstat", f"{cpu_time_us * 1000} 0 1\n")

    def set_numa_balancing(self, mode: int) -> None:
        """Set the sysctl ``kernel.numa_balancing``."""
        self.put(self.roots.procfs / "sys/kernel/numa_balancing", f"{mode}\n")

    def set_demotion(self, enabled: bool) -> None:
        """Set whether reclaim demotes."""
        text = "true\n" if enabled else "false\n"
        self.put(self.roots.sysfs / "kernel/mm/numa/demotion_enabled", text)

    def add_swap(
        self,
        place: str = "/dev/zram0",
        size_bytes: int = GIB,
        used_bytes: int = 0,
        pool_bytes: int = 0,
    ) -> None:
        """Have one swap area.

        Args:
            place: Its device.
            size_bytes: Room for pages.
            used_bytes: Pages in it, by their size in memory.
            pool_bytes: Memory that they take, which a zram device tells in ``mm_stat``.
        """
        self.set_swap(size_bytes, size_bytes - used_bytes)
        row = f"{place}\t\t\tpartition\t{size_bytes // 1024}\t\t{used_bytes // 1024}\t\t-2\n"
        self.put(self.roots.procfs / "swaps", f"{_SWAPS}{row}")
        name = Path(place).name
        if name.startswith("zram"):
            told = (used_bytes, pool_bytes, pool_bytes, 0, pool_bytes, 0, 0, 0, 0)
            text = "".join(f"{number:>8} " for number in told)
            self.put(self.roots.sysfs / f"block/{name}/mm_stat", f"{text.rstrip()}\n")

    def set_swap(self, total_bytes: int, free_bytes: int) -> None:
        """Set what ``/proc/meminfo`` tells of all swap areas together."""
        sizes = {"SwapCached": 0, "SwapTotal": total_bytes, "SwapFree": free_bytes}
        text = "".join(f"{name}: {size // 1024:>14} kB\n" for name, size in sizes.items())
        self.put(self.roots.procfs / "meminfo", text)

    def _put_kernel(self, release: str) -> None:
        proc = self.roots.procfs
        self.put(proc / "sys/kernel/osrelease", f"{release}\n")
        self.put(proc / "sys/kernel/random/boot_id", "00000000-0000-4000-8000-000000000001\n")
        self.put(proc / "cpuinfo", "processor\t: 0\nmodel name\t: Fake CPU\nflags\t\t: fpu vme\n")
        self.put(proc / "cmdline", "quiet\n")
        self.put(proc / "filesystems", "nodev\tsysfs\nnodev\tcgroup2\nnodev\ttracefs\n")
        self.put(proc / "swaps", _SWAPS)
        self.set_swap(0, 0)
        self.put(self.roots.cgroupfs / "cgroup.controllers", "cpu memory pids\n")
        for name in SINCE:
            self.put(self.roots.tracefs / "events/damon" / name / "enable", "0\n")
        self.set_numa_balancing(0)
        self.set_demotion(enabled=False)

    def _put_process(self, user_id: int, capabilities: int) -> None:
        folder = self.roots.procfs / "self"
        ids = "\t".join([str(user_id)] * 4)
        self.put(folder / "status", f"Name:\tpython\nUid:\t{ids}\nCapEff:\t{capabilities:016x}\n")
        places = {
            "sysfs": self.roots.sysfs,
            "proc": self.roots.procfs,
            "tracefs": self.roots.tracefs,
            "cgroup2": self.roots.cgroupfs,
        }
        rows = (f"{kind} {place} {kind} rw,relatime 0 0\n" for kind, place in places.items())
        self.put(folder / "mounts", "".join(rows))

    def _put_nodes(self) -> None:
        system = self.roots.sysfs / "devices/system"
        everything = ",".join(map(str, range(len(self.nodes)))) + "\n"
        for name in ("has_memory", "online", "possible"):
            self.put(system / "node" / name, everything)
        self.put(system / "memory/block_size_bytes", f"{BLOCK_BYTES:x}\n")
        first = 0
        for nid, node in enumerate(self.nodes):
            blocks = node.total_bytes // BLOCK_BYTES
            for block in range(first, first + blocks):
                self.put(self._node(nid) / f"memory{block}/state", "online\n")
            first += blocks
            self.put(self._node(nid) / "cpulist", f"{node.cpus}\n")
            self.set_node_free(nid, node.free_bytes)
            self.set_node_counters(nid, pgmigrate_success=0)
        self._put_tiers()

    def _put_tiers(self) -> None:
        for tier in {node.tier for node in self.nodes} - {None}:
            nids = [str(nid) for nid, node in enumerate(self.nodes) if node.tier == tier]
            folder = self.roots.sysfs / f"devices/virtual/memory_tiering/memory_tier{tier}"
            self.put(folder / "nodelist", ",".join(nids) + "\n")

    def _node(self, nid: int) -> Path:
        return self.roots.sysfs / f"devices/system/node/node{nid}"


_COUNTED = (
    "pgmigrate_success",
    "pgmigrate_fail",
    "pswpin",
    "pswpout",
    "workingset_refault_anon",
    "workingset_refault_file",
)
"""Counters of ``/proc/vmstat`` that a host has from the start."""
_SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def _pressure_line(kind: str, averages: Sequence[float], total_us: int) -> str:
    windows = zip((10, 60, 300), averages, strict=True)
    shares = " ".join(f"avg{seconds}={100.0 * share:.2f}" for seconds, share in windows)
    return f"{kind} {shares} total={total_us}\n"


def _lines(counters: dict[str, int]) -> str:
    return "".join(f"{name} {value}\n" for name, value in counters.items())
