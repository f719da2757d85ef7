"""What happened on every host between two decisions."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.blocks import BLOCK_BYTES, LEAF_BYTES
from damosrl.acma.reading import Reading
from damosrl.knobs import FloatArray

TOTALS = (
    "pressure_us",
    "full_us",
    "tried_blocks",
    "failed_blocks",
    "given_blocks",
    "returned_blocks",
    "moved_total",
    "failed_leaves",
    "out_total",
    "cma_requests",
    "cma_served",
    "cma_from_stack",
    "cma_us",
    "unplug_failures",
    "rank_exits",
)


class Interval(NamedTuple):
    """An interval that just ended on N hosts with G guests."""

    now: Reading
    seconds: FloatArray
    """``(N,)``."""
    grown: dict[str, FloatArray]
    """Growth of each of `TOTALS`, ``(N, G)``."""

    @property
    def memory_bytes(self) -> FloatArray:
        """What all guests believe to have, ``(N,)``."""
        return np.asarray(self.now.gauges.memory_bytes.sum(axis=1))

    def share(self, gauge: str) -> FloatArray:
        """Return a gauge in bytes as a share of all guests' memory, ``(N,)``."""
        values: FloatArray = getattr(self.now.gauges, gauge)
        return np.asarray(values.sum(axis=1) / self.memory_bytes)

    def total(self, name: str) -> FloatArray:
        """Return the growth of a total over all guests, ``(N,)``."""
        return np.asarray(self.grown[name].sum(axis=1))

    @property
    def pressure_ratio(self) -> FloatArray:
        """Share of time that some task stalled, by guest, ``(N, G)``."""
        return np.asarray(self.grown["pressure_us"] / (1e6 * self.seconds[:, None]))

    @property
    def full_pressure_ratio(self) -> FloatArray:
        """Share of time that all tasks stalled at once, by guest, ``(N, G)``."""
        return np.asarray(self.grown["full_us"] / (1e6 * self.seconds[:, None]))

    @property
    def slowdown(self) -> FloatArray:
        """Mean slowdown of the guests in the last second, ``(N,)``; only an emulator knows."""
        return np.asarray(self.now.guests["slowdown"].mean(axis=1))

    @property
    def worst_slowdown(self) -> FloatArray:
        """Slowdown of the slowest guest in the last second, ``(N,)``."""
        return np.asarray(self.now.guests["slowdown"].max(axis=1))

    @property
    def failed_ratio(self) -> FloatArray:
        """Memory that was asked for and not got, of all guests' memory, ``(N,)``."""
        return self.total("failed_leaves") * LEAF_BYTES / self.memory_bytes

    def rate_ratio(self, name: str) -> FloatArray:
        """Return a total of blocks per second as a share of all guests' blocks, ``(N,)``."""
        blocks = self.memory_bytes / BLOCK_BYTES
        return self.total(name) / np.maximum(self.seconds, 1e-9) / blocks


class Intervals:
    """Makes intervals of readings."""

    def __init__(self) -> None:
        self._before: Reading | None = None

    def reset(self, which: NDArray[np.bool_], reading: Reading) -> Interval:
        """Forget the marked machines' past; return an interval in which nothing happened."""
        if self._before is None:
            self._before = reading
        else:
            guests, time_s = self._before.guests.copy(), self._before.time_s.copy()
            guests[which], time_s[which] = reading.guests[which], reading.time_s[which]
            self._before = reading._replace(guests=guests, time_s=time_s)
        grown = {name: np.zeros(reading.guests.shape) for name in TOTALS}
        return Interval(reading, np.ones(len(which)), grown)

    def close(self, reading: Reading) -> Interval:
        """End the interval that began at the last reading."""
        before = self._before or reading
        self._before = reading
        grown = {
            name: (reading.guests[name] - before.guests[name]).astype(np.float64) for name in TOTALS
        }
        return Interval(reading, np.maximum(reading.time_s - before.time_s, 1e-9), grown)
