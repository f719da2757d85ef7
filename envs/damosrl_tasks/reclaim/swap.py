"""What is in memory, what is swapped out, and what that saves."""

from typing import NamedTuple

import numpy as np

from damosrl.knobs import FloatArray
from damosrl.machine import SwapUse, Telemetry


class Holdings(NamedTuple):
    """Bytes of N machines, ``(N,)`` each; NaN where the machine does not tell."""

    resident: FloatArray
    """In use on memory nodes."""
    swapped: FloatArray
    """Swapped out, by their size in memory."""
    pool: FloatArray
    """Memory that the copies of swapped pages take."""
    room: FloatArray
    """Size of the swap space."""

    @property
    def everything(self) -> FloatArray:
        """All memory in use, at least one byte."""
        return np.maximum(self.resident + self.swapped, 1.0)

    @property
    def held_ratio(self) -> FloatArray:
        """Memory that is really taken, of all in use."""
        return (self.resident + self.pool) / self.everything

    @property
    def saved_ratio(self) -> FloatArray:
        """Memory that need not be there, of all in use."""
        return 1.0 - self.held_ratio


def swap_use(telemetry: Telemetry) -> SwapUse:
    """Return the swap space; a machine that tells nothing of it gives NaN."""
    unknown = np.full(len(telemetry.time_s), np.nan)
    return telemetry.swap or SwapUse(*(unknown for _ in SwapUse._fields))


def holdings(telemetry: Telemetry) -> Holdings:
    """Add up what a machine tells of its memory and swap space."""
    resident = (telemetry.node_total_bytes - telemetry.node_free_bytes).sum(axis=1)
    swap = swap_use(telemetry)
    return Holdings(resident, swap.used_bytes, swap.pool_bytes, swap.total_bytes)
