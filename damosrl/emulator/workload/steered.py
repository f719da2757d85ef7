"""A workload that is steered while it runs: even cells, whose rates are set epoch by epoch."""

from dataclasses import dataclass

import numpy as np

from damosrl.emulator.workload.model import AccessModel
from damosrl.emulator.workload.parameters import Number, Sampler, check, text
from damosrl.emulator.workload.pieces import GRANULE_BYTES, even_borders

LEAD_S = 0.01
"""Length of the first epoch, in which every page is alike."""


@dataclass(frozen=True, slots=True)
class Steered:
    """Every page alike until `damosrl.emulator.machine.EmulatedMachines.steer` says otherwise.

    The first epoch is in force as soon as memory has been laid out, so it cannot be set; it is over
    after 10 ms.

    Args:
        cells: Cells of equal size.
        epochs: Epochs that can be set; the last one stays in force.
        epoch_s: Length of an epoch.
        mean_rate_hz: Accesses per second per 4 KiB page.

    Example:
        >>> sampler = Sampler(np.random.default_rng(0), randomize=False)
        >>> Steered(cells=4.0, epochs=3.0).draw(64, sampler).rate_hz.shape
        (4, 4)
    """

    cells: Number = 64.0
    epochs: Number = 60.0
    epoch_s: Number = 5.0
    mean_rate_hz: Number = 50.0

    def __post_init__(self) -> None:
        check("cells", self.cells, 1.0, 1024.0)
        check("epochs", self.epochs, 1.0, 10_000.0)
        check("epoch_s", self.epoch_s, 0.1)
        check("mean_rate_hz", self.mean_rate_hz, 0.0)

    def draw(self, granules: int, sampler: Sampler) -> AccessModel:
        """Return equal rates; equal neighbours stay apart, since they will differ."""
        cells = min(sampler.whole(self.cells), granules)
        epochs = sampler.whole(self.epochs)
        rate = np.full((epochs + 1, cells), sampler.number(self.mean_rate_hz), np.float32)
        start_s = LEAD_S + np.arange(epochs) * sampler.number(self.epoch_s)
        return AccessModel(
            border_bytes=even_borders(granules, cells) * GRANULE_BYTES,
            epoch_s=np.append(0.0, start_s),
            rate_hz=rate,
        )

    def describe(self) -> str:
        """Say what it does."""
        return (
            f"{text(self.cells)} cells of equal size with {text(self.mean_rate_hz)} accesses per "
            f"second per 4 KiB page, until somebody sets other rates, every {text(self.epoch_s)} s."
        )
