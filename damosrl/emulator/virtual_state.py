"""Processes of a batch of machines in flat arrays: address spaces, and which memory they hold.

Like the rest of a machine's memory (`damosrl.emulator.memory_state`), with the machine axis first.
As long as no kdamond watches a process and none ever changes, the arrays have no columns.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NO_PROCESS = -1
"""No process lives with that pid."""


def _record(addresses: str, integers: str, reals: str = "") -> np.dtype[np.void]:
    fields = [(name, "u8") for name in addresses.split()]
    fields += [(name, "i8") for name in integers.split()]
    return np.dtype(fields + [(name, "f8") for name in reals.split()])


PROCESS = _record(
    "",
    "pid alive first_area end_area first_span end_span first_edge num_edges",
    "start_s end_s",
)
"""A process: its places in the tables of areas, spans and edges, and its life."""

AREA = _record("start end", "mapped first_piece end_piece", "from_s to_s")
"""An area (VMA) by rising start address within its process; its life is cut to the process's. Only
areas that come or go have pieces of their own."""

SPAN = _record("start end", "area piece present", "frame")
"""A part of an area that holds one piece; whether page tables map it (page cache may be unmapped);
and where it starts in the workload's compact space, in frames."""

EDGE = _record("address", "", "hits_below hit")
"""Where the hit probability of a process's addresses changes: the sum over bytes below, and what
holds from there on. The first edge of a process is at address 0."""

PLAN = np.dtype(
    [(name, "i4") for name in ["resident", "inside", "wanted", "asked", "left", "met", "there"]]
    + [("seen", "f8")],
    align=True,
)
"""A piece's frames in a node: all of them; those in the range that an action is applied to, and how
many of these should be there afterwards. In the swap store's plan, those in the range in all nodes.
On a walk over the node: how many are still meant, how many were met, how many there were when it
began. What the monitor sees: the hit probability of the pages, summed up."""


class VirtualMemory(NamedTuple):
    """The processes of N machines."""

    processes: NDArray[np.void]
    """`PROCESS` records ``(N, Q)``; pid 0 where there is none."""
    areas: NDArray[np.void]
    """`AREA` records ``(N, V)``."""
    spans: NDArray[np.void]
    """`SPAN` records ``(N, S)``, by process, area and address."""
    edges: NDArray[np.void]
    """`EDGE` records ``(N, B)``."""
    plans: NDArray[np.void]
    """`PLAN` records ``(N, T, P)``."""


def allocate_virtual(machines: int, nodes: int) -> VirtualMemory:
    """Make room for machines of which nobody watches a process."""
    return VirtualMemory(
        processes=np.zeros((machines, 0), PROCESS),
        areas=np.zeros((machines, 0), AREA),
        spans=np.zeros((machines, 0), SPAN),
        edges=np.zeros((machines, 0), EDGE),
        plans=np.zeros((machines, nodes, 0), PLAN),
    )


class Range(NamedTuple):
    """What a scheme is applied to: addresses [start, end) of a process of machine ``m``."""

    m: int
    c: int
    scheme: int
    first_span: int
    end_span: int
    start: np.uint64
    end: np.uint64
    granule_bytes: float
