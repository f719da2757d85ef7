"""What can be read of a batch of hosts: one number per guest and name."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Gauges(NamedTuple):
    """What a host's operator sees of every guest; arrays ``(N, G)``."""

    memory_bytes: FloatArray
    """What the guest believes to have."""
    held_bytes: FloatArray
    """What the host holds for it."""
    usable_bytes: FloatArray
    """What it could use now: given blocks left out."""
    used_bytes: FloatArray
    """What it uses, balloon left out."""
    balloon_bytes: FloatArray
    out_bytes: FloatArray
    """Paged out by the guest."""
    whole_bytes: FloatArray
    """Free memory in blocks of 2 MiB or more, given blocks included."""
    broken_ratio: FloatArray
    """Share of free and given memory that lies in smaller pieces: lost contiguity."""
    unmovable_ratio: FloatArray
    """Share of blocks that hold unmovable pages."""


class Reading(NamedTuple):
    """A look at N hosts."""

    gauges: Gauges
    guests: NDArray[np.void]
    """`damosrl.acma.state.GUEST` records ``(N, G)``, a copy."""
    capacity_bytes: FloatArray
    """Memory of the host for its guests, ``(N,)``."""
    overrun_bytes: FloatArray
    """What guests hold beyond that, ``(N,)``: the host pages it out."""
    rank_bytes: FloatArray
    """Memory of one rank, ``(N,)``."""
    dark_saving_w: FloatArray
    """Power that one rank in self-refresh saves, ``(N,)``."""
    time_s: FloatArray
    """``(N,)``."""
