"""All 4 KiB pages of two memory nodes: where they lie, how hot they are, which were accessed."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.placement import start_fill
from damosrl.emulator.presets import MachineConfig, capacities
from damosrl.emulator.workload.model import Workload
from damosrl.errors import MachineError

PAGE_BYTES = 4096
FREE = -1


class Pages:
    """Physical memory as one array of page numbers, node 0 first.

    Args:
        config: Machine with two memory tiers and no swap.
        workload: Workload of one epoch.
        rng: Generator of placement and accesses.

    Raises:
        MachineError: Machine or workload is more than this simulation knows.
    """

    def __init__(self, config: MachineConfig, workload: Workload, rng: np.random.Generator) -> None:
        access = workload.access
        if len(config.memory_tiers) != 2 or config.swap_tier or len(access.epoch_s) != 1:
            raise MachineError(
                "the per-page simulation cannot run this",
                got=f"machine {config.name}, workload {workload.name}",
                allowed="two memory tiers, no swap, a workload that does not change",
            )
        sizes = np.diff(access.border_bytes) // PAGE_BYTES
        rate_hz = np.repeat(access.rate_hz[0], sizes)
        frames = capacities(
            replace(config, granule=f"{PAGE_BYTES}"), access.footprint_bytes, workload.fast_share
        )
        used = start_fill(frames, len(rate_hz), workload.start.fast_fill)
        order = _start_order(rate_hz, workload.start.placement, rng)
        self.totals = (int(frames[0]), int(frames[1]))
        self.free = [int(frames[node] - used[node]) for node in range(2)]
        self._rng = rng
        self._rate_hz = np.append(rate_hz, np.float32(0.0))  # the last one is that of FREE
        self._page = np.full(sum(self.totals), FREE, np.int32)
        self._page[: used[0]] = order[: used[0]]
        self._page[self.totals[0] : self.totals[0] + used[1]] = order[used[0] :]
        self._page_hit = np.zeros_like(self._rate_hz)
        self._hit = np.zeros(len(self._page), np.float32)
        self._draw = np.empty(len(self._page), np.float32)
        self._accessed = np.empty(len(self._page), np.bool_)
        self.loads = np.array([self._load(node) for node in range(2)])

    def part(self, node: int) -> slice:
        """Return the place of a node in the arrays of all pages."""
        return slice(0, self.totals[0]) if node == 0 else slice(self.totals[0], None)

    def set_exposure(self, exposure_s: float) -> None:
        """Set how likely each page is accessed in a sampling interval, 1 - exp(-rate * time)."""
        np.multiply(self._rate_hz, np.float32(-exposure_s), out=self._page_hit)
        np.expm1(self._page_hit, out=self._page_hit)
        np.negative(self._page_hit, out=self._page_hit)
        np.take(self._page_hit, self._page, out=self._hit, mode="wrap")

    def draw_accessed(self, node: int) -> NDArray[np.bool_]:
        """Let a sampling interval pass; return the accessed bit of every page of a node."""
        part = self.part(node)
        self._rng.random(dtype=np.float32, out=self._draw[part])
        return np.less(self._draw[part], self._hit[part], out=self._accessed[part])

    def move(self, node: int, first: int, end: int, target: int) -> int:
        """Move the pages in a node's range to the lowest free places of another; count them."""
        offset, target_offset = self.part(node).start, self.part(target).start
        source = np.flatnonzero(self._page[offset + first : offset + end] != FREE)
        source = source[: self.free[target]] + offset + first
        moved = len(source)
        if moved == 0:
            return 0
        place = np.flatnonzero(self._page[self.part(target)] == FREE)[:moved] + target_offset
        self._page[place], self._hit[place] = self._page[source], self._hit[source]
        load = float(self._rate_hz[self._page[source]].sum(dtype=np.float64))
        self._page[source], self._hit[source] = FREE, 0.0
        self.loads[node] = max(self.loads[node] - load, 0.0)
        self.loads[target] += load
        self.free[node] += moved
        self.free[target] -= moved
        return moved

    def _load(self, node: int) -> float:
        return float(self._rate_hz[self._page[self.part(node)]].sum(dtype=np.float64))


def _start_order(
    rate_hz: NDArray[np.float32], placement: str, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the pages in the order in which they fill the nodes."""
    if placement == "first_touch":
        return np.arange(len(rate_hz))
    if placement == "random":
        return rng.permutation(len(rate_hz))
    return np.argsort(-rate_hz if placement == "good" else rate_hz, kind="stable")
