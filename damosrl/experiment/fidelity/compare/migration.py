"""Migrations under a size quota: what was moved, and how much of the quota moved nothing."""

from dataclasses import dataclass

import numpy as np

from damosrl.experiment.fidelity.emulated.migration import Moved


@dataclass(frozen=True)
class MigrationResult:
    """One scheme in the guest and on emulated machines, one per seed.

    Args:
        guest: What was seen.
        emulated: The same, at the same times.
        quota_bytes: Size quota of a window.
    """

    guest: Moved
    emulated: tuple[Moved, ...]
    quota_bytes: int

    @property
    def moved_bytes(self) -> tuple[float, float]:
        """Bytes of the program moved in the end: in the guest, and the median of the seeds."""
        return self._last("moved_bytes")

    @property
    def tried_bytes(self) -> tuple[float, float]:
        """Bytes charged to the quota in the end."""
        return self._last("tried_bytes")

    @property
    def eaten_share(self) -> tuple[float, float]:
        """Share of what was charged that moved nothing: free frames, and what is not the LRU's."""
        guest = _eaten(self.guest)
        return guest, float(np.median([_eaten(each) for each in self.emulated]))

    @property
    def moved_at_charge_bytes(self) -> tuple[float, float, float]:
        """Bytes moved with each seed when as much had been charged as in the guest.

        Least, median and most; the windows of a slow guest begin late, so it has had fewer of them.
        """
        charged = float(self.guest.tried_bytes[-1])
        moved = [
            float(np.interp(charged, each.tried_bytes, each.moved_bytes)) for each in self.emulated
        ]
        return min(moved), float(np.median(moved)), max(moved)

    def _last(self, name: str) -> tuple[float, float]:
        ends = [float(getattr(each, name)[-1]) for each in self.emulated]
        return float(getattr(self.guest, name)[-1]), float(np.median(ends))


def _eaten(moved: Moved) -> float:
    return 1.0 - float(moved.applied_bytes[-1]) / max(float(moved.tried_bytes[-1]), 1.0)
