"""What control groups hold, as a kernel tells it; and how their tenants fare, as none can."""

from collections.abc import Sequence

import numpy as np

from damosrl.emulator.jit import kernel
from damosrl.emulator.memcg import memcg_id
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.physical_metrics import memcg_frames
from damosrl.emulator.report import ratio
from damosrl.machine import FloatArray, IntArray, MemcgTruth, MemcgUse


@kernel
def _count_frames(world: MemoryWorld, groups: IntArray, frames: IntArray) -> None:
    """Count the frames ``(N, G, T)`` of every group on every node."""
    for m in range(frames.shape[0]):
        for g in range(frames.shape[1]):
            for node in range(frames.shape[2]):
                frames[m, g, node] = memcg_frames(world, m, node, groups[g])


def read_memcgs(world: MemoryWorld, paths: Sequence[str]) -> MemcgUse:
    """Return the memory of some control groups now."""
    groups = np.array([memcg_id(path) for path in paths], np.int64)
    machines, nodes = world.nodes.shape
    frames = np.zeros((machines, len(groups), nodes - 1), np.int64)
    _count_frames(world, groups, frames)
    return MemcgUse(tuple(paths), frames * world.machines["granule_bytes"][:, None, None])


def read_memcg_truth(world: MemoryWorld, paths: Sequence[str]) -> MemcgTruth:
    """Return how the tenants in some control groups fared over the last run."""
    shape = (len(world.machines), len(paths))
    truth = MemcgTruth(tuple(paths), *np.full((3, *shape), np.nan))
    counts = world.machines["num_tenants"]
    present = (np.arange(world.tenants.shape[1]) < counts[:, None]) & (counts > 1)[:, None]
    for place, path in enumerate(paths):
        rows, columns = np.nonzero(present & (world.tenants["memcg"] == memcg_id(path)))
        found = world.tenants[rows, columns]
        served: FloatArray = found["accesses"]
        truth.slowdown[rows, place] = ratio(found["possible"], served)
        truth.mean_latency_ns[rows, place] = ratio(found["latency_sum_ns"], served)
        truth.fast_share[rows, place] = ratio(found["fast_accesses"], served)
    return truth
