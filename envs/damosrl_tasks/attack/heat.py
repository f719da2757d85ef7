"""The attacker's knobs, and the access rates that they mean."""

import numpy as np

from damosrl.knobs import FloatArray, Quantity, QuantitySet

CELLS = 64
"""Cells of the address space, all of one size."""
PLACE, SHARE, ACCESS_SHARE, RATE = range(4)
"""Places of the knobs on the action axis."""

KNOBS = QuantitySet(
    (
        Quantity(
            "heat_place",
            "ratio",
            0.0,
            1.0,
            "Where hot memory begins, as part of the address space; it goes on beyond the end.",
            default=0.0,
        ),
        Quantity(
            "heat_share",
            "ratio",
            0.02,
            0.45,
            "Hot memory, as part of the address space.",
            scale="log",
            default=0.15,
        ),
        Quantity(
            "heat_access_share",
            "ratio",
            0.5,
            0.98,
            "Share of all accesses that go to hot memory.",
            default=0.9,
        ),
        Quantity(
            "mean_rate",
            "1/s",
            15.0,
            150.0,
            "Accesses per second per 4 KiB page, mean over the address space.",
            scale="log",
            default=50.0,
        ),
    )
)


def moved(place: FloatArray, wanted: FloatArray, largest: float) -> FloatArray:
    """Move a place on the ring [0, 1) towards another, by at most a share of the ring.

    Example:
        >>> moved(np.array([0.9]), np.array([0.1]), 0.1).round(6)
        array([0.])
    """
    way = (wanted - place + 0.5) % 1.0 - 0.5
    return np.asarray((place + np.clip(way, -largest, largest)) % 1.0)


def rates(knobs: FloatArray) -> FloatArray:
    """Return accesses per second per page in every cell.

    Args:
        knobs: Physical knobs ``(N, 4)``.

    Returns:
        ``(N, CELLS)``; the mean over cells is the mean rate.
    """
    place, share, access_share, mean_rate = knobs.T[:, :, None]
    start = np.arange(CELLS) / CELLS
    first = (start - place) % 1.0
    # a cell is hot from its start if it begins inside the heat, else from where the heat begins
    inside = np.clip(share - first, 0.0, 1.0 / CELLS)
    reached = np.clip(np.minimum(first + 1.0 / CELLS - 1.0, share), 0.0, 1.0 / CELLS)
    hot = np.clip((inside + reached) * CELLS, 0.0, 1.0)
    density = access_share * hot / share + (1.0 - access_share) * (1.0 - hot) / (1.0 - share)
    return np.asarray(mean_rate * density)
