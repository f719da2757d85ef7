"""The whole machine: pages, a monitor and a scheme per node, the application, tick by tick."""

import numpy as np

from damosrl.damon import Document
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.workload.model import Workload
from damosrl.errors import MachineError

from .application import ClosedLoop
from .pages import PAGE_BYTES, Pages
from .regions import Regions
from .schemes import Migration

EXPOSURE_TOLERANCE = 1e-3
"""Relative change of speed below which hit probabilities are kept, as in the emulator."""
MOST_MIGRATION = 0.95
"""Share of the threads' time that migration may take at most."""


class PerPageMachine:
    """One two-tier machine, simulated page by page.

    Args:
        config: Machine with two memory tiers.
        workload: A drawn workload of one epoch.
        document: One kdamond with one scheme per node.
        seed: Of placement, accesses and sampling.

    Raises:
        MachineError: Something asked for is more than this simulation knows.

    Example:
        >>> machine = PerPageMachine(config, workload, document, seed=1)  # doctest: +SKIP
        >>> machine.run(1.0)  # doctest: +SKIP
        >>> machine.promoted_bytes  # doctest: +SKIP
    """

    def __init__(
        self, config: MachineConfig, workload: Workload, document: Document, seed: int
    ) -> None:
        rng = np.random.Generator(np.random.SFC64(seed))
        contexts = [kdamond.contexts[0] for kdamond in document.kdamonds]
        intervals = contexts[0].attrs.intervals
        self._config = config
        self.pages = Pages(config, workload, rng)
        self.regions = [
            Regions(total, context.attrs, rng)
            for total, context in zip(self.pages.totals, contexts, strict=True)
        ]
        self._schemes = [
            Migration(node, context.schemes[0], intervals.aggr_us / 1e6)
            for node, context in enumerate(contexts)
        ]
        self._sample_s = intervals.sample_us / 1e6
        self._samples = intervals.aggr_us // intervals.sample_us
        self._apply_every = _apply_every(document)
        self._passed = [0, 0]
        self._loop = ClosedLoop(config, workload.application)
        self._threads = workload.application.threads
        self._exposure_s = 0.0
        self._waiting_bytes = 0.0
        self.promoted_bytes = 0
        self.demoted_bytes = 0
        self._speed = self._loop.throughput(self._shares(), np.zeros(2), 1.0) / self._loop.all_fast
        self.slowdown = 1.0 / self._speed
        self.fast_share = float(self._shares()[0])

    @property
    def working_set_bytes(self) -> int:
        """Bytes of the regions that were seen accessed in the last aggregation."""
        accessed = sum(int(part.size[part.last > 0].sum()) for part in self.regions)
        return accessed * PAGE_BYTES

    @property
    def nr_regions(self) -> int:
        """Regions of both nodes."""
        return sum(len(part.start) for part in self.regions)

    def run(self, seconds: float) -> None:
        """Let time pass, in steps of one tick."""
        left_s = seconds
        while left_s > 1e-9:
            step_s = min(self._config.tick_s, left_s)
            self._step(step_s)
            left_s -= step_s

    def _step(self, step_s: float) -> None:
        shares_before = self.pages.loads.copy()
        exposure_s = self._speed * self._sample_s
        if abs(exposure_s - self._exposure_s) > EXPOSURE_TOLERANCE * exposure_s:
            self.pages.set_exposure(exposure_s)
            self._exposure_s = exposure_s
        for node in range(2):
            for _ in range(round(step_s / self._sample_s)):
                self._sample(node)
        loads = 0.5 * (shares_before + self.pages.loads)
        shares = loads / loads.sum()
        background, running = self._migration_cost(step_s)
        self._speed = self._loop.throughput(shares, background, running) / self._loop.all_fast
        self.slowdown = 1.0 / self._speed
        self.fast_share = float(shares[0])

    def _sample(self, node: int) -> None:
        """Let one sampling interval of a kdamond pass."""
        regions = self.regions[node]
        regions.sample(self.pages.draw_accessed(node))
        self._passed[node] += 1
        if self._passed[node] % self._samples:
            return
        regions.end_counting()
        if self._passed[node] % self._apply_every == 0:
            moved = self._schemes[node].apply(regions, self.pages) * PAGE_BYTES
            self._waiting_bytes += moved
            if node == 0:
                self.demoted_bytes += moved
            else:
                self.promoted_bytes += moved
        regions.begin_counting()

    def _migration_cost(self, step_s: float) -> tuple[np.ndarray, float]:
        """Return migration traffic by tier, GB/s, and the share of time left for the threads."""
        pages_at_most = 2 * step_s * 1e6 / self._config.page_move_us
        moved = min(self._waiting_bytes, pages_at_most * PAGE_BYTES)
        self._waiting_bytes -= moved
        cpu = moved / PAGE_BYTES * self._config.page_move_us / (step_s * 1e6)
        background = np.full(2, moved / step_s * 1e-9)
        return background, 1.0 - min(cpu / self._threads, MOST_MIGRATION)

    def _shares(self) -> np.ndarray:
        shares: np.ndarray = self.pages.loads / self.pages.loads.sum()
        return shares


def _apply_every(document: Document) -> int:
    """Return the samples between two applications, the same for all schemes."""
    contexts = [kdamond.contexts[0] for kdamond in document.kdamonds]
    samples = {
        context.schemes[0].apply_interval_us // context.attrs.intervals.sample_us
        for context in contexts
    }
    windows_ms = {context.schemes[0].quota.reset_interval_ms for context in contexts}
    every = samples.pop()
    intervals = contexts[0].attrs.intervals
    fits = every % (intervals.aggr_us // intervals.sample_us) == 0
    if samples or windows_ms != {every * intervals.sample_us // 1000} or not fits:
        raise MachineError(
            "the per-page simulation needs one apply interval",
            allowed="whole aggregations, as long as the quota window, on all nodes",
        )
    return every
