"""kswapd: a thread per memory node that keeps some of it free, before anybody has to wait.

mm/vmscan.c, ``balance_pgdat()``, and mm/page_alloc.c, ``__setup_per_zone_wmarks()`` (7.3). Below
its low watermark a node's thread reclaims until the high one is reached: inactive memory goes to
the next slower node as long as that is above its own lowest watermark (``demotion_enabled``, as for
TPP), else to the swap store. A thread works on one processor: as many pages in a step as moving or
writing them takes the time of. What faults need beyond that, they reclaim themselves.
"""

import math

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.memory_state import PAGE_BYTES, MemoryWorld
from damosrl.emulator.reclaim import sweep

IntArray = NDArray[np.int64]

LEAST_KIB, MOST_KIB = 128, 262144
"""Limits of ``min_free_kbytes`` (``calculate_min_free_kbytes()``)."""

SCALE_SHARE = 10 / 10_000
"""``watermark_scale_factor`` = 10: the least gap between two watermarks, of the node."""


def watermarks(node_bytes: IntArray, granule_bytes: int) -> IntArray:
    """Return the watermarks min, low and high of every node in frames, rounded up, ``(3, T)``.

    ``min_free_kbytes`` is the root of 16 x memory in KiB; each node has its share of it. Watermarks
    are apart by a quarter of that share, or by a thousandth of the node where this is more.

    Args:
        node_bytes: Size of every memory node, ``(T,)``.
        granule_bytes: Bytes of a frame.

    Example:
        >>> watermarks(np.array([4, 8]) * 2**30, 2**21)[:, 0].tolist()
        [3, 5, 7]
    """
    pages = node_bytes // int(PAGE_BYTES)
    everything = int(pages.sum())
    least_kib = min(max(math.isqrt(everything * 4 * 16), LEAST_KIB), MOST_KIB)
    least = pages * (least_kib // 4) // max(everything, 1)
    gap = np.maximum(least // 4, (pages * SCALE_SHARE).astype(np.int64))
    marks = np.stack([least, least + gap, least + 2 * gap])
    return -(-marks * int(PAGE_BYTES) // granule_bytes)


def write_watermarks(world: MemoryWorld, m: int, frames: IntArray, granule_bytes: int) -> None:
    """Write the watermarks of a machine's nodes.

    Args:
        world: The machines.
        m: Machine.
        frames: Capacity of each memory node, ``(T - 1,)``.
        granule_bytes: Bytes of a frame.
    """
    marks = watermarks(frames * granule_bytes, granule_bytes)
    for field, values in zip(("min_frames", "low_frames", "high_frames"), marks, strict=True):
        world.nodes[field][m, :-1] = values


@lean_kernel
def keep_free(world: MemoryWorld, m: int, step_s: float) -> None:
    """Let the threads of all nodes work for a step, the slowest node's first."""
    if world.machines[m].kswapd == 0:
        return
    for node in range(world.nodes.shape[1] - 2, -1, -1):
        if world.nodes[m, node].free < world.nodes[m, node].low_frames:
            balance(world, m, node, step_s * 1e9)


@inner_kernel
def balance(world: MemoryWorld, m: int, node: int, time_ns: float) -> int:
    """Reclaim from a node up to its high watermark, as far as the time goes; return the frames."""
    store, below = world.nodes.shape[1] - 1, node + 1
    wanted = world.nodes[m, node].high_frames - world.nodes[m, node].free
    demoted = 0
    if below < store:
        room = world.nodes[m, below].free - world.nodes[m, below].min_frames
        page_ns = world.machines[m].move_page_ns
        demoted = sweep(world, m, node, below, affordable(world, m, wanted, room, time_ns, page_ns))
        time_ns -= demoted * frame_pages(world, m) * page_ns
    left, page_ns = wanted - demoted, world.machines[m].store_ns
    room = world.nodes[m, store].free
    return demoted + sweep(
        world, m, node, store, affordable(world, m, left, room, time_ns, page_ns)
    )


@inner_kernel
def frame_pages(world: MemoryWorld, m: int) -> float:
    """Return the pages of a frame."""
    return float(world.machines[m].granule_bytes / PAGE_BYTES)


@inner_kernel
def affordable(
    world: MemoryWorld, m: int, wanted: int, room: int, time_ns: float, page_ns: float
) -> int:
    """Return how many of the wanted frames find room and time."""
    frames = max(min(wanted, room), 0)
    if page_ns > 0.0:
        frames = min(frames, int(max(time_ns, 0.0) / (page_ns * frame_pages(world, m))))
    return frames
