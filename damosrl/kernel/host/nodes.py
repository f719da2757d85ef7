"""Memory nodes: which there are, where their memory lies, how fast they are, what is free.

A node's ranges are those of its memory blocks (Documentation/admin-guide/mm/memory-hotplug.rst).
Tiers are those of ``/sys/devices/virtual/memory_tiering``: the smaller its number, the faster its
nodes; the kernel demotes from one tier to the next, so nodes of one tier do not serve each other.
"""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from damosrl.damon import AddressRange
from damosrl.errors import KernelError
from damosrl.kernel.files import Files
from damosrl.kernel.host.tables import number_list, numbers, read_if_there
from damosrl.kernel.roots import Roots


class NodeMemory(NamedTuple):
    """Memory of one node, bytes."""

    total_bytes: int
    free_bytes: int


class Node(NamedTuple):
    """One memory node."""

    nid: int
    tier: int | None
    """Number of its memory tier; None where the kernel gives none."""
    has_cpus: bool
    ranges: tuple[AddressRange, ...]
    """Physical memory, ascending, neighbours joined; empty where blocks are not listed."""


_MEMORY_ROWS = ("MemTotal", "MemFree")


def node_folder(roots: Roots, nid: int) -> Path:
    """Return the folder of a node."""
    return roots.sysfs / f"devices/system/node/node{nid}"


def memory_nodes(files: Files, roots: Roots) -> tuple[Node, ...]:
    """Return the nodes that have memory, the fastest first.

    Raises:
        KernelError: The kernel lists no nodes.
    """
    path = roots.sysfs / "devices/system/node/has_memory"
    text = read_if_there(files, path)
    if text is None:
        raise KernelError(f"{path} is missing", fix="a kernel with NUMA, even for one node")
    tiers = tier_by_node(files, roots)
    nodes = [
        Node(
            nid,
            tiers.get(nid),
            bool(number_list(read_if_there(files, node_folder(roots, nid) / "cpulist") or "")),
            node_ranges(files, roots, nid),
        )
        for nid in number_list(text)
    ]
    return tuple(sorted(nodes, key=lambda node: (node.tier is None, node.tier or 0, node.nid)))


def tier_by_node(files: Files, roots: Roots) -> dict[int, int]:
    """Return the number of each node's memory tier; empty where the kernel has no tiers."""
    folder = roots.sysfs / "devices/virtual/memory_tiering"
    found: dict[int, int] = {}
    for name in files.names(folder) if files.exists(folder) else []:
        number = name.removeprefix("memory_tier")
        text = read_if_there(files, folder / name / "nodelist") if number.isdecimal() else None
        for nid in number_list(text or ""):
            found[nid] = int(number)
    return found


def node_ranges(files: Files, roots: Roots, nid: int) -> tuple[AddressRange, ...]:
    """Return a node's physical memory by its online blocks."""
    size, folder = block_bytes(files, roots), node_folder(roots, nid)
    if size is None:
        return ()
    blocks = sorted(
        int(name.removeprefix("memory"))
        for name in files.names(folder)
        if name.startswith("memory") and name.removeprefix("memory").isdecimal()
        if _is_online(files, folder / name)
    )
    borders = [0, *(i for i, (a, b) in enumerate(pairwise(blocks), 1) if b != a + 1), len(blocks)]
    return tuple(
        AddressRange(blocks[first] * size, (blocks[end - 1] + 1) * size)
        for first, end in pairwise(borders)
        if first < end
    )


def block_bytes(files: Files, roots: Roots) -> int | None:
    """Return the size of a memory block; None where the kernel cannot hotplug memory.

    Raises:
        KernelError: The file holds something else.
    """
    path = roots.sysfs / "devices/system/memory/block_size_bytes"
    text = read_if_there(files, path)
    try:
        return int(text[:20], 16) if text else None
    except ValueError:
        raise KernelError(
            f"{path} cannot be read", got=repr(text)[:80], allowed="a hexadecimal number"
        ) from None


def node_memory(files: Files, roots: Roots, nid: int) -> NodeMemory:
    """Return a node's total and free memory.

    Raises:
        KernelError: The node has no such file, or it is not what the kernel writes.
    """
    path = node_folder(roots, nid) / "meminfo"
    found = numbers(files.read(path), _MEMORY_ROWS)
    try:
        return NodeMemory(*(found[name] for name in _MEMORY_ROWS))
    except KeyError as error:
        raise KernelError(f"{path} cannot be read", got=f"no {error.args[0]}") from None


def node_counters(files: Files, roots: Roots, nid: int) -> dict[str, int]:
    """Return a node's counters of events (``vmstat``) and of allocations (``numastat``), pages."""
    folder = node_folder(roots, nid)
    found: dict[str, int] = {}
    for name in ("vmstat", "numastat"):
        found.update(numbers(read_if_there(files, folder / name) or ""))
    return found


def _is_online(files: Files, block: Path) -> bool:
    state = read_if_there(files, block / "state")
    return state is None or state.strip() == "online"
