"""The memory of a batch of machines in a few flat arrays, machine axis first.

As in the engine's state, what belongs together is one record: few arrays make kernels compile
fast, and an extent is one cache line. In Python ``world.nodes["free"]`` is a column ``(N, T)``; in
kernels ``world.nodes[m, node].free`` is one number. Nodes are the memory tiers, fastest first, and
the swap store as the last one, which is empty where there is none.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.pressure import PSI
from damosrl.emulator.rate_store import RateStore
from damosrl.emulator.virtual_state import VirtualMemory, allocate_virtual

FREE = -1
"""Piece of an extent of free frames."""

NONE = -1
"""No slot."""

PAGE_BYTES = 4096.0

SLOT = np.dtype(
    [
        ("start", "i4"),
        ("length", "i4"),
        ("piece", "i4"),
        ("moved_at", "i4"),
        ("after", "i4"),
        ("before", "i4"),
        ("order", "i4"),
        ("active", "i4"),
        ("old_at", "f8"),
    ]
)
"""An extent: first frame within the node, frames, piece or `FREE`, time of its last migration
(deciseconds since the start, negative when it went to a slower node, 0 when long ago), the next
and previous slot in address order, the order of its folios (2^order pages of 4 KiB), whether they
are on the active LRU list, and the expected accesses to each of its pages up to the time they were
last made old, or `TOUCHED`."""

TOUCHED = -1e9
"""Pages that were certainly accessed since they were made old, as a page that faulted in."""

PIECE = np.dtype(
    [
        (name, "i8")
        for name in ["frames", "file", "unmapped", "memcg", "order", "refused", "stored", "tenant"]
    ]
    + [("touched", "f8"), ("pool_share", "f8"), ("pace", "f8")]
)
"""Frames of a piece, and what its pages are: of a file (else anonymous), unmapped, id of their
memory control group (0 is the root), order of the folios they start with, whether the swap store
refuses them, frames that are in it, whose they are (an index of ``tenants``); the expected accesses
to each page up to the beginning of the epoch in force; the memory that a swapped byte takes in the
store's pool; and the pace of its tenant, exactly 1 where there is one only."""

BORDER = np.dtype([("frame", "f8"), ("hits_below", "f8"), ("hit", "f8")])
"""First frame of an extent, the sum of hit probability over the node's frames below it, and the hit
probability of its pages."""

BUCKETS = 2048
"""Equal parts of a node in which a search for an extent begins."""

CURVE = np.dtype([("load_gbps", "f8"), ("latency_ns", "f8")])
"""A point of a loaded-latency table; of a fault for the swap store."""


def _record(integers: str, reals: str) -> np.dtype[np.void]:
    fields = [(name, "i8") for name in integers.split()]
    return np.dtype(fields + [(name, "f8") for name in reals.split()])


NODE = _record(
    # extents: first slot, slot of the last search, no free extent before this slot; frames
    "first cursor lowest_free free total start_byte num_borders "
    # reclaim's clock hand (a frame); kswapd's watermarks
    "hand min_frames low_frames high_frames",
    # rate times frames, bytes moved whose cost is not taken yet; the closed loop's last solution
    "load waiting_bytes share background_gbps latency_ns sums_exposure_s buckets_per_frame "
    # load that the application meets over a step; a part of the traffic: its share, its latency
    "met_load part_share least_ns mean_ns",
)
"""One node of one machine. ``sums_exposure_s`` is what its borders were computed for, < 0 stale."""

MACHINE = np.dtype(
    [
        ("rng", "u8"),
        ("draws", "u8"),
        *_record(
            # extents: chain of given-up slots, slots from this one on never used, taken since the
            # slots were put in order, listed then, whether they ran out; the workload's place in
            # the rate store; whether kswapd runs
            "spare unused scattered listed exhausted "
            "rates_at epochs_at num_pieces num_epochs epoch kswapd "
            # closed loops of its own memory each
            "num_tenants "
            # whether some pages have been on the active list, or in large folios
            "uses_active uses_folios "
            # whether its processes are in the tables of `virtual`
            "has_processes",
            # configuration
            "granule_bytes pingpong_window_s move_page_ns check_us fault_p99_ns store_ns cpus "
            # application: its loop, its speed relative to all-fast memory, accesses per ns
            "threads in_flight think_ns period_s speed fast_throughput hit_exposure_s "
            # time at full speed since the start, and at the beginning of the epoch in force
            "exposure_s epoch_exposure_s "
            # last step: time share stalled on faults, time of a fault, mean access rate
            # of the memory reclaimed
            "stalled fault_ns reclaimed_hz "
            # time, and when an area or a process comes or goes next; bytes copied between nodes
            # whose CPU time is not taken yet, memory of the swap store's pool; life-time counters
            "time_s next_change_s copy_waiting_bytes pool_bytes up_bytes down_bytes returned_bytes "
            "swapped_in_bytes swapped_out_bytes kdamond_us faults "
            # sums over the last run
            "elapsed_s accesses possible latency_sum_ns p99_sum_ns fast_accesses "
            # pressure: time of the last update of the averages, and when the next one is due
            "psi_updated_us psi_next_us",
        ).descr,
    ]
)
"""One machine."""

TENANT = _record(
    "memcg",
    # its closed loop; alone on the machine with all its memory in node 0: accesses per ns
    "threads in_flight think_ns fast_throughput "
    # the last solution: accesses per ns, speed relative to ``fast_throughput``, time of a request
    # but for the node that is being solved
    "throughput speed elsewhere_ns "
    # its speed over that of the machine, as far as access rates have taken notice
    "pace "
    # sums over the last run
    "accesses possible latency_sum_ns fast_accesses",
)
"""One application among several: ``memcg`` is the id of the control group of its pages."""

TENANT_NODE = _record("", "load met_load share")
"""What one node is to one tenant: its accesses there at full speed, as many as it meets over a
step, and the share of its accesses."""

WATCH = np.dtype([("machine", "i8"), ("node", "i8")])
"""Where a context's addresses lie: its machine, and the node that has all of them, byte by byte;
`NONE` where they are spread over physical memory, or belong to processes."""


class MemoryWorld(NamedTuple):
    """Everything that N machines with T nodes are, but for the engine."""

    machines: NDArray[np.void]
    """`MACHINE` records ``(N,)``."""
    nodes: NDArray[np.void]
    """`NODE` records ``(N, T)``."""
    slots: NDArray[np.void]
    """`SLOT` records ``(N, E)``: pools of extents, given-up ones chained through ``after``."""
    borders: NDArray[np.void]
    """`BORDER` records ``(N, T, E + 1)``."""
    lookup: NDArray[np.int32]
    """Last extent that begins before a bucket of the node, ``(N, T, BUCKETS)``."""
    curves: NDArray[np.void]
    """`CURVE` records ``(N, T, Q)``, loads ascending, padded with the peak."""
    psi: NDArray[np.void]
    """`damosrl.emulator.pressure.PSI` records ``(N, 2)``: some, full."""
    hit: NDArray[np.float64]
    """Hit probability of a page of each piece in one sampling interval, ``(N, P)``."""
    pieces: NDArray[np.void]
    """`PIECE` records ``(N, P)``."""
    tenants: NDArray[np.void]
    """`TENANT` records ``(N, A)``; of no use where a machine has one closed loop only."""
    tenant_nodes: NDArray[np.void]
    """`TENANT_NODE` records ``(N, A, T)``."""
    wanted: NDArray[np.int64]
    """Scratch: frames of each piece that are to move, ``(N, P)``."""
    watches: NDArray[np.void]
    """`WATCH` records ``(N * K,)``, K kdamonds per machine."""
    virtual: VirtualMemory
    """Address spaces of processes, where they matter."""
    rates: NDArray[np.float32]
    """All access rates, see `damosrl.emulator.rate_store`."""
    epochs: NDArray[np.float64]
    """All epoch start times, seconds."""


def allocate_world(
    machines: int, nodes: int, points: int, kdamonds: int | None = None
) -> MemoryWorld:
    """Make room for machines without memory and workload.

    Args:
        machines: Number of machines.
        nodes: Memory nodes and the swap store.
        points: Points of the longest latency table.
        kdamonds: Kdamonds per machine; left out, one per memory node, which it watches.
    """
    watches = np.zeros((machines, nodes - 1 if kdamonds is None else kdamonds), WATCH)
    watches["machine"] = np.arange(machines)[:, None]
    watches["node"] = np.arange(nodes - 1) if kdamonds is None else NONE
    world = MemoryWorld(
        machines=np.zeros(machines, MACHINE),
        nodes=np.zeros((machines, nodes), NODE),
        slots=np.zeros((machines, 1), SLOT),
        borders=np.zeros((machines, nodes, 2), BORDER),
        lookup=np.zeros((machines, nodes, BUCKETS), np.int32),
        curves=np.zeros((machines, nodes, points), CURVE),
        psi=np.zeros((machines, 2), PSI),
        hit=np.zeros((machines, 1)),
        pieces=np.zeros((machines, 1), PIECE),
        tenants=np.zeros((machines, 1), TENANT),
        tenant_nodes=np.zeros((machines, 1, nodes), TENANT_NODE),
        wanted=np.zeros((machines, 1), np.int64),
        watches=watches.reshape(-1),
        virtual=allocate_virtual(machines, nodes),
        rates=np.zeros(1, np.float32),
        epochs=np.zeros(1),
    )
    world.machines["spare"] = NONE
    world.machines["num_tenants"] = 1
    world.pieces["pace"] = 1.0
    world.machines["next_change_s"] = np.inf
    return world


def grow_world(world: MemoryWorld, slots: int, pieces: int, store: RateStore) -> MemoryWorld:
    """Return the world with room for a machine's extents and pieces, and the store's arrays.

    Args:
        world: The machines.
        slots: Extents that a machine needs.
        pieces: Pieces of its workload.
        store: Where the rates are.
    """
    if slots > world.slots.shape[1]:
        world = world._replace(
            slots=_padded(world.slots, slots), borders=_padded(world.borders, slots + 1)
        )
    if pieces > world.hit.shape[1]:
        world = world._replace(
            hit=_padded(world.hit, pieces),
            pieces=_padded(world.pieces, pieces),
            wanted=_padded(world.wanted, pieces),
        )
    return world._replace(rates=store.rates, epochs=store.epochs)


def _padded(array: NDArray[Any], size: int) -> NDArray[Any]:
    larger = np.zeros((*array.shape[:-1], size), array.dtype)
    larger[..., : array.shape[-1]] = array
    return larger
